//! A model file together with what turns text into its ids and back.

use crate::Error;
use crate::train::Decoding;
use lsra_exec::{ModelFile, Weights};
use lsra_infer::Hypothesis;
use lsra_model::Model;
use lsra_text::prepare::TextForm;
use lsra_text::{Bpe, EOS, Encoded, Spelling, UNK, Unknown, Vocabulary, cut_line};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::path::Path;

/// Blob of the tokeniser, as Hugging Face's `tokenizer.json`; absent where text comes cut into pieces.
pub const TOKENIZER: &str = "tokenizer.json";
/// Blob of the source side's tokeniser, where each side has its own.
pub const SOURCE_TOKENIZER: &str = "source.tokenizer.json";
/// Blob of the target side's.
pub const TARGET_TOKENIZER: &str = "target.tokenizer.json";
/// Blob of the source side's fairseq dictionary.
pub const SOURCE_DICTIONARY: &str = "source.dict";
/// Blob of the target side's.
pub const TARGET_DICTIONARY: &str = "target.dict";
/// The card's key for whether the model knows lowercased text only.
pub const LOWERCASED: &str = "lowercased";
/// The card's key for what raw text goes through before it is cut: normalisation and casing, as its corpus was prepared.
pub const TEXT: &str = "text";
/// The card's key for how the model was scored, the `[decoding]` table of its preset.
pub const DECODING: &str = "decoding";

/// A model that translates text.
pub struct TextModel {
    /// What is computed.
    pub model: Model,
    /// With which values.
    pub weights: Weights,
    /// What the file says about itself.
    pub card: Map<String, Value>,
    /// What raw text goes through before it is cut; none where the model takes text as it stands.
    pub(crate) form: Option<TextForm>,
    /// Cuts sources; none where they come cut.
    pub(crate) source_bpe: Option<Bpe>,
    /// Cuts targets.
    pub(crate) target_bpe: Option<Bpe>,
    /// Pieces of sources.
    pub(crate) source: Vocabulary,
    /// Pieces of targets.
    pub(crate) target: Vocabulary,
}

/// Whether text still has to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the model's corpus was: words separated by spaces, or raw text.
    Words,
    /// Pieces of the model's vocabulary, `foo@@ bar` or `▁foo bar`.
    Pieces,
}

impl TextModel {
    /// Reads a model file.
    ///
    /// Errors: the file is missing, truncated or of another kind, has no dictionaries, or ones that do not fit the model.
    pub fn load(path: &Path) -> Result<TextModel, Error> {
        let file = path.display().to_string();
        if !path.exists() {
            return Err(Error::NoModel { file });
        }
        let ModelFile { model, weights, card, blobs } = ModelFile::load(path)?;
        let vocabulary = |name: &'static str, words: usize| {
            let bytes = blobs.get(name).ok_or_else(|| Error::NoDictionary { file: file.clone(), name })?;
            let vocabulary = Vocabulary::from_bytes(&format!("{file}, {name}"), bytes)?;
            if vocabulary.len() == words {
                Ok(vocabulary)
            } else {
                Err(Error::DictionaryMisfit { file: file.clone(), name, found: vocabulary.len(), words })
            }
        };
        let source = vocabulary(SOURCE_DICTIONARY, model.config.source_vocabulary)?;
        let target = vocabulary(TARGET_DICTIONARY, model.config.target_vocabulary)?;
        let bpe = |name: &str| {
            let named = blobs.get_key_value(name).or_else(|| blobs.get_key_value(TOKENIZER));
            named.map(|(name, bytes)| Bpe::from_json(&format!("{file}, {name}"), bytes)).transpose()
        };
        let (source_bpe, target_bpe) = (bpe(SOURCE_TOKENIZER)?, bpe(TARGET_TOKENIZER)?);
        let form = card.get(TEXT).filter(|f| !f.is_null()).map(TextForm::deserialize).transpose();
        let form = form.map_err(|e| Error::BadCard { file: file.clone(), key: TEXT, reason: e.to_string() })?;
        Ok(TextModel { model, weights, card, form, source_bpe, target_bpe, source, target })
    }

    /// Whether it knows no capital letter.
    pub(crate) fn is_lowercased(&self) -> bool {
        self.card.get(LOWERCASED) == Some(&Value::Bool(true))
    }

    /// How the model was scored, or the usual way where its file does not say.
    pub fn decoding(&self) -> Decoding {
        self.card.get(DECODING).and_then(|d| Decoding::deserialize(d).ok()).unwrap_or_default()
    }

    /// Source ids of a line, `</s>` at the end, and the pieces that have none.
    pub fn encode_source(&self, line: &str, form: Form) -> Encoded {
        self.source.encode_keeping_unknown(&self.cut(line, form, self.source_bpe.as_ref()))
    }

    /// Target ids of a line, `</s>` at the end.
    pub fn encode_target(&self, line: &str, form: Form) -> Vec<u32> {
        self.target.encode(&self.cut(line, form, self.target_bpe.as_ref()))
    }

    /// Target pieces of ids, special ones included.
    pub fn pieces(&self, ids: &[u32]) -> Vec<&str> {
        ids.iter().map(|&id| self.target.piece(id).expect("the target dictionary fits the model")).collect()
    }

    /// The words of a hypothesis. The n-th unknown word becomes the n-th of `copies`, or stays `<unk>` where there is none.
    pub fn text(&self, hypothesis: &Hypothesis, copies: &[Unknown]) -> String {
        let mut copies = copies.iter();
        let ids = hypothesis.tokens.iter().copied().filter(|&id| id != EOS);
        let pieces: Vec<&str> = ids
            .map(|id| {
                let copied = if id == UNK { copies.next() } else { None };
                copied.map_or_else(|| self.target.piece(id).expect("a target id"), |unknown| &unknown.surface)
            })
            .collect();
        self.target_spelling().join(&pieces)
    }

    /// The most tokens of a source and of a target, `</s>` counted.
    pub fn max_positions(&self) -> usize {
        self.model.config.max_positions
    }

    /// How pieces of the target show where words end.
    pub fn target_spelling(&self) -> Spelling {
        self.target_bpe.as_ref().map_or(Spelling::Continued, Bpe::spelling)
    }

    fn cut(&self, line: &str, form: Form, bpe: Option<&Bpe>) -> Vec<String> {
        if form == Form::Pieces {
            return cut_line(None, line);
        }
        let mut line = if self.is_lowercased() { Cow::Owned(line.to_lowercase()) } else { Cow::Borrowed(line) };
        if let Some(form) = self.form {
            line = Cow::Owned(form.apply(&line));
        }
        cut_line(bpe, &line)
    }
}
