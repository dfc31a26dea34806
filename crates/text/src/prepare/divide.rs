//! The second step: what only the whole corpus shows to be wrong, and which pairs are held out.

use super::Preparation;
use super::chunks;
use super::components::{self, Parts};
use super::config::PrepareConfig;
use super::folder::CLEAN;
use super::given::{self, Sentences};
use super::language::{Profile, is_foreign};
use super::pair::{Pair, key, open, read};
use super::reason::{Counts, Dropped, Reason, nothing_left};
use super::script::Letters;
use crate::staged::Staged;
use crate::{Languages, Split, TextError};
use serde::{Deserialize, Serialize};
use std::path::Path;

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
    /// Pairs of a given valid that share a sentence with a given test.
    pub(super) overlap: u64,
}

/// What the whole corpus looks like.
struct Corpus {
    characters: [u64; 2],
    letters: [Letters; 2],
    profiles: [Profile; 2],
}

/// Pairs that are held out for each part unless told otherwise.
const HELD_OUT: usize = 1000;

/// At most this share of a small corpus, for each part.
const HELD_OUT_SHARE: usize = 20;

/// Lengths are compared with so many characters more on each side: a short sentence may be three times as long as its
/// translation and right.
const SLACK: f64 = 15.0;

/// Reads the first step's files and writes the six files of the parts.
///
/// Memory: 37 bytes a pair, two profiles, and what the sentences of given parts are known by.
///
/// Errors: a file cannot be read or written, nothing is left, or what is to be held out cannot be had.
pub(super) fn divide(job: &Preparation) -> Result<Divided, TextError> {
    let Preparation { languages, config, out, .. } = job;
    let from = &out.join(CLEAN);
    let given = given_parts(job)?;
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
            let keys = if fault.is_none() { [key(&pair.source), key(&pair.target)] } else { [0; 2] };
            let held_out = || config.drops(Reason::HeldOut) && given.iter().any(|(_, part)| part.have(keys));
            let fault = fault.or_else(|| held_out().then_some(Reason::HeldOut));
            (pair, fault, keys)
        },
        |(pair, fault, keys)| {
            number += 1;
            kept.push(fault.is_none());
            match fault {
                Some(reason) => counts.add(reason, number, || pair.example(&job.source.files)),
                None => {
                    source.push(keys[0]);
                    target.push(keys[1]);
                }
            }
            Ok(())
        },
    )?;
    if source.is_empty() {
        return Err(nothing_left(Split::Train, &job.source.layout, number, &counts.dropped()));
    }
    if source.len() > u32::MAX as usize {
        return Err(TextError::TooManyPairs { most: u64::from(u32::MAX) });
    }
    let given_splits: Vec<Split> = given.iter().map(|(split, _)| *split).collect();
    let parts = held_out(&source, &target, config, &given_splits)?;
    let mut of = parts.of.iter();
    let mut files = PartFiles::create(languages, out)?;
    files.divide(from, &kept, || *of.next().expect("a part for each pair that is kept"))?;
    given_splits.iter().try_for_each(|split| files.copy(*split, &out.join(given::file_name(*split))))?;
    let pairs = files.finish()?;
    let overlap = match &given[..] {
        [(Split::Valid, _), (Split::Test, test)] => test.shared_with(&out.join(given::file_name(Split::Valid)))?,
        _ => 0,
    };
    let [source_characters, target_characters] = corpus.characters;
    Ok(Divided {
        dropped: counts.dropped(),
        pairs,
        ratio: target_characters as f64 / source_characters.max(1) as f64,
        components: parts.components,
        largest_component: parts.largest,
        overlap,
    })
}

/// The parts that a user brought, valid first.
fn given_parts(job: &Preparation) -> Result<Vec<(Split, Sentences)>, TextError> {
    let part = |(split, _): (Split, _)| Ok((split, Sentences::of(&job.out.join(given::file_name(split)))?));
    job.given().into_iter().map(part).collect()
}

