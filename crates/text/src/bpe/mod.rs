//! Byte pair encoding: cutting words into pieces (Sennrich, Haddow and Birch 2016).
//!
//! The model is Hugging Face's, so that it is stored as a `tokenizer.json` that other programs read; pieces are spelled
//! as subword-nmt and fairseq spell them, `foo@@ bar` for a word cut in two. Words are what single spaces separate: text
//! is tokenised before it comes here. A character that no merge knows is a piece of its own.

mod codes;
mod learn;
mod model;

use crate::TextError;
use codes::{Codes, WordEnd};
use std::path::Path;
use tokenizers::{Model, Tokenizer};

/// What a piece carries where its word goes on.
const CONTINUES: &str = "@@";

/// Cuts words into pieces and joins them again.
#[derive(Clone)]
pub struct Bpe {
    tokenizer: Tokenizer,
    word_end: WordEnd,
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

    /// Reads what [`Bpe::to_json`] wrote. `origin` names it in errors.
    ///
    /// Errors: not a `tokenizer.json`, or one that would cut otherwise than subword-nmt.
    pub fn from_json(origin: &str, bytes: &[u8]) -> Result<Bpe, TextError> {
        let (tokenizer, word_end) =
            model::read(bytes).map_err(|reason| TextError::BadTokenizer { file: origin.to_owned(), reason })?;
        Ok(Bpe { tokenizer, word_end })
    }

    /// As a `tokenizer.json`.
    pub fn to_json(&self) -> Vec<u8> {
        self.tokenizer.to_string(false).expect("a tokeniser that was built can be written").into_bytes()
    }

    /// The pieces of a line of words separated by spaces.
    pub fn cut(&self, line: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        for word in line.split(' ').filter(|w| !w.is_empty()) {
            let marked;
            let text = match self.word_end {
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
                let (start, end) = (token.offsets.0, token.offsets.1.min(word.len()));
                if end == word.len() && start < end {
                    pieces.push(word[start..].to_owned());
                } else if start < end {
                    pieces.push([&word[start..end], CONTINUES].concat());
                }
            }
        }
        pieces
    }

    /// Undoes [`Bpe::cut`]: the words of these pieces, separated by spaces. A mark that nothing follows is dropped.
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
        Bpe { word_end: codes.word_end, tokenizer: model::build(codes) }
    }
}
