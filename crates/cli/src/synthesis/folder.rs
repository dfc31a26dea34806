//! The folder at hand and the one that is made of it.

use super::inputs::{Inputs, lines};
use super::log::Log;
use super::report::Report;
use super::{Kind, Originals, Synthesis};
use crate::Error;
use crate::sink::unwritable;
use crate::tell::tell;
use crate::text_model::TextModel;
use lsra_exec::atomic;
use lsra_text::prepare::{FolderLock, Manifest, SentenceReader, TextForm};
use lsra_text::{Languages, Split, TextError};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Written last: a folder that has it is whole.
const MANIFEST: &str = "corpus.json";

/// Whose work the folder is.
const KEY: &str = "work/synthesis.key";

/// A folder to train on, and another that will be like it.
pub(super) struct Folder {
    data: PathBuf,
    pub out: PathBuf,
    pub languages: Languages,
    /// What lines went through; none where they were tokenised before.
    pub form: Option<TextForm>,
    /// Whether tokenised text has codes that cut it.
    pub has_codes: bool,
}

impl Folder {
    /// Languages are the folder's own, or, where it was not prepared here, those that the model names.
    ///
    /// Errors: a folder that is not whole, or the same for both.
    pub fn of(job: &Synthesis, model: &TextModel) -> Result<Folder, Error> {
        let Synthesis { data, out, .. } = job;
        Error::check_other_folder(data, out)?;
        let (languages, form) = if Manifest::is_in(data) {
            let manifest = Manifest::read(data)?;
            (manifest.languages, Some(manifest.text))
        } else {
            (Folder::named(job, model), None)
        };
        let has_codes = data.join("bpe.codes").is_file();
        let folder = Folder { data: data.clone(), out: out.clone(), languages, form, has_codes };
        // Before anything is said of the model's text: what is no corpus has none to compare with.
        folder.train().iter().try_for_each(|file| SentenceReader::open(file, usize::MAX).map(drop))?;
        Ok(folder)
    }

    fn named(job: &Synthesis, model: &TextModel) -> Languages {
        let name = |key: &str| model.card.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (source, target) = (name("source_language"), name("target_language"));
        match job.kind {
            Kind::Distilled(_) => Languages { source, target },
            Kind::BackTranslated { .. } => Languages { source: target, target: source },
        }
    }

    /// Source and target of a part of the folder at hand.
    pub fn part(&self, split: Split) -> [PathBuf; 2] {
        self.names(split).map(|name| self.data.join(name))
    }

    pub fn train(&self) -> [PathBuf; 2] {
        self.part(Split::Train)
    }

    fn names(&self, split: Split) -> [String; 2] {
        let Languages { source, target } = &self.languages;
        [source, target].map(|language| format!("{}.{language}", split.name()))
    }

    /// All that the new folder's content depends on in the old one.
    pub fn read(&self) -> Vec<PathBuf> {
        Split::ALL.into_iter().flat_map(|split| self.part(split)).collect()
    }

    /// Waits until no other run makes the new folder. It is made, unless it holds something else.
    ///
    /// Errors: it does, or cannot be written.
    pub fn lock(&self, command: &str) -> Result<FolderLock, Error> {
        self.refuse_foreign()?;
        let work = self.out.join("work");
        fs::create_dir_all(&work).map_err(unwritable(&self.out))?;
        let waits = || tell!("{command}: waiting until another run has made {}", self.out.display());
        Ok(FolderLock::take(&work.join("lock"), waits)?)
    }

