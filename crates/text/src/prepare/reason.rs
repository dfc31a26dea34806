//! Why pairs are dropped: counts, and a few of them to look at.

use super::hash::hash_words;
use super::source::Layout;
use crate::{Split, TextError};
use serde::{Deserialize, Serialize};

/// Why a pair is dropped. A pair is counted under the first reason that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The line has more bytes than are read of one.
    OverLongLine,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A line without the columns or fields, or that is no JSON object.
    Malformed,
    /// Nothing is left of a side after normalising.
    Empty,
    /// Control characters, private use, or U+FFFD, which stands for what was lost in a conversion.
    ControlCharacters,
    /// A side has more or fewer characters than is allowed.
    Length,
    /// Both sides are the same.
    Identical,
    /// Both sides have come before, in one pair.
    Duplicate,
    /// One side is too long for the other, as the corpus goes.
    Ratio,
    /// Most letters of a side are of a script that its side is not written in.
    Script,
    /// The characters of a side follow each other as in the other side's language, much more than as in its own.
    Language,
    /// A side is a sentence of the user's own valid or test, but for case and marks.
    HeldOut,
}

impl Reason {
    /// All of them, in order.
    pub const ALL: [Reason; 12] = [
        Reason::OverLongLine,
        Reason::InvalidUtf8,
        Reason::Malformed,
        Reason::Empty,
        Reason::ControlCharacters,
        Reason::Length,
        Reason::Identical,
        Reason::Duplicate,
        Reason::Ratio,
        Reason::Script,
        Reason::Language,
        Reason::HeldOut,
    ];

    /// What can be done where it holds for many lines of files that hold pairs so, if that is known.
    pub fn advice(self, layout: &Layout) -> Option<String> {
        match self {
            Reason::InvalidUtf8 => Some("convert the file to UTF-8, as with iconv -f LATIN1 -t UTF-8".to_owned()),
            Reason::Malformed | Reason::Empty => layout.sought(),
            _ => None,
        }
    }

    /// As a user writes it.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("a variant without fields is its name"),
        }
    }

    /// A few words for a reader.
    pub fn text(self) -> &'static str {
        match self {
            Reason::OverLongLine => "line longer than is read",
            Reason::InvalidUtf8 => "invalid UTF-8",
            Reason::Malformed => "columns or fields missing",
            Reason::Empty => "empty side",
            Reason::ControlCharacters => "control or broken characters",
            Reason::Length => "too long or too short",
            Reason::Identical => "identical sides",
            Reason::Duplicate => "duplicate",
            Reason::Ratio => "lengths do not match",
            Reason::Script => "wrong script",
            Reason::Language => "wrong language",
            Reason::HeldOut => "sentence of valid or test",
        }
    }
}

/// A pair that was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Where it stands: file and line, or its number among the pairs that passed what came before.
    pub place: String,
    /// Its source, or all there is of it, shortened.
    pub source: String,
    /// Its target, shortened.
    pub target: String,
}

/// Examples kept for each reason.
const EXAMPLES: usize = 8;

/// Characters shown of a side.
const SHOWN: usize = 240;

/// How often a reason held, and a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: Reason,
    /// Pairs.
    pub count: u64,
    /// Some of them, drawn evenly.
    pub examples: Vec<Example>,
}

/// Counts as pairs come.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// For each reason: its count, and the examples whose places have the lowest hashes.
    by_reason: [(u64, Vec<(u64, Example)>); Reason::ALL.len()],
}

impl Counts {
    /// Counts a pair. `number` tells pairs apart; `example` is made only if it is kept.
    pub(super) fn add(&mut self, reason: Reason, number: u64, example: impl FnOnce() -> Example) {
        let (count, examples) = &mut self.by_reason[reason as usize];
        *count += 1;
        let rank = hash_words(&[number]);
        let at = examples.partition_point(|(r, _)| *r < rank);
        if at < EXAMPLES {
            examples.insert(at, (rank, example()));
            examples.truncate(EXAMPLES);
        }
    }

    /// Reasons that held, in order.
    pub(super) fn dropped(self) -> Vec<Dropped> {
        let all = Reason::ALL.into_iter().zip(self.by_reason);
        let some = all.filter(|(_, (count, _))| *count > 0);
        some.map(|(reason, (count, examples))| {
            let examples = examples.into_iter().map(|(_, example)| example).collect();
            Dropped { reason, count, examples }
        })
        .collect()
    }
}

/// Why most pairs of files that hold them so were dropped, the place of one of them, and after a semicolon what can be done about it.
pub(super) fn chief(layout: &Layout, dropped: &[Dropped]) -> (&'static str, String, String) {
    let most = dropped.iter().max_by_key(|d| d.count);
    let reason = most.map_or("there are none", |d| d.reason.text());
    let example = most.and_then(|d| d.examples.first());
    let example = example.map_or("none", |e| &e.place).to_owned();
    let advice = most.and_then(|d| d.reason.advice(layout)).map_or(String::new(), |advice| format!("; {advice}"));
    (reason, example, advice)
}

/// That of so many pairs of a part, whose files hold them so, all were dropped.
pub(super) fn nothing_left(part: Split, layout: &Layout, pairs: u64, dropped: &[Dropped]) -> TextError {
    let (reason, example, advice) = chief(layout, dropped);
    TextError::NothingLeft { part: part.name(), pairs, reason, example, advice }
}

/// The beginning of a text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
