//! The third step: BPE, dictionaries, and what the prepared text measures.

use super::chunks;
use super::config::{BpeSides, PrepareConfig};
use super::divide::file_name;
use super::lines::Lines;
use super::measure::{Histogram, SideReport, Words, ratio_bucket};
use crate::staged;
use crate::{Bpe, Languages, PieceCount, Split, TextError, Vocabulary, cut_line};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Changes when this step's results do, so that what an older version made is made anew.
pub(super) const VERSION: u32 = 3;

/// What the step found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// By part and side.
    pub(super) sides: [[SideReport; 2]; 3],
    /// Target characters for each of the source's, in train.
    pub(super) ratios: Histogram,
}

/// The files of the tokeniser: one for both sides, or one for each.
pub(super) fn tokenizer_files(bpe: BpeSides, languages: &Languages) -> Vec<String> {
    match bpe {
        BpeSides::Joint | BpeSides::Shared => vec!["tokenizer.json".to_owned()],
        BpeSides::PerSide => {
            [&languages.source, &languages.target].map(|language| format!("tokenizer.{language}.json")).to_vec()
        }
    }
}

/// The dictionary of a side.
pub(super) fn dictionary_file(language: &str) -> String {
    format!("dict.{language}.txt")
}

/// Learns pieces from `train` in `folder`, writes tokenisers and dictionaries there, and measures all parts.
///
/// Memory: what is distinct: words and pieces of at most `bpe_lines` lines a side while it learns, then the words of train, to count those
/// of valid and test that are not there.
///
/// Errors: a file cannot be read or written.
pub(super) fn learn(
    folder: &Path,
    languages: &Languages,
    config: &PrepareConfig,
    lines: usize,
) -> Result<Measured, TextError> {
    let names = [&languages.source, &languages.target];
    let path = |split, side: usize| folder.join(file_name(split, names[side]));
    let train = [path(Split::Train, 0), path(Split::Train, 1)];
    // Every `stride`-th line, so that the sample is spread over the corpus.
    let stride = lines.div_ceil(config.bpe_lines).max(1);
    let learn = |files: &[PathBuf]| learn_from(files, stride, config.pieces());
    let bpes = match config.bpe {
        BpeSides::Joint | BpeSides::Shared => vec![learn(&train)?],
        BpeSides::PerSide => vec![learn(&train[..1])?, learn(&train[1..])?],
    };
    for (bpe, file) in bpes.iter().zip(tokenizer_files(config.bpe, languages)) {
        staged::write(&folder.join(file), &bpe.to_json())?;
    }
    let bpe = [&bpes[0], bpes.last().expect("one or two")];

    let mut counts = [count(&train[0], bpe[0])?, count(&train[1], bpe[1])?];
    if config.bpe == BpeSides::Shared {
        let target = std::mem::take(&mut counts[1]);
        target.into_iter().for_each(|(piece, n)| *counts[0].entry(piece).or_default() += n);
        counts[1] = counts[0].clone();
    }
    let vocabularies = counts.map(Vocabulary::from_counts);
    for (vocabulary, name) in vocabularies.iter().zip(names) {
        staged::write(&folder.join(dictionary_file(name)), &vocabulary.to_bytes())?;
    }
    let mut words = [Words::default(), Words::default()];
    let mut of =
        |split, side: usize| measure(&path(split, side), split, bpe[side], &vocabularies[side], &mut words[side]);
    let sides = [
        [of(Split::Train, 0)?, of(Split::Train, 1)?],
        [of(Split::Valid, 0)?, of(Split::Valid, 1)?],
        [of(Split::Test, 0)?, of(Split::Test, 1)?],
    ];
    Ok(Measured { sides, ratios: ratios(&train)? })
}

/// The lines of a file that this program wrote.
struct Text(Lines);

impl Text {
    fn open(path: &Path) -> Result<Text, TextError> {
        Ok(Text(Lines::open_own(path)?))
    }

    fn next(&mut self) -> Result<Option<String>, TextError> {
        let mut line = Vec::new();
        let read = self.0.next(&mut line)?;
        // Someone may have changed the file since.
        Ok(read.map(|_| String::from_utf8(line).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())))
    }
}

