//! What a synthesis tells of the folder it made.

use super::Synthesis;
use super::inputs::Counts;
use super::log::Translated;
use crate::Error;
use crate::profile::grouped;
use crate::sink::unwritable;
use lsra_exec::atomic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// In numbers. It says nothing of times: the same files give the same report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which command.
    pub command: String,
    /// The model file.
    pub model: String,
    /// Lines read to be translated.
    pub read: u64,
    /// Those of them that were left out, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Sentences with a translation.
    pub translated: u64,
    /// Sentences without, by reason.
    pub untranslated: BTreeMap<String, u64>,
    /// Pairs of train as they were in the folder at hand.
    pub originals: u64,
    /// Pairs of train in all.
    pub pairs: u64,
}

impl Report {
    /// In the folder.
    pub const FILE: &str = "synthesis.json";

    pub(super) fn new(job: &Synthesis) -> Report {
        Report { command: job.name().to_owned(), model: job.model.display().to_string(), ..Report::default() }
    }

    pub(super) fn count(&mut self, counts: &Counts) {
        (self.read, self.dropped) = (counts.read, counts.dropped.clone());
    }

    pub(super) fn translated(&mut self, line: &Translated) {
        match line {
            Ok(_) => self.translated += 1,
            Err(reason) => *self.untranslated.entry(reason.clone()).or_default() += 1,
        }
    }

    /// Errors: the file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(Report::FILE);
        let json = serde_json::to_vec_pretty(self).expect("names and numbers");
        atomic::replace(&path, |f| f.write_all(&json)).map_err(unwritable(&path))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
        let Report { read, dropped, translated, untranslated, originals, pairs, .. } = self;
        writeln!(
            f,
            "{} lines read, {} left out, {} translated, {} without a translation",
            grouped(*read),
            grouped(sum(dropped)),
            grouped(*translated),
            grouped(sum(untranslated)),
        )?;
        for (reason, count) in dropped {
            writeln!(f, "  left out, {reason}: {}", grouped(*count))?;
        }
        for (reason, count) in untranslated {
            writeln!(f, "  without a translation, {reason}: {}", grouped(*count))?;
        }
        let (all, own) = (grouped(*pairs), grouped(*originals));
        write!(f, "train: {all} pairs, {own} as they were and {} of the model", grouped(pairs - originals))
    }
}
