//! Whether a model is one for the text at hand, and if not, the first thing in which the two differ.

use crate::text_model::TextModel;
use lsra_text::prepare::TextForm;
use lsra_text::{Bpe, Languages, Prepared, Vocabulary};
use serde_json::Value;

/// The first difference between a model and the text it is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: &'static str,
    /// The model's.
    pub there: String,
    /// The text's.
    pub here: String,
}

/// Compares languages, where the model names its own, and what lines go through before they are cut.
pub(crate) fn text_differs(model: &TextModel, languages: &Languages, form: Option<TextForm>) -> Option<Difference> {
    let named = [("source_language", &languages.source), ("target_language", &languages.target)];
    let language = named.into_iter().find_map(|(key, here)| {
        let there = model.card.get(key).and_then(Value::as_str)?;
        let what = if key == "source_language" { "source language" } else { "target language" };
        difference(what, there.to_owned(), here.clone())
    });
    language.or_else(|| difference("text", form_in_words(model.form), form_in_words(form)))
}

/// As [`text_differs`], and compares the pieces that text is cut into.
pub(crate) fn pieces_differ(model: &TextModel, languages: &Languages, text: &Prepared) -> Option<Difference> {
    let dictionaries = || {
        vocabulary_differs("source dictionary", &model.source, &text.source_vocabulary)
            .or_else(|| vocabulary_differs("target dictionary", &model.target, &text.target_vocabulary))
    };
    let tokenisers = || {
        bpe_differs("source tokeniser", &model.source_bpe, &text.source_bpe)
            .or_else(|| bpe_differs("target tokeniser", &model.target_bpe, &text.target_bpe))
    };
    text_differs(model, languages, text.form).or_else(dictionaries).or_else(tokenisers)
}

pub(crate) fn difference(what: &'static str, there: String, here: String) -> Option<Difference> {
    (there != here).then_some(Difference { what, there, here })
}

fn form_in_words(form: Option<TextForm>) -> String {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    match form.map(|f| (serde_json::to_value(f.normalization), serde_json::to_value(f.casing))) {
        Some((Ok(normalization), Ok(casing))) => {
            format!("raw text (normalize {}, casing {})", word(normalization), word(casing))
        }
        _ => "tokenised before".to_owned(),
    }
}

/// Ids of one and the same piece in both, or none.
fn vocabulary_differs(what: &'static str, there: &Vocabulary, here: &Vocabulary) -> Option<Difference> {
    let size = |v: &Vocabulary| format!("of {} pieces", v.len());
    let piece = |v: &Vocabulary, id: u32| v.piece(id).unwrap_or_default().to_owned();
    let first = (0..there.len().min(here.len()) as u32).find(|&id| piece(there, id) != piece(here, id));
    match first {
        Some(id) => {
            let told = |v: &Vocabulary| format!("{:?} at id {id}", piece(v, id));
            difference(what, told(there), told(here))
        }
        None => difference(what, size(there), size(here)),
    }
}

fn bpe_differs(what: &'static str, there: &Option<Bpe>, here: &Option<Bpe>) -> Option<Difference> {
    let told = |bpe: &Option<Bpe>| if bpe.is_some() { "one" } else { "none" }.to_owned();
    match (there, here) {
        (Some(a), Some(b)) if a.to_json() != b.to_json() => {
            difference(what, "one of its own".to_owned(), "another".to_owned())
        }
        _ => difference(what, told(there), told(here)),
    }
}
