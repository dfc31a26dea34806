//! Pairs between the first step and the second: a line `source<TAB>target<TAB>file:line` each.

use super::hash::hash;
use super::lines::Lines;
use super::reason::{Example, shortened};
use crate::TextError;
use std::path::{Path, PathBuf};

/// A pair of the first step's file.
pub(super) struct Pair {
    pub(super) source: String,
    pub(super) target: String,
    place: String,
}

impl Pair {
    /// As a reader is shown it, its place told with the names of `files`.
    pub(super) fn example(&self, files: &[PathBuf]) -> Example {
        let (file, line) = self.place.split_once(':').unwrap_or(("0", &self.place));
        let name = file.parse().ok().and_then(|n: usize| files.get(n)).and_then(|f| f.file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        Example { place: format!("{name}:{line}"), source: shortened(&self.source), target: shortened(&self.target) }
    }
}

/// Errors: the file cannot be opened, or is empty.
pub(super) fn open(from: &Path) -> Result<Lines, TextError> {
    Lines::open_own(from)
}

/// The next pair of the first step's file.
///
/// Errors: the file cannot be read on.
pub(super) fn read(lines: &mut Lines) -> Result<Option<Pair>, TextError> {
    let mut line = Vec::new();
    if lines.next(&mut line)?.is_none() {
        return Ok(None);
    }
    let line = String::from_utf8(line).expect("written as text");
    let mut columns = line.split('\t').map(str::to_owned);
    let mut column = || columns.next().unwrap_or_default();
    Ok(Some(Pair { source: column(), target: column(), place: column() }))
}

/// What a sentence is known by when parts are kept apart: its letters and digits alone, so that no part has a sentence that
/// differs from another's in case or a comma only.
pub fn key(line: &str) -> u64 {
    let folded: String = line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    hash(if folded.is_empty() { line } else { &folded })
}
