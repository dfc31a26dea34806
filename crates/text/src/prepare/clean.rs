//! The first step: read, normalise, and drop what a pair by itself shows to be wrong, and what has come before.
//!
//! Of valid and test that a user brings, only what cannot be read is dropped: a line without both sides, or with too many bytes,
//! or that is not UTF-8, and a pair of which a side is empty. Scores on them must mean what they mean elsewhere.

use super::chunks;
use super::config::PrepareConfig;
use super::hash::hash_words;
use super::reason::{Counts, Dropped, Example, Reason, chief, nothing_left, shortened};
use super::source::{Pairs, RawPair, Source};
use crate::staged::Staged;
use crate::{Split, TextError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// What the step found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cleaned {
    /// Pairs read.
    pub(super) read: u64,
    /// Pairs dropped.
    pub(super) dropped: Vec<Dropped>,
}

impl Cleaned {
    /// Errors: all pairs of the part were dropped.
    pub(super) fn check_some_left(&self, part: Split, source: &Source) -> Result<(), TextError> {
        match self.read == self.dropped.iter().map(|d| d.count).sum::<u64>() {
            true => Err(nothing_left(part, &source.layout, self.read, &self.dropped)),
            false => Ok(()),
        }
    }

    /// What went wrong once the part was cleaned, with why most of its pairs did not come so far, if most did not.
    pub(super) fn explain(&self, fault: TextError, source: &Source) -> TextError {
        let dropped = self.dropped.iter().map(|d| d.count).sum::<u64>();
        let of_counts = matches!(
            fault,
            TextError::TooFewPairs { .. } | TextError::SplitTooLarge { .. } | TextError::NothingToTrain { .. }
        );
        if !of_counts || dropped <= self.read / 2 {
            return fault;
        }
        let (reason, example, advice) = chief(&source.layout, &self.dropped);
        TextError::AfterCleaning { fault: Box::new(fault), dropped, read: self.read, reason, example, advice }
    }
}

/// Which pairs stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those that one should learn from.
    Good,
    /// Those that can be read.
    Readable,
}

/// A pair in its form, or why it is dropped.
struct Looked {
    place: (usize, u64),
    source: String,
    target: String,
    fault: Option<Reason>,
}

/// Writes the pairs that are `wanted` to `to`, a line `source<TAB>target<TAB>file:line` each; neither side holds a tab.
///
/// Memory: eight bytes a pair to know duplicates by, and a chunk of pairs.
///
/// Errors: a file cannot be read, or `to` not be written.
pub(super) fn clean(source: &Source, config: &PrepareConfig, wanted: Wanted, to: &Path) -> Result<Cleaned, TextError> {
    let mut pairs = Pairs::new(source, config.max_line_bytes);
    let mut kept = Staged::create(to)?;
    let mut counts = Counts::default();
    let mut seen: HashSet<u64> = HashSet::new();
    let mut read = 0;
    chunks::in_order(
        || pairs.next(),
        |pair| pair.read.as_ref().map_or(0, |(s, t)| s.len() + t.len()),
        |pair| look(pair, config, wanted),
        |looked| {
            read += 1;
            let repeats = || {
                if wanted == Wanted::Readable {
                    return None;
                }
                let pair = hash_words(&[super::hash::hash(&looked.source), super::hash::hash(&looked.target)]);
                let new = seen.insert(pair);
                (!new && config.drops(Reason::Duplicate)).then_some(Reason::Duplicate)
            };
            let (file, line) = looked.place;
            match looked.fault.or_else(repeats) {
                Some(reason) => {
                    let name = source.files[file].file_name().unwrap_or_default().to_string_lossy();
                    counts.add(reason, read, || Example {
                        place: format!("{name}:{line}"),
                        source: shortened(&looked.source),
                        target: shortened(&looked.target),
                    });
                    Ok(())
                }
                None => kept.line(&format!("{}\t{}\t{file}:{line}", looked.source, looked.target)),
            }
        },
    )?;
    kept.finish()?;
    Ok(Cleaned { read, dropped: counts.dropped() })
}

fn look(pair: RawPair, config: &PrepareConfig, wanted: Wanted) -> Looked {
    let place = pair.place;
    let (source, target) = match pair.read {
        Ok(sides) => sides,
        Err((reason, shown)) => return Looked { place, source: shown, target: String::new(), fault: Some(reason) },
    };
    let form = config.text_form();
    let (source, target) = (form.apply(&source), form.apply(&target));
    let fault = match wanted {
        Wanted::Good => fault(&source, &target, config),
        Wanted::Readable => (source.is_empty() || target.is_empty()).then_some(Reason::Empty),
    };
    Looked { place, source, target, fault }
}

/// The first reason to drop a pair that the pair itself shows.
fn fault(source: &str, target: &str, config: &PrepareConfig) -> Option<Reason> {
    let either = |holds: &dyn Fn(&str) -> bool| holds(source) || holds(target);
    let off_length = |side: &str| !(config.min_chars..=config.max_chars).contains(&side.chars().count());
    let reasons: [(Reason, &dyn Fn() -> bool); 4] = [
        (Reason::Empty, &|| either(&str::is_empty)),
        (Reason::ControlCharacters, &|| either(&|side| side.chars().any(is_broken))),
        (Reason::Length, &|| either(&off_length)),
        (Reason::Identical, &|| source == target),
    ];
    reasons.into_iter().find(|(reason, holds)| config.drops(*reason) && holds()).map(|(reason, _)| reason)
}

/// Whether a character is none of a text: controls, private use, what is no character, and the mark of a failed conversion.
fn is_broken(c: char) -> bool {
    let code = c as u32;
    c.is_control() || matches!(code, 0xE000..=0xF8FF | 0xFDD0..=0xFDEF | 0xFFFD | 0xF0000..) || code & 0xFFFE == 0xFFFE
}
