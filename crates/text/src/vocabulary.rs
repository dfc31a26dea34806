//! Pieces and their ids, as fairseq's dictionaries have them.
//!
//! A dictionary file is a line `piece count` for each piece, most frequent first. Ids 0 to 3 belong to the special
//! tokens and are not in the file: its first line is id 4. Lines `madeupword0000 0` at its end only bring the number of
//! ids to a multiple of eight.

use crate::{TextError, files};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Begins a sentence in fairseq's scheme; the models here begin theirs with [`EOS`].
pub const BOS: u32 = 0;
/// Fills sequences up in other programs. Batches here are ragged, so it stands in no sequence.
pub const PAD: u32 = 1;
/// Ends every sentence, and as the decoder's first input begins it.
pub const EOS: u32 = 2;
/// Stands for every piece that the vocabulary lacks.
pub const UNK: u32 = 3;

const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// The number of ids is a multiple of this, as fairseq makes it for the sake of matrix sizes.
const MULTIPLE: usize = 8;

/// Pieces by id and ids by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Each piece's letters are there once, for both.
    pieces: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
    counts: Vec<u64>,
}

/// A sentence as ids, with what became of the pieces that have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// One id for each piece, then [`EOS`].
    pub ids: Vec<u32>,
    /// The pieces that became [`UNK`], in order.
    pub unknown: Vec<Unknown>,
}

/// A piece that the vocabulary lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Where it stands in the sentence, from 0.
    pub position: usize,
    /// The piece itself.
    pub surface: String,
}

impl Vocabulary {
    /// Reads a fairseq dictionary.
    ///
    /// Errors: missing, unreadable or empty file, not UTF-8, a line that is not `piece count`, a piece twice.
    pub fn from_file(path: &Path) -> Result<Vocabulary, TextError> {
        let text = files::read_text(path, "a line `piece count` for each piece")?;
        Vocabulary::parse(&path.display().to_string(), &text)
    }

    /// Reads what [`Vocabulary::to_bytes`] wrote. `origin` names it in errors.
    ///
    /// Errors: as [`Vocabulary::from_file`], apart from the file's own.
    pub fn from_bytes(origin: &str, bytes: &[u8]) -> Result<Vocabulary, TextError> {
        Vocabulary::parse(origin, &files::utf8(origin, bytes.to_vec())?)
    }

    /// A vocabulary of counted pieces in fairseq's order: the most frequent first, pieces of one count in the order of
    /// their characters, and filled up to a multiple of eight ids.
    pub fn from_counts(counts: impl IntoIterator<Item = (String, u64)>) -> Vocabulary {
        let mut merged: BTreeMap<String, u64> = BTreeMap::new();
        for (piece, count) in counts.into_iter().filter(|(p, _)| !SPECIAL.contains(&p.as_str())) {
            *merged.entry(piece).or_default() += count;
        }
        // The map is in the order of characters, and a stable sort keeps that among equal counts.
        let mut ordered: Vec<(String, u64)> = merged.into_iter().collect();
        ordered.sort_by_key(|(_, count)| std::cmp::Reverse(*count));

        let mut vocabulary = Vocabulary::special();
        for (piece, count) in ordered {
            vocabulary.insert(&piece, count).expect("the keys of a map are distinct");
        }
        let mut fillers = (0..).map(|i| format!("madeupword{i:04}"));
        while !vocabulary.len().is_multiple_of(MULTIPLE) {
            // A corpus may hold the word itself; its id stays its own.
            let _ = vocabulary.insert(&fillers.next().expect("an endless range"), 0);
        }
        vocabulary
    }

    /// Counts the pieces of sentences, as [`Vocabulary::from_counts`] takes them.
    pub fn from_sentences(sentences: impl IntoIterator<Item = Vec<String>>) -> Vocabulary {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for piece in sentences.into_iter().flatten() {
            *counts.entry(piece).or_default() += 1;
        }
        Vocabulary::from_counts(counts)
    }

    /// As a fairseq dictionary file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for (piece, count) in self.pieces.iter().zip(&self.counts).skip(SPECIAL.len()) {
            writeln!(text, "{piece} {count}").expect("writing to a string");
        }
        text.into_bytes()
    }

    /// Number of ids, the special ones included.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is nothing beyond the special ids.
    pub fn is_empty(&self) -> bool {
        self.len() == SPECIAL.len()
    }

    /// The id of a piece, if it has one.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    /// The piece of an id, if there is such an id. Special ids have theirs: `</s>`, `<unk>`, …
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.pieces.get(id as usize).map(|piece| &**piece)
    }

    /// How often the piece of an id was counted; 0 for special ids. Panics where there is no such id.
    pub fn count(&self, id: u32) -> u64 {
        self.counts[id as usize]
    }

    /// All pieces but the special ones, in the order of their ids.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().skip(SPECIAL.len()).map(|piece| &**piece)
    }

    /// The ids of these pieces, [`UNK`] where there is none, and [`EOS`] at the end.
    pub fn encode<S: AsRef<str>>(&self, pieces: &[S]) -> Vec<u32> {
        pieces.iter().map(|p| self.id(p.as_ref()).unwrap_or(UNK)).chain([EOS]).collect()
    }

    /// As [`Vocabulary::encode`], keeping the surface of unknown pieces for a translation that copies them.
    pub fn encode_keeping_unknown<S: AsRef<str>>(&self, pieces: &[S]) -> Encoded {
        let ids = self.encode(pieces);
        let unknown = pieces
            .iter()
            .enumerate()
            .filter(|(position, _)| ids[*position] == UNK)
            .map(|(position, p)| Unknown { position, surface: p.as_ref().to_owned() })
            .collect();
        Encoded { ids, unknown }
    }

    /// The pieces of these ids. [`BOS`], [`PAD`] and [`EOS`] are left out. Panics where there is no such id.
    pub fn decode(&self, ids: &[u32]) -> Vec<String> {
        ids.iter()
            .filter(|id| !matches!(**id, BOS | PAD | EOS))
            .map(|&id| self.piece(id).unwrap_or_else(|| panic!("id {id} of {}", self.len())).to_owned())
            .collect()
    }

    fn special() -> Vocabulary {
        let mut vocabulary = Vocabulary { pieces: Vec::new(), ids: HashMap::new(), counts: Vec::new() };
        for piece in SPECIAL {
            vocabulary.insert(piece, 0).expect("special pieces are distinct");
        }
        vocabulary
    }

    fn parse(file: &str, text: &str) -> Result<Vocabulary, TextError> {
        let mut vocabulary = Vocabulary::special();
        for (i, line) in text.lines().enumerate() {
            let bad = || TextError::BadDictionaryLine { file: file.to_owned(), line: i + 1, found: line.to_owned() };
            // The piece may itself hold a space; the count is what follows the last one.
            let (piece, count) = line.rsplit_once(' ').ok_or_else(bad)?;
            let count = count.parse().map_err(|_| bad())?;
            if piece.is_empty() {
                return Err(bad());
            }
            vocabulary.insert(piece, count).map_err(|id| TextError::DuplicatePiece {
                file: file.to_owned(),
                line: i + 1,
                piece: piece.to_owned(),
                id,
            })?;
        }
        Ok(vocabulary)
    }

    /// Gives the piece the next id. Errors: the id that it has already.
    fn insert(&mut self, piece: &str, count: u64) -> Result<(), u32> {
        if let Some(&id) = self.ids.get(piece) {
            return Err(id);
        }
        let piece: Arc<str> = piece.into();
        self.ids.insert(piece.clone(), self.pieces.len() as u32);
        self.pieces.push(piece);
        self.counts.push(count);
        Ok(())
    }
}