fn learn_from(files: &[PathBuf], stride: usize, size: PieceCount) -> Result<Bpe, TextError> {
    // The library takes an iterator, which cannot fail: what goes wrong is kept for afterwards.
    let fault = Mutex::new(None);
    let mut characters: BTreeMap<char, u64> = BTreeMap::new();
    for block in Blocks::new(files, stride, &fault) {
        block.chars().filter(|c| *c != '\n').for_each(|c| *characters.entry(c).or_default() += 1);
    }
    let bpe = Bpe::learn_raw(&characters, Blocks::new(files, stride, &fault), size);
    match fault.into_inner().expect("nobody panics while holding it") {
        Some(fault) => Err(fault),
        None => Ok(bpe),
    }
}

/// Lines in strings of many, which the library counts words in, a string at a time on each thread.
struct Blocks<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    text: Option<Text>,
    number: usize,
    stride: usize,
    fault: &'a Mutex<Option<TextError>>,
}

/// Bytes of a block.
const BLOCK: usize = 1 << 16;

impl<'a> Blocks<'a> {
    fn new(files: &'a [PathBuf], stride: usize, fault: &'a Mutex<Option<TextError>>) -> Blocks<'a> {
        Blocks { files: files.iter(), text: None, number: 0, stride, fault }
    }

    fn block(&mut self) -> Result<String, TextError> {
        let mut block = String::new();
        while block.len() < BLOCK {
            let Some(text) = &mut self.text else {
                let Some(file) = self.files.next() else { break };
                (self.text, self.number) = (Some(Text::open(file)?), 0);
                continue;
            };
            match text.next()? {
                None => self.text = None,
                Some(line) => {
                    if self.number.is_multiple_of(self.stride) {
                        block.push_str(&line);
                        block.push('\n');
                    }
                    self.number += 1;
                }
            }
        }
        Ok(block)
    }
}

impl Iterator for Blocks<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.block() {
            Ok(block) => Some(block).filter(|b| !b.is_empty()),
            Err(fault) => {
                *self.fault.lock().expect("nobody panics while holding it") = Some(fault);
                None
            }
        }
    }
}

/// How often each piece that the BPE knows stands in a file. Other characters would make a dictionary, and with it a model's tables,
/// larger than was asked for. Nor has a character a place there that stands in the file once: it becomes `<unk>`, which so is
/// learnt, too.
fn count(path: &Path, bpe: &Bpe) -> Result<HashMap<String, u64>, TextError> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut text = Text::open(path)?;
    chunks::in_order(
        || text.next(),
        String::len,
        |line| cut_line(Some(bpe), &line),
        |pieces| {
            pieces.into_iter().for_each(|piece| *counts.entry(piece).or_default() += 1);
            Ok(())
        },
    )?;
    counts.retain(|piece, n| bpe.knows(piece) && (*n > 1 || piece.chars().nth(1).is_some()));
    Ok(counts)
}

/// Measures a side of a part. `train` comes first: its words are those that are known.
fn measure(
    path: &Path,
    split: Split,
    bpe: &Bpe,
    vocabulary: &Vocabulary,
    words: &mut Words,
) -> Result<SideReport, TextError> {
    let mut report = SideReport::new(vocabulary);
    let mut text = Text::open(path)?;
    chunks::in_order(
        || text.next(),
        String::len,
        |line| {
            let pieces = cut_line(Some(bpe), &line);
            let unknown = pieces.iter().filter(|p| vocabulary.id(p).is_none()).count();
            (line, pieces.len(), unknown)
        },
        |(line, pieces, unknown)| {
            report.add(&line, pieces, unknown, words, split);
            Ok(())
        },
    )?;
    Ok(report)
}

/// How the lengths of pairs compare.
fn ratios([source, target]: &[PathBuf; 2]) -> Result<Histogram, TextError> {
    let (mut source, mut target) = (Text::open(source)?, Text::open(target)?);
    let mut ratios = Histogram::default();
    while let (Some(s), Some(t)) = (source.next()?, target.next()?) {
        ratios.add(ratio_bucket(s.chars().count(), t.chars().count()));
    }
    Ok(ratios)
}