    fn refuse_foreign(&self) -> Result<(), TextError> {
        if self.out.join(KEY).is_file() {
            return Ok(());
        }
        let train = self.names(Split::Train);
        let mut names = train.iter().map(String::as_str).chain([MANIFEST]);
        match names.find(|name| self.out.join(name).exists()) {
            Some(found) => {
                let folder = self.out.display().to_string();
                Err(TextError::ForeignFolder { folder, found: found.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// Makes the new folder this job's: train and translations that another one left in it go. It is [locked](Folder::lock).
    ///
    /// Errors: it holds something else, or cannot be written.
    pub fn claim(&self, key: &str) -> Result<(), Error> {
        self.refuse_foreign()?;
        let note = self.out.join(KEY);
        let there = fs::read_to_string(&note).ok();
        let train = self.names(Split::Train);
        // Train is written anew in any case, and until it is the folder is not whole.
        let mut stale: Vec<&str> = train.iter().map(String::as_str).chain([MANIFEST]).collect();
        if there.as_deref() != Some(key) {
            stale.push(Log::FILE);
        }
        for name in stale {
            let path = self.out.join(name);
            match fs::remove_file(&path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(unwritable(&path)(cause)),
                _ => {}
            }
        }
        atomic::replace(&note, |f| f.write_all(key.as_bytes())).map_err(unwritable(&note))
    }

    /// Writes train, once all is translated, and copies the rest.
    ///
    /// Errors: a file cannot be read or written, or sides of train differ in number.
    pub fn assemble(&self, job: &Synthesis, inputs: &Inputs, log: &Log) -> Result<Report, Error> {
        self.copy_others()?;
        let mut report = Report::new(job);
        let [source, target] = self.train();
        let [source_out, target_out] = self.names(Split::Train).map(|name| self.out.join(name));
        let keeps = job.kind != Kind::Distilled(Originals::Drop);
        // Of train as it is at hand.
        let mut own = [0; 2];
        write_lines(&source_out, |to| {
            if keeps {
                own[0] = copy_lines(&source, to)?;
            }
            let (mut sentences, counts) = inputs.counted()?;
            for line in log.lines()? {
                let sentence = sentences.next().transpose()?.ok_or_else(|| log.of_other_text())?;
                match (line?, &job.kind) {
                    (Ok(_), Kind::Distilled(_)) | (Err(_), Kind::Distilled(Originals::Drop)) => to.line(&sentence)?,
                    (Ok(translation), Kind::BackTranslated { .. }) => to.line(&translation)?,
                    (Err(_), _) => {}
                }
            }
            // To the end, where lines that are dropped may follow.
            sentences.try_for_each(|s| s.map(|_| ()))?;
            report.count(&counts.borrow());
            if !keeps {
                own[0] = report.read;
            }
            report.pairs = to.lines;
            Ok(())
        })?;
        write_lines(&target_out, |to| {
            if keeps {
                own[1] = copy_lines(&target, to)?;
                report.originals = own[1];
            }
            let mut references = lines(&target)?;
            let mut sentences = inputs.sentences()?;
            for line in log.lines()? {
                let line = line?;
                report.translated(&line);
                match &job.kind {
                    Kind::Distilled(Originals::Drop) => {
                        let reference = references.next().transpose()?;
                        own[1] += u64::from(reference.is_some());
                        report.originals += u64::from(line.is_err());
                        to.line(&line.unwrap_or_else(|_| reference.unwrap_or_default()))?;
                    }
                    Kind::Distilled(Originals::Keep) => line.map_or(Ok(()), |translation| to.line(&translation))?,
                    Kind::BackTranslated { .. } => {
                        let sentence = sentences.next().transpose()?.unwrap_or_default();
                        if line.is_ok() {
                            to.line(&sentence)?;
                        }
                    }
                }
            }
            if !keeps {
                own[1] += references.try_fold(0, |n, r| r.map(|_| n + 1))?;
            }
            if own[0] != own[1] {
                return Err(TextError::SidesDiffer {
                    source_file: source.display().to_string(),
                    source_lines: own[0] as usize,
                    target_file: target.display().to_string(),
                    target_lines: own[1] as usize,
                }
                .into());
            }
            Ok(())
        })?;
        Ok(report)
    }

    /// Says that the folder is whole.
    ///
    /// Errors: the manifest cannot be copied.
    pub fn finish(&self) -> Result<(), Error> {
        if self.data.join(MANIFEST).is_file() { self.copy(MANIFEST) } else { Ok(()) }
    }

    /// All files but train, reports, which tell of another train, and the manifest.
    fn copy_others(&self) -> Result<(), Error> {
        let unreadable = |cause| TextError::Unreadable { file: self.data.display().to_string(), cause };
        let train = self.names(Split::Train);
        for entry in fs::read_dir(&self.data).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let other = [MANIFEST, "report.json", "report.html", Report::FILE].contains(&name.as_str());
            // What a link leads to is read like a file, so it is copied like one.
            let is_file = entry.path().is_file();
            if is_file && !other && !train.contains(&name) && !name.ends_with(".partial") {
                self.copy(&name)?;
            }
        }
        Ok(())
    }

    fn copy(&self, name: &str) -> Result<(), Error> {
        let (from, to) = (self.data.join(name), self.out.join(name));
        let mut file =
            File::open(&from).map_err(|cause| TextError::Unreadable { file: from.display().to_string(), cause })?;
        atomic::replace(&to, |f| io::copy(&mut file, f).map(|_| ())).map_err(unwritable(&to))
    }
}

/// A file that is being written, line by line.
struct Writer<'w> {
    to: &'w mut dyn Write,
    lines: u64,
}

impl Writer<'_> {
    fn line(&mut self, text: &str) -> Result<(), Fault> {
        self.lines += 1;
        writeln!(self.to, "{text}").map_err(Fault::Write)
    }
}

/// What can go wrong while a file is made of others.
enum Fault {
    Write(io::Error),
    Read(Error),
}

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault::Read(error.into())
    }
}

/// Errors: those of `write`, or the file cannot be written; then there is none.
fn write_lines(path: &Path, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Fault>) -> Result<(), Error> {
    let mut fault = None;
    let written = atomic::replace(path, |to| {
        write(&mut Writer { to, lines: 0 }).map_err(|error| match error {
            Fault::Write(cause) => cause,
            Fault::Read(error) => {
                fault = Some(error);
                io::ErrorKind::Other.into()
            }
        })
    });
    match fault {
        Some(error) => Err(error),
        None => written.map_err(unwritable(path)),
    }
}

/// All lines of a file; how many.
fn copy_lines(from: &Path, to: &mut Writer<'_>) -> Result<u64, Fault> {
    let before = to.lines;
    for line in lines(from)? {
        to.line(&line?)?;
    }
    Ok(to.lines - before)
}
