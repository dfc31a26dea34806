//! Byte pair encoding: cutting words into pieces (Sennrich, Haddow and Birch 2016).
//!
//! The model is Hugging Face's, so that it is stored as a `tokenizer.json` that other programs read. Pieces are spelled in
//! one of two ways. Text that was tokenised before it comes here is words between single spaces, and spelled as
//! subword-nmt and fairseq do, `foo@@ bar` for a word cut in two. Raw text keeps its spaces in its pieces, `▁foo bar`, and
//! joining gives it back exactly. A character that no merge knows is a piece of its own.

mod codes;
mod dropout;
mod learn;
mod model;
mod raw;
mod subword_nmt;

use crate::{TextError, files};
use codes::{Codes, WordEnd};
pub(crate) use dropout::Dropping;
pub(crate) use model::UNKNOWN;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use tokenizers::{Model, Tokenizer};

/// What a piece carries where its word goes on.
const CONTINUES: &str = "@@";

/// How pieces show where words end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// `foo@@ bar` is one word cut in two: the text was tokenised before.
    #[default]
    Continued,
    /// `▁foo bar` is the same: the pieces hold the spaces of raw text.
    Spaced,
}

/// How many pieces to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceCount {
    /// So many pieces in all, single characters included.
    Vocabulary(usize),
    /// So many merges beyond the single characters.
    Merges(usize),
}

/// What a tokeniser expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Words between spaces.
    Words(WordEnd),
    /// Text as people write it.
    Raw,
}

/// Cuts words into pieces and joins them again.
#[derive(Clone)]
pub struct Bpe {
    tokenizer: Tokenizer,
    kind: Kind,
}

impl Spelling {
    /// The text of these pieces. A mark that nothing follows is dropped.
    pub fn join<S: AsRef<str>>(self, pieces: &[S]) -> String {
        match self {
            Spelling::Continued => Bpe::join(pieces),
            Spelling::Spaced => {
                let line: String = pieces.iter().map(|p| p.as_ref().replace(raw::SPACE, " ")).collect();
                line.trim_matches(' ').to_owned()
            }
        }
    }

    /// The pieces of each word, in order. Words are what spaces separate once the pieces are joined.
    pub fn words<S: AsRef<str>>(self, pieces: &[S]) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let begins = match self {
                Spelling::Continued => i == 0 || !pieces[i - 1].as_ref().ends_with(CONTINUES),
                Spelling::Spaced => i == 0 || piece.as_ref().starts_with(raw::SPACE),
            };
            match words.last_mut() {
                Some(word) if !begins => word.end = i + 1,
                _ => words.push(i..i + 1),
            }
        }
        words
    }

    /// How these pieces are spelled, as their marks show.
    pub fn of_lines<S: AsRef<str>>(lines: &[S]) -> Spelling {
        let spaced = lines.iter().any(|line| line.as_ref().contains(raw::SPACE));
        if spaced { Spelling::Spaced } else { Spelling::Continued }
    }
}

impl Bpe {
    /// Reads subword-nmt's codes, of version 0.2 or 0.1.
    ///
    /// Errors: missing, unreadable or empty file, not UTF-8, another version, a line that is not two pieces.
    pub fn from_codes(path: &Path) -> Result<Bpe, TextError> {
        Ok(Bpe::of(codes::read(path)?))
    }

    /// Learns `merges` merges, or as many as there are pairs, from words separated by single spaces. The same lines
    /// give the same merges.
    pub fn train<S: AsRef<str> + Sync>(lines: &[S], merges: usize) -> Bpe {
        Bpe::of(Codes { word_end: WordEnd::Joined, merges: learn::merges(lines, merges) })
    }

    /// Learns `merges` merges from words and how often each stands in a text, the very ones that subword-nmt learns, as a file of
    /// its codes.
    pub fn learn_codes(words: &BTreeMap<String, u64>, merges: usize) -> String {
        codes::write(&subword_nmt::learn(words, merges))
    }

    /// Learns pieces of raw text from strings of one line or several. `characters` says how often each stands in them; one
    /// that is missing there, or stands once, stays unknown; so do the rarest where they are more than half of the pieces. The same text gives the same pieces, in whatever order it comes.
    pub fn learn_raw<S>(
        characters: &BTreeMap<char, u64>,
        lines: impl Iterator<Item = S> + Send,
        size: PieceCount,
    ) -> Bpe
    where
        S: AsRef<str> + Send,
    {
        Bpe { tokenizer: raw::learn(characters, lines, size), kind: Kind::Raw }
    }

