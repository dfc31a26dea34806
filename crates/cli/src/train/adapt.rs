//! `--from MODEL`: a training that starts from a model's weights. New text is cut as the model's was, by its tokenisers and its
//! vocabularies; what cannot be, or is no such model, is refused with the first difference.

use super::finish::is_lowercased;
use crate::Error;
use crate::text_model::TextModel;
use lsra_model::ModelConfig;
use lsra_text::prepare::{Casing, TextForm};
use lsra_text::{Languages, Prepared};
use serde_json::{Value, json};
use std::path::Path;

/// A model to start from.
pub struct Base {
    file: String,
    /// All that its file holds.
    pub(crate) model: TextModel,
}

/// What may differ between a model and one that starts from it: it changes what is dropped while training, and no parameter. Sizes of
/// vocabularies are the model's in any case.
const FREE: [&str; 7] = [
    "dropout",
    "attention_dropout",
    "taps_dropout",
    "taps_dropout_mode",
    "feed_forward_init",
    "source_vocabulary",
    "target_vocabulary",
];

impl Base {
    /// Reads a model file.
    ///
    /// Errors: as [`TextModel::load`].
    pub fn load(path: &Path) -> Result<Base, Error> {
        let model = TextModel::named_by("--from", path)?;
        Ok(Base { file: path.display().to_string(), model })
    }

    /// Where it was read from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the card of a model that starts from it says of it: nothing of where it lay, so that such a model's bytes do not depend on that.
    /// `weights`: the digest that tells runs from it from others.
    pub(super) fn on_card(&self, weights: Option<u64>) -> Value {
        json!({ "name": self.model.card.get("name"), "weights": weights.map(|digest| format!("{digest:016x}")) })
    }

    /// Its dimensions.
    pub(super) fn config(&self) -> &ModelConfig {
        &self.model.model.config
    }

    /// Errors: the first dimension in which the model differs from these.
    pub(super) fn check_config(&self, here: &ModelConfig) -> Result<(), Error> {
        let table = |config: &ModelConfig| match serde_json::to_value(config) {
            Ok(Value::Object(map)) => map,
            _ => unreachable!("a struct of numbers and names is a JSON object"),
        };
        let (there, here) = (table(self.config()), table(here));
        let differs = there.iter().find(|(key, value)| !FREE.contains(&key.as_str()) && here.get(*key) != Some(value));
        differs.map_or(Ok(()), |(key, value)| {
            let here = here.get(key).map_or(String::new(), Value::to_string);
            Err(Error::AnotherModel { file: self.file.clone(), key: key.clone(), there: value.to_string(), here })
        })
    }

    /// Errors: the text was not cut by [`Base::cut`]: its ids mean other pieces than the model's.
    pub(super) fn check_cut(&self, text: &Prepared) -> Result<(), Error> {
        if text.source_vocabulary == self.model.source && text.target_vocabulary == self.model.target {
            return Ok(());
        }
        let [there, here] = ["text cut by its own tokenisers and vocabularies", "cut by others"].map(str::to_owned);
        Err(Error::AnotherText { file: self.file.clone(), there, here, advice: "cut it with Base::cut" })
    }

    /// The text as the model's own would be.
    ///
    /// Errors: it is of other languages, or was prepared otherwise, so that it cannot be.
    pub fn cut(&self, text: Prepared, languages: &Languages) -> Result<Prepared, Error> {
        self.check_languages(languages)?;
        self.check_text(&text)?;
        let TextModel { source_bpe, target_bpe, source, target, .. } = &self.model;
        Ok(text.cut_by([source_bpe.clone(), target_bpe.clone()], [source.clone(), target.clone()]))
    }

    /// A card that does not say is taken at its user's word.
    fn check_languages(&self, here: &Languages) -> Result<(), Error> {
        let side = |key: &str, otherwise: &String| {
            self.model.card.get(key).and_then(Value::as_str).unwrap_or(otherwise).to_owned()
        };
        let source = side("source_language", &here.source);
        let there = Languages { source, target: side("target_language", &here.target) };
        if there == *here {
            return Ok(());
        }
        let name = |l: &Languages| format!("text from {} to {}", l.source, l.target);
        let (there, here) = (name(&there), name(here));
        let advice = "prepare it with the model's languages, as --languages de-en, or train without --from";
        Err(Error::AnotherText { file: self.file.clone(), there, here, advice })
    }

    fn check_text(&self, text: &Prepared) -> Result<(), Error> {
        let differs = |there: String, here: String, advice: &'static str| {
            Err(Error::AnotherText { file: self.file.clone(), there, here, advice })
        };
        let kind = |form: Option<TextForm>| if form.is_some() { "raw text" } else { "text that was tokenised before" };
        let (there, here) = (self.model.form, text.form);
        match (there, here) {
            (Some(a), Some(b)) if a.normalization != b.normalization => {
                let name = |f: TextForm| format!("text prepared with --normalize {}", word(&f.normalization));
                return differs(name(a), name(b), "prepare it as the model's was");
            }
            (Some(a), Some(b)) if a.casing != b.casing => {
                let name = |f: TextForm| match f.casing {
                    Casing::Lower => "text prepared with --lowercase".to_owned(),
                    Casing::Keep => "text prepared without --lowercase".to_owned(),
                };
                return differs(name(a), name(b), "prepare it as the model's was");
            }
            (Some(_), None) | (None, Some(_)) => {
                let advice = "raw text comes from a folder of lsra prepare, tokenised text from one for a recipe";
                return differs(kind(there).to_owned(), kind(here).to_owned(), advice);
            }
            (Some(_), Some(_)) => {}
            (None, None) => {
                let words = [(&self.model.source_bpe, &text.source_bpe), (&self.model.target_bpe, &text.target_bpe)];
                if words.iter().any(|(there, here)| there.is_none() && here.is_some()) {
                    let here = "words for bpe.codes to cut".to_owned();
                    return differs(
                        "text that comes cut into pieces".to_owned(),
                        here,
                        "cut it as the model's text was",
                    );
                }
                if self.model.is_lowercased() && !is_lowercased(text) {
                    let here = "text with capital letters".to_owned();
                    return differs("lowercased text".to_owned(), here, "lowercase it");
                }
            }
        }
        Ok(())
    }
}

/// A setting as users write it.
fn word(setting: &impl serde::Serialize) -> String {
    serde_json::to_value(setting).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
