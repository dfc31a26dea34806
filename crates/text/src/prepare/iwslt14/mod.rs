//! IWSLT'14 German to English from its raw files, as the literature prepares it: what fairseq's `prepare-iwslt14.sh` does with
//! Moses and subword-nmt, so that scores compare with published ones.
//!
//! Train: lines about a talk are dropped, those of its title and description freed of their tags; Moses's tokeniser with its
//! escapes; 1 to 175 tokens a side and a ratio of at most 1.5; small letters; every 23rd pair is valid's. Test: the segments
//! of five files, tokenised and in small letters. 10,000 merges are learnt from both sides of train, and dictionaries counted.

mod clean;
mod raw;

use super::folder;
use super::state::{State, key};
use crate::moses::{Language, Tokeniser};
use crate::{Bpe, Languages, Split, TextError, TextPair, Vocabulary, cut_line, staged};
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Pairs of train, valid and test in the literature.
pub const PAIRS: [usize; 3] = [160_239, 7_283, 6_750];

/// Merges of its BPE.
const MERGES: usize = 10_000;

/// Every so many pairs one is valid's.
const VALID: usize = 23;

/// What is done, with its files' digests.
const STATE: &str = "iwslt14.json";

/// What the folder has beside parts and dictionaries.
pub(super) const BESIDE_PARTS: [&str; 2] = [CODES, STATE];
const CODES: &str = "bpe.codes";

const TEXT: &str = "text";
const PIECES: &str = "pieces";

/// The raw files that are needed, without the language in which all but the last part of their names ends: train's, then
/// test's in order.
const TRAIN: &str = "train.tags.de-en";
const TEST: [&str; 5] = ["TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"];

/// The sides.
pub fn languages() -> Languages {
    Languages { source: "de".to_owned(), target: "en".to_owned() }
}

/// The names of the raw files.
pub fn raw_files() -> Vec<String> {
    let of = |language: &str| {
        let test = TEST.map(|part| test_file(part, language));
        [format!("{TRAIN}.{language}")].into_iter().chain(test).collect::<Vec<_>>()
    };
    ["de", "en"].into_iter().flat_map(of).collect()
}

fn test_file(part: &str, language: &str) -> String {
    format!("IWSLT14.{part}.de-en.{language}.xml")
}

/// Whether `out` holds what was prepared from the archive of this digest, unchanged.
pub fn is_done(archive: &str, out: &Path) -> bool {
    let state = State::load(out, STATE, &[]);
    let [text, pieces] = keys(archive);
    [(TEXT, text, text_files()), (PIECES, pieces, piece_files())]
        .into_iter()
        .all(|(step, key, files)| state.has_key(step, &key) && state.has_files(step, &files))
}

fn keys(archive: &str) -> [String; 2] {
    let text = key("", json!(["iwslt14", archive, VALID]));
    let pieces = key(&text, json!([MERGES]));
    [text, pieces]
}

fn text_files() -> Vec<String> {
    Split::ALL.iter().flat_map(|split| ["de", "en"].map(|language| format!("{}.{language}", split.name()))).collect()
}

fn piece_files() -> Vec<String> {
    [CODES, "dict.de.txt", "dict.en.txt"].map(str::to_owned).to_vec()
}

fn written() -> Vec<String> {
    [text_files(), piece_files(), vec![STATE.to_owned()]].concat()
}

/// Errors: `out` holds other text, or is a file.
pub fn refuse_foreign(out: &Path) -> Result<(), TextError> {
    folder::refuse_foreign(out, &written(), STATE, &[])
}

/// Prepares the files in `raw`, which came from the archive of this digest, into `out`; the sizes of train, valid and test.
/// What was done before is not done again.
///
/// Memory: the corpus, some 40 MB.
///
/// Errors: a raw file is missing, not UTF-8 or of other lines than its other side; `out` holds other text or cannot be written.
pub fn run(raw: &Path, archive: &str, out: &Path) -> Result<[usize; 3], TextError> {
    refuse_foreign(out)?;
    fs::create_dir_all(out).map_err(staged::unwritable(out))?;
    let mut state = State::load(out, STATE, &[]);
    state.claim(&written())?;
    let sizes = prepare(raw, archive, out, &mut state);
    if sizes.is_err() {
        // It has failed already, and what it failed of is what is told.
        let _ = state.forget_missing();
    }
    sizes
}