/// Draws the parts that are not `given`.
fn held_out(source: &[u64], target: &[u64], config: &PrepareConfig, given: &[Split]) -> Result<Parts, TextError> {
    let usual = HELD_OUT.min(source.len() / HELD_OUT_SHARE).max(1);
    let asked = [(Split::Test, config.test), (Split::Valid, config.valid)];
    let [test, valid] = asked.map(|(split, wanted)| if given.contains(&split) { 0 } else { wanted.unwrap_or(usual) });
    let parts = components::draw(source, target, valid, test, config.seed);
    for (split, wanted) in asked.into_iter().filter(|(split, _)| !given.contains(split)) {
        let found = parts.of.iter().filter(|p| **p == split).count();
        // What nobody asked for may be less; something there must be.
        let least = wanted.unwrap_or(1);
        if found < least {
            let (pairs, part) = (source.len(), split.name());
            return Err(match least {
                1 => too_few(pairs, &parts, given),
                wanted => TextError::SplitTooLarge { pairs, found, part, wanted },
            });
        }
    }
    if !parts.of.contains(&Split::Train) {
        // Whoever was asked for one pair each cannot be asked for fewer.
        return Err(match valid + test {
            0..=2 => too_few(source.len(), &parts, given),
            _ => TextError::NothingToTrain { pairs: source.len() },
        });
    }
    Ok(parts)
}

/// That parts of one pair each cannot be had, but for those that are `given`.
fn too_few(pairs: usize, parts: &Parts, given: &[Split]) -> TextError {
    let (parts_to_make, options) = match given {
        [] => ("train, valid and test", "--valid and --test"),
        [Split::Valid] => ("train and test", "--test"),
        _ => ("train and valid", "--valid"),
    };
    // Test is drawn first, from all of them.
    TextError::TooFewPairs { pairs, free: parts.free[1], parts: parts_to_make, options }
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

/// The two files of each part, as they are written.
struct PartFiles {
    files: Vec<[Staged; 2]>,
    sizes: [usize; 3],
}

impl PartFiles {
    fn create(languages: &Languages, out: &Path) -> Result<PartFiles, TextError> {
        let create = |split: Split, language: &str| Staged::create(&out.join(file_name(split, language)));
        let mut files = Vec::new();
        for split in Split::ALL {
            files.push([create(split, &languages.source)?, create(split, &languages.target)?]);
        }
        Ok(PartFiles { files, sizes: [0; 3] })
    }

    fn add(&mut self, split: Split, pair: &Pair) -> Result<(), TextError> {
        let [source, target] = &mut self.files[split as usize];
        source.line(&pair.source)?;
        target.line(&pair.target)?;
        self.sizes[split as usize] += 1;
        Ok(())
    }

    /// The kept pairs of `from`, each to the part that `next` gives.
    fn divide(&mut self, from: &Path, kept: &[bool], mut next: impl FnMut() -> Split) -> Result<(), TextError> {
        let mut pairs = open(from)?;
        let mut number = 0;
        while let Some(pair) = read(&mut pairs)? {
            if kept[number] {
                self.add(next(), &pair)?;
            }
            number += 1;
        }
        Ok(())
    }

    /// All pairs of `from` to one part.
    fn copy(&mut self, split: Split, from: &Path) -> Result<(), TextError> {
        let mut pairs = open(from)?;
        while let Some(pair) = read(&mut pairs)? {
            self.add(split, &pair)?;
        }
        Ok(())
    }

    /// The sizes of train, valid and test.
    fn finish(self) -> Result<[usize; 3], TextError> {
        self.files.into_iter().flatten().try_for_each(Staged::finish)?;
        Ok(self.sizes)
    }
}

/// The file of one side of a part.
pub(super) fn file_name(split: Split, language: &str) -> String {
    format!("{}.{language}", split.name())
}
