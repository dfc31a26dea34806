//! Translations as they come: a line each, in the order of their sentences, `+` and the text or `-` and why there is none.

use super::inputs::Inputs;
use crate::Error;
use crate::sink::unwritable;
use crate::tell::tell;
use crate::text_model::{Form, TextModel};
use lsra_infer::{GeneratorConfig, Hypothesis, Translator};
use lsra_text::{EOS, TextError, UNK};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Sentences translated between two writes: enough for chunks of similar length, a few seconds of work to lose.
const WINDOW: usize = 1024;

/// Between two lines that tell how it goes.
const TOLD: Duration = Duration::from_secs(10);

/// Of one folder.
pub(super) struct Log {
    path: PathBuf,
    command: &'static str,
}

/// What became of a sentence: its translation, or why it has none.
pub(super) type Translated = Result<String, String>;

impl Log {
    /// Where it lies in the folder.
    pub const FILE: &str = "work/translations.txt";

    pub fn new(out: &Path, command: &'static str) -> Log {
        Log { path: out.join(Log::FILE), command }
    }

    /// Translates what has no line yet.
    ///
    /// Errors: sentences that cannot be read, or a log that cannot be written.
    pub fn complete(
        &self,
        inputs: &Inputs,
        model: &TextModel,
        translator: &Translator<'_>,
        search: &GeneratorConfig,
        threads: usize,
    ) -> Result<(), Error> {
        let (mut file, done) = self.open().map_err(unwritable(&self.path))?;
        if done > 0 {
            tell!("{}: {done} sentences were translated before", self.command);
        }
        let mut sentences = inputs.sentences()?.skip(done as usize);
        let (begun, mut told, mut count) = (Instant::now(), Instant::now(), 0u64);
        loop {
            let window = sentences.by_ref().take(WINDOW).collect::<Result<Vec<String>, Error>>()?;
            if window.is_empty() {
                return Ok(());
            }
            let mut lines = String::new();
            for found in translate(model, translator, search, threads, &window) {
                match found {
                    Ok(text) => lines += &format!("+{text}\n"),
                    Err(reason) => lines += &format!("-{reason}\n"),
                }
            }
            // On the disk, so that a line that is there was written whole.
            let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
            written.map_err(unwritable(&self.path))?;
            count += window.len() as u64;
            if told.elapsed() >= TOLD {
                told = Instant::now();
                let speed = count as f64 / begun.elapsed().as_secs_f64();
                tell!("{}: {} sentences, {speed:.0} a second", self.command, done + count);
            }
        }
    }

    /// That it has a line for which there is no sentence.
    pub fn of_other_text(&self) -> Error {
        Error::OtherTranslations { file: self.path.display().to_string() }
    }

    /// All lines.
    ///
    /// Errors: the log cannot be read.
    pub fn lines(&self) -> Result<impl Iterator<Item = Result<Translated, Error>> + use<>, Error> {
        let file = self.path.display().to_string();
        let unreadable = move |cause| TextError::Unreadable { file: file.clone(), cause };
        let reader = BufReader::new(File::open(&self.path).map_err(&unreadable)?);
        Ok(reader.lines().map(move |line| {
            let line = line.map_err(&unreadable)?;
            Ok(match line.strip_prefix('+') {
                Some(text) => Ok(text.to_owned()),
                None => Err(line[1.min(line.len())..].to_owned()),
            })
        }))
    }

    /// To append to, and the number of its lines. A line that an end cut short is taken away.
    fn open(&self) -> io::Result<(File, u64)> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        let (mut lines, mut read, mut whole) = (0, 0, 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            for (i, _) in buffer[..n].iter().enumerate().filter(|(_, b)| **b == b'\n') {
                (lines, whole) = (lines + 1, read + i as u64 + 1);
            }
            read += n as u64;
        }
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok((file, lines))
    }
}

fn translate(
    model: &TextModel,
    translator: &Translator<'_>,
    search: &GeneratorConfig,
    threads: usize,
    window: &[String],
) -> Vec<Translated> {
    let encoded: Vec<Vec<u32>> = window.iter().map(|line| model.encode_source(line, Form::Words)).collect();
    let fits = |ids: &[u32]| match ids.len() {
        0 | 1 => Err("empty".to_owned()),
        n if n > model.max_positions() => Err("longer than the model's positions".to_owned()),
        _ => Ok(()),
    };
    let sources: Vec<Vec<u32>> = encoded.iter().filter(|ids| fits(ids).is_ok()).cloned().collect();
    let mut found = translator.translate(&sources, search, threads).into_iter();
    let one = |ids: &Vec<u32>| {
        fits(ids)?;
        let best = found.next().and_then(|hypotheses| hypotheses.into_iter().next());
        best.map_or_else(|| Err("no translation".to_owned()), |hypothesis| text(model, &hypothesis))
    };
    encoded.iter().map(one).collect()
}

/// As the corpus spells its lines.
fn text(model: &TextModel, hypothesis: &Hypothesis) -> Translated {
    if hypothesis.tokens.contains(&UNK) {
        return Err("an unknown word in the translation".to_owned());
    }
    let line = match (&model.target_bpe, model.form) {
        // The corpus came cut into pieces, and stays so.
        (None, None) => {
            let ids: Vec<u32> = hypothesis.tokens.iter().copied().filter(|&id| id != EOS).collect();
            model.pieces(&ids).join(" ")
        }
        (_, form) => {
            let line = model.text(hypothesis);
            form.map_or_else(|| line.trim().to_owned(), |form| form.apply(&line))
        }
    };
    if line.is_empty() { Err("an empty translation".to_owned()) } else { Ok(line) }
}
