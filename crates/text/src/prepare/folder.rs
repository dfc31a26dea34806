//! The prepared folder: the name of every file that a preparation writes there. What of a user's is refused, and what of an earlier
//! preparation is removed, follows from these lists.

use super::state::State;
use super::{Preparation, Step};
use super::{given, manifest::MANIFEST, pieces::dictionary_file, pieces::tokenizer_files};
use crate::{Languages, Split, TextError, staged};
use std::fs;
use std::path::{Path, PathBuf};

/// The report as JSON.
pub const REPORT: &str = "report.json";

/// The report as a page, which whoever shows reports writes there.
pub const PAGE: &str = "report.html";

/// What steps leave for those after them.
pub(super) const WORK: &str = "work";
pub(super) const STATE: &str = "work/state.json";
pub(super) const CLEAN: &str = "work/clean.tsv";

/// Held by the one preparation that is under way. Nothing is written to it.
pub(super) const LOCK: &str = "work/lock";

/// What a folder has beside the files of its steps.
pub(super) const BESIDE_STEPS: [&str; 3] = [REPORT, PAGE, MANIFEST];

impl Step {
    /// Its name in the notes, and of what it found.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Look => "look",
            Step::Clean => "clean",
            Step::Divide => "divide",
            Step::Pieces => "pieces",
        }
    }

    /// Where it notes what it found.
    pub(super) fn findings(self) -> String {
        format!("{WORK}/{}.json", self.name())
    }

    /// What it writes, its findings last.
    pub(super) fn files(self, job: &Preparation) -> Vec<String> {
        let mut files = match self {
            Step::Look => return Vec::new(),
            Step::Clean => between_steps(job),
            Step::Divide => part_files(&job.languages),
            Step::Pieces => {
                [tokenizer_files(job.config.bpe, &job.languages), dictionary_files(&job.languages)].concat()
            }
        };
        files.push(self.findings());
        files
    }
}

/// What the first step writes for the second, and nobody needs afterwards.
pub(super) fn between_steps(job: &Preparation) -> Vec<String> {
    let given = job.given().into_iter().map(|(split, _)| given::file_name(split));
    [CLEAN.to_owned()].into_iter().chain(given).collect()
}

/// Everything that a preparation writes.
pub(super) fn written(job: &Preparation) -> Vec<String> {
    let steps = [Step::Clean, Step::Divide, Step::Pieces].into_iter().flat_map(|step| step.files(job));
    steps.chain(BESIDE_STEPS.map(str::to_owned)).chain([STATE.to_owned()]).collect()
}

/// What of it stays.
pub(super) fn lasting(job: &Preparation) -> Vec<String> {
    let passing = between_steps(job);
    written(job).into_iter().filter(|name| !passing.contains(name)).collect()
}

fn part_files(languages: &Languages) -> Vec<String> {
    let both = [&languages.source, &languages.target];
    Split::ALL.iter().flat_map(|split| both.map(|language| super::divide::file_name(*split, language))).collect()
}

fn dictionary_files(languages: &Languages) -> Vec<String> {
    [&languages.source, &languages.target].map(|language| dictionary_file(language)).to_vec()
}

/// Whether any preparation, of whatever text by whatever settings, writes a file of this name, and within `out`.
pub(super) fn may_be_prepared(out: &Path, name: &str) -> bool {
    if name.starts_with(&format!("{WORK}/")) {
        let findings = [Step::Clean, Step::Divide, Step::Pieces].map(Step::findings);
        let parts = [Split::Valid, Split::Test].map(given::file_name);
        let mut known = [CLEAN, STATE].into_iter().chain(findings.iter().chain(&parts).map(String::as_str));
        // A link would lead to somebody else's folder.
        return known.any(|known| known == name) && !out.join(WORK).is_symlink();
    }
    let is_part = || Split::ALL.iter().any(|split| name.strip_prefix(split.name()).is_some_and(|n| n.starts_with('.')));
    let is_of = |begin, end| name.starts_with(begin) && name.ends_with(end);
    let beside = || BESIDE_STEPS.contains(&name) || super::iwslt14::BESIDE_PARTS.contains(&name);
    !name.contains(['/', '\\']) && (is_part() || is_of("dict.", ".txt") || is_of("tokenizer", ".json") || beside())
}

/// Errors: a raw file is one of these, which the preparation would write over or remove.
pub(super) fn refuse_own<'n>(
    raw: &[&PathBuf],
    names: impl Iterator<Item = &'n String>,
    out: &Path,
) -> Result<(), TextError> {
    let places = names.flat_map(|name| [out.join(name), staged::partial(&out.join(name))]);
    let places: Vec<PathBuf> = places.chain([out.join(LOCK)]).filter_map(|place| place.canonicalize().ok()).collect();
    let own = |file: &&&PathBuf| file.canonicalize().is_ok_and(|path| places.contains(&path));
    match raw.iter().find(own) {
        Some(file) => Err(TextError::OwnFile { file: file.display().to_string(), folder: out.display().to_string() }),
        None => Ok(()),
    }
}

/// Errors: one of these files, or what it is called while it is being written, is there and is none that the folder's state lists;
/// or the folder is a file.
pub(super) fn refuse_foreign(
    out: &Path,
    names: &[String],
    state: &str,
    beside_steps: &[&str],
) -> Result<(), TextError> {
    if out.exists() && !out.is_dir() {
        return Err(TextError::NotAFolder { path: out.display().to_string() });
    }
    // Of each, what it is listed as and where it lies. The state's own first half is there before anything is listed.
    let partials = names.iter().filter(|name| *name != state).map(|name| (name, staged::partial(&out.join(name))));
    let places = names.iter().map(|name| (name, out.join(name))).chain(partials);
    let there: Vec<(&String, PathBuf)> = places.filter(|(_, place)| is_there(place)).collect();
    // What another preparation writes at this moment was listed before it was there.
    let state = State::load(out, state, beside_steps);
    match there.into_iter().find(|(name, place)| !state.lists(name) && is_there(place)) {
        Some((_, place)) => {
            let found = place.strip_prefix(out).unwrap_or(&place).display().to_string();
            Err(TextError::ForeignFolder { folder: out.display().to_string(), found })
        }
        None => Ok(()),
    }
}

/// Whether there is something. A link that leads nowhere is something, too.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

pub(super) fn remove(path: &Path) -> Result<(), TextError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(staged::unwritable(path)(cause)),
        _ => Ok(()),
    }
}
