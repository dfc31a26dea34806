//! The second step: what only the whole corpus shows to be wrong, and which pairs are held out.

use super::chunks;
use super::components::{self, Parts};
use super::config::PrepareConfig;
use super::hash::hash;
use super::language::{Profile, is_foreign};
use super::lines::Lines;
use super::reason::{Counts, Dropped, Example, Reason, nothing_left, shortened};
use super::script::Letters;
use crate::staged::Staged;
use crate::{Languages, Split, TextError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the step found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Divided {
    /// Pairs dropped.
    pub(super) dropped: Vec<Dropped>,
    /// Pairs of train, valid and test.
    pub(super) pairs: [usize; 3],
    /// Target characters for each of the source's.
    pub(super) ratio: f64,
    /// Sets of pairs that share no sentence with others.
    pub(super) components: usize,
    /// Pairs of the largest.
    pub(super) largest_component: usize,
}

/// What the whole corpus looks like.
struct Corpus {
    characters: [u64; 2],
    letters: [Letters; 2],
    profiles: [Profile; 2],
}

/// A pair of the first step's file.
struct Pair {
    source: String,
    target: String,
    place: String,
}

/// Pairs that are held out for each part unless told otherwise.
const HELD_OUT: usize = 1000;

/// At most this share of a small corpus, for each part.
const HELD_OUT_SHARE: usize = 20;

/// Lengths are compared with so many characters more on each side: a short sentence may be three times as long as its
/// translation and right.
const SLACK: f64 = 15.0;

/// Reads the first step's file, whose examples are told with the names of `files`, and writes the six files of the parts.
///
/// Memory: 28 bytes a pair, and two profiles.
///
/// Errors: a file cannot be read or written, nothing is left, or what is to be held out cannot be had.
pub(super) fn divide(
    from: &Path,
    files: &[PathBuf],
    languages: &Languages,
    config: &PrepareConfig,
    out: &Path,
) -> Result<Divided, TextError> {
    let corpus = Corpus::read(from)?;
    let mut counts = Counts::default();
    let (mut source, mut target, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut pairs = open(from)?;
    let mut number = 0;
    chunks::in_order(
        || read(&mut pairs),
        |pair| pair.source.len() + pair.target.len(),
        |pair| {
            let fault = corpus.fault(&pair, config);
            let keys = if fault.is_none() { (key(&pair.source), key(&pair.target)) } else { (0, 0) };
            (pair, fault, keys)
        },
        |(pair, fault, keys)| {
            number += 1;
            kept.push(fault.is_none());
            match fault {
                Some(reason) => counts.add(reason, number, || pair.example(files)),
                None => {
                    source.push(keys.0);
                    target.push(keys.1);
                }
            }
            Ok(())
        },
    )?;
    if source.is_empty() {
        return Err(nothing_left(number, &counts.dropped()));
    }
    if source.len() > u32::MAX as usize {
        return Err(TextError::TooManyPairs { most: u64::from(u32::MAX) });
    }
    let parts = held_out(&source, &target, config)?;
    let mut of = parts.of.iter();
    let pairs = write(from, &kept, || *of.next().expect("a part for each pair that is kept"), languages, out)?;
    let [source_characters, target_characters] = corpus.characters;
    Ok(Divided {
        dropped: counts.dropped(),
        pairs,
        ratio: target_characters as f64 / source_characters.max(1) as f64,
        components: parts.components,
        largest_component: parts.largest,
    })
}

/// What a sentence is known by when parts are kept apart: its letters and digits alone, so that no part has a sentence that
/// differs from another's in case or a comma only.
fn key(line: &str) -> u64 {
    let folded: String = line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    hash(if folded.is_empty() { line } else { &folded })
}

fn held_out(source: &[u64], target: &[u64], config: &PrepareConfig) -> Result<Parts, TextError> {
    let usual = HELD_OUT.min(source.len() / HELD_OUT_SHARE).max(1);
    let asked = [(Split::Test, config.test), (Split::Valid, config.valid)];
    let [test, valid] = asked.map(|(_, wanted)| wanted.unwrap_or(usual));
    let parts = components::draw(source, target, valid, test, config.seed);
    for (split, wanted) in asked {
        let found = parts.of.iter().filter(|p| **p == split).count();
        // What nobody asked for may be less; something there must be.
        let least = wanted.unwrap_or(1);
        if found < least {
            let part = split.name();
            return Err(TextError::SplitTooLarge { pairs: source.len(), found, part, wanted: least });
        }
    }
    if !parts.of.contains(&Split::Train) {
        return Err(TextError::SplitTooLarge { pairs: source.len(), found: 0, part: Split::Train.name(), wanted: 1 });
    }
    Ok(parts)
}

impl Corpus {
    fn read(from: &Path) -> Result<Corpus, TextError> {
        let mut corpus =
            Corpus { characters: [0; 2], letters: Default::default(), profiles: [Profile::new(), Profile::new()] };
        let mut pairs = open(from)?;
        while let Some(pair) = read(&mut pairs)? {
            for (side, line) in [&pair.source, &pair.target].into_iter().enumerate() {
                corpus.characters[side] += line.chars().count() as u64;
                corpus.letters[side].add(line);
                corpus.profiles[side].add(line);
            }
        }
        Ok(corpus)
    }

    /// The first reason to drop a pair that the corpus shows.
    fn fault(&self, pair: &Pair, config: &PrepareConfig) -> Option<Reason> {
        let sides = [&pair.source, &pair.target];
        let off_ratio = || {
            let [source, target] = sides.map(|line| line.chars().count() as f64);
            let [all_source, all_target] = self.characters.map(|n| n.max(1) as f64);
            let ratio = (source * (all_target / all_source).sqrt() + SLACK)
                / (target * (all_source / all_target).sqrt() + SLACK);
            ratio > config.max_ratio || ratio < 1.0 / config.max_ratio
        };
        let wrong_script = || sides.iter().zip(&self.letters).any(|(line, letters)| !letters.suits(line));
        let wrong_language = || is_foreign(&pair.source, &pair.target, &self.profiles);
        let reasons: [(Reason, &dyn Fn() -> bool); 3] =
            [(Reason::Ratio, &off_ratio), (Reason::Script, &wrong_script), (Reason::Language, &wrong_language)];
        reasons.into_iter().find(|(reason, holds)| config.drops(*reason) && holds()).map(|(reason, _)| reason)
    }
}

impl Pair {
    fn example(&self, files: &[PathBuf]) -> Example {
        let (file, line) = self.place.split_once(':').unwrap_or(("0", &self.place));
        let name = file.parse().ok().and_then(|n: usize| files.get(n)).and_then(|f| f.file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        Example { place: format!("{name}:{line}"), source: shortened(&self.source), target: shortened(&self.target) }
    }
}

fn open(from: &Path) -> Result<Lines, TextError> {
    Lines::open(from, usize::MAX - 1)
}

/// The next pair of the first step's file.
fn read(lines: &mut Lines) -> Result<Option<Pair>, TextError> {
    let mut line = Vec::new();
    if lines.next(&mut line)?.is_none() {
        return Ok(None);
    }
    let line = String::from_utf8(line).expect("written as text");
    let mut columns = line.split('\t').map(str::to_owned);
    let mut column = || columns.next().unwrap_or_default();
    Ok(Some(Pair { source: column(), target: column(), place: column() }))
}

/// Writes the kept pairs, each to the part that `next` gives; the sizes of train, valid and test.
fn write(
    from: &Path,
    kept: &[bool],
    mut next: impl FnMut() -> Split,
    languages: &Languages,
    out: &Path,
) -> Result<[usize; 3], TextError> {
    let create = |split: Split, language: &str| Staged::create(&out.join(file_name(split, language)));
    let mut files = Vec::new();
    for split in Split::ALL {
        files.push((create(split, &languages.source)?, create(split, &languages.target)?));
    }
    let mut sizes = [0; 3];
    let mut pairs = open(from)?;
    let mut number = 0;
    while let Some(pair) = read(&mut pairs)? {
        if kept[number] {
            let part = next() as usize;
            files[part].0.line(&pair.source)?;
            files[part].1.line(&pair.target)?;
            sizes[part] += 1;
        }
        number += 1;
    }
    for (source, target) in files {
        source.finish()?;
        target.finish()?;
    }
    Ok(sizes)
}

/// The file of one side of a part.
pub(super) fn file_name(split: Split, language: &str) -> String {
    format!("{}.{language}", split.name())
}