fn prepare(raw: &Path, archive: &str, out: &Path, state: &mut State) -> Result<[usize; 3], TextError> {
    let [text, pieces] = keys(archive);
    if !(state.has_key(TEXT, &text) && state.has_files(TEXT, &text_files())) {
        write_text(raw, out)?;
        state.done(TEXT, &text, &text_files())?;
    }
    let parts = |split| TextPair::read(out, split, &languages());
    let train = parts(Split::Train)?;
    let sizes = [train.len(), parts(Split::Valid)?.len(), parts(Split::Test)?.len()];
    if !(state.has_key(PIECES, &pieces) && state.has_files(PIECES, &piece_files())) {
        write_pieces(&train, out)?;
        state.done(PIECES, &pieces, &piece_files())?;
    }
    Ok(sizes)
}

fn write_text(raw: &Path, out: &Path) -> Result<(), TextError> {
    let sides = [Language::German, Language::English];
    let train = sides.map(|language| raw.join(format!("{TRAIN}.{}", language.code())));
    let [source, target] = [tokenised(&raw::talks(&train[0])?, sides[0]), tokenised(&raw::talks(&train[1])?, sides[1])];
    same_lines([&source, &target], &train)?;
    let kept: Vec<(String, String)> = source
        .into_par_iter()
        .zip(target)
        .filter(|(source, target)| clean::is_kept(source, target))
        .map(|(source, target)| (clean::lower(&source), clean::lower(&target)))
        .collect();
    let of = |wanted: bool| {
        let numbered = kept.iter().enumerate().filter(move |(i, _)| (i + 1).is_multiple_of(VALID) == wanted);
        numbered.map(|(_, pair)| pair)
    };
    write(out, Split::Train, of(false))?;
    write(out, Split::Valid, of(true))?;

    let mut test = Vec::new();
    for part in TEST {
        let files = sides.map(|language| raw.join(test_file(part, language.code())));
        let segments = [raw::segments(&files[0])?, raw::segments(&files[1])?];
        same_lines([&segments[0], &segments[1]], &files)?;
        let [source, target] = [0, 1].map(|side| tokenised(&segments[side], sides[side]));
        test.extend(source.iter().zip(&target).map(|(s, t)| (clean::lower(s), clean::lower(t))));
    }
    write(out, Split::Test, test.iter())
}

fn tokenised(lines: &[String], language: Language) -> Vec<String> {
    let tokeniser = Tokeniser::new(language);
    lines.par_iter().map(|line| tokeniser.tokenise(line)).collect()
}

fn same_lines([source, target]: [&[String]; 2], files: &[std::path::PathBuf; 2]) -> Result<(), TextError> {
    if source.len() == target.len() {
        return Ok(());
    }
    Err(TextError::SidesDiffer {
        source_file: files[0].display().to_string(),
        source_lines: source.len(),
        target_file: files[1].display().to_string(),
        target_lines: target.len(),
    })
}

fn write<'p>(out: &Path, split: Split, pairs: impl Iterator<Item = &'p (String, String)>) -> Result<(), TextError> {
    let create = |language| staged::Staged::create(&out.join(format!("{}.{language}", split.name())));
    let (mut source, mut target) = (create("de")?, create("en")?);
    for (s, t) in pairs {
        source.line(s)?;
        target.line(t)?;
    }
    source.finish()?;
    target.finish()
}

fn write_pieces(train: &TextPair, out: &Path) -> Result<(), TextError> {
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for line in train.source.iter().chain(&train.target) {
        line.split(' ').filter(|w| !w.is_empty()).for_each(|w| *words.entry(w.to_owned()).or_default() += 1);
    }
    let codes = out.join("bpe.codes");
    staged::write(&codes, Bpe::learn_codes(&words, MERGES).as_bytes())?;
    let bpe = Bpe::from_codes(&codes)?;
    for (lines, language) in [(&train.source, "de"), (&train.target, "en")] {
        let dictionary = Vocabulary::from_sentences(lines.iter().map(|line| cut_line(Some(&bpe), line)));
        staged::write(&out.join(super::pieces::dictionary_file(language)), &dictionary.to_bytes())?;
    }
    Ok(())
}
