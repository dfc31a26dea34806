//! A model file together with what turns text into its ids and back.

use crate::Error;
use crate::train::Decoding;
use lsra_exec::{ModelFile, Weights};
use lsra_infer::{GeneratorConfig, Hypothesis};
use lsra_model::Model;
use lsra_text::moses::Language;
use lsra_text::prepare::{Casing, TextForm};
use lsra_text::{Bpe, EOS, Spelling, Vocabulary, cut_line};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
/// The card's key for the source's language.
pub const SOURCE_LANGUAGE: &str = "source_language";
/// The card's key for the target's.
pub const TARGET_LANGUAGE: &str = "target_language";
/// The card's key for the tokens of the longest sentence that it was trained on, `</s>` included.
pub const LONGEST_SOURCE: &str = "longest_source";
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
    /// Characters that stand in pieces of the source.
    characters: HashSet<char>,
}

/// A word and the tokens that spell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it is read.
    pub text: String,
    /// Of its sentence.
    pub tokens: Range<usize>,
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
        TextModel::named_by("--model", path)
    }

    /// The same of a file that another option or setting names.
    ///
    /// Errors: as [`TextModel::load`].
    pub fn named_by(option: &'static str, path: &Path) -> Result<TextModel, Error> {
        check_path(option, path)?;
        let file = path.display().to_string();
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
        let characters = source.pieces().flat_map(str::chars).collect();
        Ok(TextModel { model, weights, card, form, source_bpe, target_bpe, source, target, characters })
    }

    /// Whether the model was trained on text as people write it, sentence by sentence, and not on tokens.
    pub fn takes_raw_text(&self) -> bool {
        self.form.is_some()
    }

    /// Whether the model knows no capitals.
    pub fn is_lowercased(&self) -> bool {
        self.card.get(LOWERCASED) == Some(&Value::Bool(true)) || self.form.is_some_and(|f| f.casing == Casing::Lower)
    }

    /// The languages of source and target, as far as its file names them and there are rules for them.
    pub fn languages(&self) -> [Option<Language>; 2] {
        // A variety has its language's rules: `de-AT`.
        let code = |key: &str| self.card.get(key)?.as_str()?.split(['-', '_']).next()?.to_lowercase().parse().ok();
        [code(SOURCE_LANGUAGE), code(TARGET_LANGUAGE)]
    }

    /// The most tokens of a sentence, `</s>` included, that is translated well: of the longest that the model was trained on,
    /// where its file says so. Never more than its positions, nor than a translation may have in this search, whose end would be cut off.
    pub fn longest_source(&self, search: &GeneratorConfig) -> usize {
        // A length in proportion to the source's has room for it.
        let translated = if search.max_len_a > 0.0 { usize::MAX } else { search.max_len_b.saturating_add(1) };
        self.longest_trained().unwrap_or(usize::MAX).min(self.max_positions()).min(translated)
    }

    /// Tokens of the longest sentence that it was trained on, `</s>` included, where its file says so.
    pub fn longest_trained(&self) -> Option<usize> {
        self.card.get(LONGEST_SOURCE).and_then(Value::as_u64).map(|n| n as usize)
    }

    /// Whether a character stands in any text that the model was trained on; as [`TextModel::encode_source`] would have it.
    pub fn knows(&self, character: char) -> bool {
        if self.characters.contains(&character) {
            return true;
        }
        let mut buffer = [0; 4];
        let text = self.normal(character.encode_utf8(&mut buffer));
        text.chars().all(|c| self.characters.contains(&c))
    }

    /// Of a word that both sides can spell: how many pieces it has, on the side where it has more, and how often the rarest of
    /// them was seen.
    pub fn familiarity(&self, word: &str) -> Option<(usize, u64)> {
        let of = |vocabulary: &Vocabulary, bpe: &Option<Bpe>| {
            let pieces = self.cut(word, Form::Words, bpe.as_ref());
            let counts = pieces.iter().map(|piece| vocabulary.id(piece).map(|id| vocabulary.count(id)));
            counts.collect::<Option<Vec<u64>>>().and_then(|counts| Some((counts.len(), counts.into_iter().min()?)))
        };
        let (source, target) = (of(&self.source, &self.source_bpe)?, of(&self.target, &self.target_bpe)?);
        Some((source.0.max(target.0), source.1.min(target.1)))
    }

    /// How the model was scored, or the usual way where its file does not say.
    pub fn decoding(&self) -> Decoding {
        self.card.get(DECODING).and_then(|d| Decoding::deserialize(d).ok()).unwrap_or_default()
    }

    /// Source ids of a line, `</s>` at the end.
    pub fn encode_source(&self, line: &str, form: Form) -> Vec<u32> {
        self.source.encode(&self.cut(line, form, self.source_bpe.as_ref()))
    }

    /// The words of a line and their tokens, as [`TextModel::encode_source`] numbers them.
    pub fn source_words(&self, line: &str, form: Form) -> Vec<Word> {
        let pieces = self.cut(line, form, self.source_bpe.as_ref());
        let spelling = self.source_bpe.as_ref().map_or_else(|| Spelling::of_lines(&pieces), Bpe::spelling);
        let mut words = words(spelling, &pieces);
        // Where nothing was taken apart or together, words stand as they were written, with their capitals.
        let written: Vec<&str> = line.split_whitespace().collect();
        if form == Form::Words && written.len() == words.len() {
            words.iter_mut().zip(written).for_each(|(word, written)| word.text = written.to_owned());
        }
        words
    }

    /// Target ids of a line, `</s>` at the end.
    pub fn encode_target(&self, line: &str, form: Form) -> Vec<u32> {
        self.target.encode(&self.cut(line, form, self.target_bpe.as_ref()))
    }

    /// Target pieces of ids, special ones included.
    pub fn pieces(&self, ids: &[u32]) -> Vec<&str> {
        ids.iter().map(|&id| self.target.piece(id).expect("the target dictionary fits the model")).collect()
    }

    /// The text of a hypothesis. Unknown words are `<unk>`.
    pub fn text(&self, hypothesis: &Hypothesis) -> String {
        self.target_spelling().join(&self.pieces(without_end(&hypothesis.tokens)))
    }

    /// The words of a hypothesis and their tokens; separated by spaces they are its text.
    pub fn target_words(&self, hypothesis: &Hypothesis) -> Vec<Word> {
        words(self.target_spelling(), &self.pieces(without_end(&hypothesis.tokens)))
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
        match form {
            Form::Pieces => cut_line(None, line),
            Form::Words => cut_line(bpe, &self.normal(line)),
        }
    }

    /// A line in the form that the model was trained on.
    fn normal<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let lowercased = self.card.get(LOWERCASED) == Some(&Value::Bool(true));
        let line = if lowercased { Cow::Owned(line.to_lowercase()) } else { Cow::Borrowed(line) };
        match self.form {
            Some(form) => Cow::Owned(form.apply(&line)),
            None => line,
        }
    }
}

fn without_end(ids: &[u32]) -> &[u32] {
    ids.strip_suffix(&[EOS]).unwrap_or(ids)
}

fn words<S: AsRef<str>>(spelling: Spelling, pieces: &[S]) -> Vec<Word> {
    let ranges = spelling.words(pieces);
    ranges.into_iter().map(|tokens| Word { text: spelling.join(&pieces[tokens.clone()]), tokens }).collect()
}

/// Whether a model file can be at this path, told before anything else is done.
///
/// Errors: there is a folder or nothing, and what to give instead.
pub(crate) fn check_path(option: &'static str, path: &Path) -> Result<(), Error> {
    let file = path.display().to_string();
    if path.is_dir() {
        let inside = Some(path.join("model.safetensors")).filter(|p| p.is_file());
        return Err(Error::ModelFolder { option, file, inside: inside.map(|p: PathBuf| p.display().to_string()) });
    }
    match std::fs::metadata(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(Error::NoModel { option, file }),
        _ => Ok(()),
    }
}