    /// Whether it knows a piece of its [`Bpe::cut`] of raw text; what it does not know are single characters.
    pub fn knows(&self, piece: &str) -> bool {
        self.tokenizer.get_model().token_to_id(piece).is_some()
    }

    /// How its pieces show where words end.
    pub fn spelling(&self) -> Spelling {
        match self.kind {
            Kind::Words(_) => Spelling::Continued,
            Kind::Raw => Spelling::Spaced,
        }
    }

    /// Reads what [`Bpe::to_json`] wrote. `origin` names it in errors.
    ///
    /// Errors: not a `tokenizer.json`, or one that would cut otherwise than subword-nmt.
    pub fn from_json(origin: &str, bytes: &[u8]) -> Result<Bpe, TextError> {
        let (tokenizer, kind) =
            model::read(bytes).map_err(|reason| TextError::BadTokenizer { file: origin.to_owned(), reason })?;
        Ok(Bpe { tokenizer, kind })
    }

    /// Reads a file that holds what [`Bpe::to_json`] wrote.
    ///
    /// Errors: missing, unreadable, empty or far too large, and as [`Bpe::from_json`].
    pub fn from_file(path: &Path) -> Result<Bpe, TextError> {
        let text = files::read_text(path, "a tokeniser")?;
        Bpe::from_json(&path.display().to_string(), text.as_bytes())
    }

    /// As a `tokenizer.json`.
    pub fn to_json(&self) -> Vec<u8> {
        self.tokenizer.to_string(false).expect("a tokeniser that was built can be written").into_bytes()
    }

    /// The pieces of a line: of words separated by spaces, or of raw text without spaces at its ends.
    pub fn cut(&self, line: &str) -> Vec<String> {
        match self.kind {
            Kind::Words(word_end) => self.cut_words(line, word_end),
            Kind::Raw => self.cut_raw(line),
        }
    }

    fn cut_raw(&self, line: &str) -> Vec<String> {
        let marked = raw::mark(line);
        let mut pieces = Vec::new();
        raw::words(&marked).for_each(|word| self.cut_raw_word(word, &mut pieces));
        pieces
    }

    /// Adds the pieces of a word of a marked line.
    fn cut_raw_word(&self, word: &str, pieces: &mut Vec<String>) {
        let tokens = self.tokenizer.get_model().tokenize(word).expect("the model knows its unknown token");
        // What stands between a token's offsets, not the token: unknown characters are themselves there.
        pieces.extend(tokens.iter().map(|t| word[t.offsets.0..t.offsets.1].to_owned()));
    }

    fn cut_words(&self, line: &str, word_end: WordEnd) -> Vec<String> {
        let mut pieces = Vec::new();
        words(line).for_each(|word| self.cut_word(word, word_end, &mut pieces));
        pieces
    }

    fn cut_word(&self, word: &str, word_end: WordEnd, pieces: &mut Vec<String>) {
        let marked;
        let text = match word_end {
            WordEnd::Joined => word,
            WordEnd::Separate => {
                marked = [word, model::END_MARK].concat();
                &marked
            }
        };
        let tokens = self.tokenizer.get_model().tokenize(text).expect("the model knows its unknown token");
        for token in &tokens {
            // The word between a token's offsets, not the token: unknown characters are themselves there, and the
            // end of the word unmarked.
            pieces.extend(spelled(word, token.offsets.0, token.offsets.1));
        }
    }

    /// Undoes [`Bpe::cut`] of words: the words of these pieces, separated by spaces. A mark that nothing follows is dropped.
    pub fn join<S: AsRef<str>>(pieces: &[S]) -> String {
        let mut line = String::new();
        for piece in pieces {
            match piece.as_ref().strip_suffix(CONTINUES) {
                Some(surface) => line.push_str(surface),
                None => {
                    line.push_str(piece.as_ref());
                    line.push(' ');
                }
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }

    fn of(codes: Codes) -> Bpe {
        Bpe { kind: Kind::Words(codes.word_end), tokenizer: model::build(codes) }
    }
}

/// The words of a line of text that was tokenised.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|w| !w.is_empty())
}

/// The piece of a word between two bytes, marked where the word goes on; none where nothing but the word's end is between them.
fn spelled(word: &str, start: usize, end: usize) -> Option<String> {
    let end = end.min(word.len());
    if start >= end {
        None
    } else if end == word.len() {
        Some(word[start..].to_owned())
    } else {
        Some([&word[start..end], CONTINUES].concat())
    }
}
