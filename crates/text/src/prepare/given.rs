//! Valid and test as a user brings them: normalised as train is, otherwise kept whole, and kept apart from it.

use super::clean::{self, Wanted};
use super::config::PrepareConfig;
use super::lines::Lines;
use super::pair::{self, key};
use super::reason::Dropped;
use super::source::Source;
use crate::{Split, TextError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// What became of a part that a user brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenReport {
    /// `valid` or `test`.
    pub name: String,
    /// Its raw files, by name.
    pub files: Vec<String>,
    /// Pairs read.
    pub read: u64,
    /// Pairs dropped, because they could not be read.
    pub dropped: Vec<Dropped>,
}

/// Where the pairs of a given part stand between the first step and the second, within the folder.
pub(super) fn file_name(split: Split) -> String {
    format!("work/{}.tsv", split.name())
}

/// Reads the files of a part.
///
/// Errors: a file cannot be read, nothing can be read of it, or the folder not be written.
pub(super) fn read(
    split: Split,
    source: &Source,
    config: &PrepareConfig,
    out: &Path,
) -> Result<GivenReport, TextError> {
    let found = clean::clean(source, config, Wanted::Readable, &out.join(file_name(split)))?;
    found.check_some_left(split, source)?;
    Ok(GivenReport {
        name: split.name().to_owned(),
        files: source.file_names(),
        read: found.read,
        dropped: found.dropped,
    })
}

/// The sentences of a part, by what they are known by.
#[derive(Clone, Debug, Default)]
pub(super) struct Sentences([HashSet<u64>; 2]);

impl Sentences {
    /// Of a part that [`read`] wrote.
    ///
    /// Memory: eight bytes a sentence, and the table's slack.
    pub(super) fn of(file: &Path) -> Result<Sentences, TextError> {
        let mut sentences = Sentences::default();
        each(file, |[source, target]| {
            sentences.0[0].insert(source);
            sentences.0[1].insert(target);
        })?;
        Ok(sentences)
    }

    /// Whether a pair has a side in common with one of these.
    pub(super) fn have(&self, keys: [u64; 2]) -> bool {
        self.0.iter().zip(keys).any(|(side, key)| side.contains(&key))
    }

    /// How many pairs of a file have.
    pub(super) fn shared_with(&self, file: &Path) -> Result<u64, TextError> {
        let mut shared = 0;
        each(file, |keys| shared += u64::from(self.have(keys)))?;
        Ok(shared)
    }
}

fn each(file: &Path, mut with: impl FnMut([u64; 2])) -> Result<(), TextError> {
    let mut lines: Lines = pair::open(file)?;
    while let Some(pair) = pair::read(&mut lines)? {
        with([key(&pair.source), key(&pair.target)]);
    }
    Ok(())
}
