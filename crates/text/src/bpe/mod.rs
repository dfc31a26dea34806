//! Byte pair encoding: cutting words into pieces (Sennrich, Haddow and Birch 2016).
//!
//! The model is Hugging Face's, so that it is stored as a `tokenizer.json` that other programs read; pieces are spelled
//! as subword-nmt and fairseq spell them, `foo@@ bar` for a word cut in two. Words are what single spaces separate: text
//! is tokenised before it comes here. A character that no merge knows is a piece of its own.

mod codes;
mod learn;

use crate::TextError;
use codes::Merge;
use std::path::Path;
use tokenizers::decoders::bpe::BPEDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{Model, SplitDelimiterBehavior, Tokenizer};

/// What the last character of a word carries within the model.
const END_OF_WORD: &str = "</w>";

/// What a piece carries, outside of the model, where its word goes on.
const CONTINUES: &str = "@@";

/// The model's token for a character that no merge knows. Never seen outside: pieces are cut out of the text itself.
const UNKNOWN: &str = "<unk>";

/// Words whose pieces are remembered, on each thread. The corpora of the literature have 50 to 150 thousand distinct
/// words a side, most of them rare; this holds all but the rare ones in some 10 MB.
const CACHED_WORDS: usize = 1 << 16;

/// Cuts words into pieces and joins them again.
#[derive(Clone)]
pub struct Bpe {
    tokenizer: Tokenizer,
}

impl Bpe {
    /// Reads subword-nmt's codes.
    ///
    /// Errors: missing, unreadable or empty file, not UTF-8, a version other than 0.2, a line that is not two pieces.
    pub fn from_codes(path: &Path) -> Result<Bpe, TextError> {
        Ok(Bpe::from_merges(codes::read(path)?))
    }

    /// Learns `merges` merges, or as many as there are pairs, from words separated by single spaces. The same lines
    /// give the same merges.
    pub fn train<S: AsRef<str> + Sync>(lines: &[S], merges: usize) -> Bpe {
        Bpe::from_merges(learn::merges(lines, merges))
    }

    /// Reads what [`Bpe::to_json`] wrote. `origin` names it in errors.
    ///
    /// Errors: not a `tokenizer.json`, or not of BPE with the suffix `</w>`.
    pub fn from_json(origin: &str, bytes: &[u8]) -> Result<Bpe, TextError> {
        let bad = |reason: String| TextError::BadTokenizer { file: origin.to_owned(), reason };
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| bad(e.to_string()))?;
        match tokenizer.get_model() {
            ModelWrapper::BPE(model) if model.end_of_word_suffix.as_deref() != Some(END_OF_WORD) => {
                Err(bad("its end_of_word_suffix is another".to_owned()))
            }
            ModelWrapper::BPE(model) if model.unk_token.is_none() || model.fuse_unk || model.byte_fallback => {
                Err(bad("unknown characters would not stay themselves".to_owned()))
            }
            ModelWrapper::BPE(_) => Ok(Bpe { tokenizer }),
            _ => Err(bad("its model is not BPE".to_owned())),
        }
    }

    /// As a `tokenizer.json`.
    pub fn to_json(&self) -> Vec<u8> {
        self.tokenizer.to_string(false).expect("a tokeniser that was built can be written").into_bytes()
    }

    /// The pieces of a line of words separated by spaces.
    pub fn cut(&self, line: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        for word in line.split(' ').filter(|w| !w.is_empty()) {
            let tokens = self.tokenizer.get_model().tokenize(word).expect("the model knows its unknown token");
            let last = tokens.len() - 1;
            // The text between a token's offsets, not the token: unknown characters are themselves there, and the
            // end of the word unmarked.
            pieces.extend(tokens.iter().enumerate().map(|(i, token)| {
                let surface = &word[token.offsets.0..token.offsets.1];
                if i == last { surface.to_owned() } else { [surface, CONTINUES].concat() }
            }));
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
        line.truncate(line.trim_end().len());
        line
    }

    fn from_merges(merges: Vec<Merge>) -> Bpe {
        let mut vocabulary = Vocab::from_iter([(UNKNOWN.to_owned(), 0)]);
        for (left, right) in &merges {
            let whole = [left.clone(), right.clone(), [left.as_str(), right].concat()];
            for symbol in codes::characters(left).chain(codes::characters(right)).chain(whole) {
                let next = vocabulary.len() as u32;
                vocabulary.entry(symbol).or_insert(next);
            }
        }
        let model = BPE::builder()
            .vocab_and_merges(vocabulary, merges)
            .unk_token(UNKNOWN.to_owned())
            .end_of_word_suffix(END_OF_WORD.to_owned())
            .cache_capacity(CACHED_WORDS)
            .build()
            .expect("every merge's pieces and result are in the vocabulary");
        let spaces = Split::new(SplitPattern::String(" ".to_owned()), SplitDelimiterBehavior::Removed, false);
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_pre_tokenizer(Some(spaces.expect("a space is a pattern")));
        tokenizer.with_decoder(Some(BPEDecoder::new(END_OF_WORD.to_owned())));
        Bpe { tokenizer }
    }
}
