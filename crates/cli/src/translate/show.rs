//! Translations on their way out.

use super::sentences::Translated;
use crate::Error;
use crate::lines::Line;
use crate::options::Format;
use crate::sink::Sink;
use serde::Serialize;

/// A text's translation.
pub(super) struct Shown<'t> {
    /// What stands before the first sentence: white space, and marks that are kept.
    pub(super) before: &'t str,
    pub(super) sentences: Vec<Translated<'t>>,
}

impl Shown<'_> {
    /// As text, `n_best` lines, so that they can be told apart; as JSON one object.
    pub(super) fn write(&self, line: &Line, n_best: usize, format: Format, sink: &mut Sink) -> Result<(), Error> {
        match format {
            Format::Text if n_best == 1 => sink.text(&(self.text(0) + line.end)),
            Format::Text => {
                // A part of a line, which has no end, is a text too.
                let end = if line.end.is_empty() { "\n" } else { line.end };
                (0..n_best).try_for_each(|n| sink.text(&(in_one_line(&self.text(n)) + end)))
            }
            Format::Json => {
                let sentences: Vec<Sentence<'_>> = self.sentences.iter().map(Sentence::of).collect();
                // White space and a bullet are a text, too.
                let least = usize::from(!self.before.is_empty());
                let most = self.sentences.iter().map(|s| s.texts.len()).max().unwrap_or(0).max(least);
                let object =
                    Object { source: &line.text, translations: (0..most).map(|n| self.text(n)).collect(), sentences };
                sink.line(&serde_json::to_string(&object).expect("strings and numbers"))
            }
        }
    }

    /// Of each sentence its n-th translation, its best where it has fewer; nothing where all have.
    fn text(&self, n: usize) -> String {
        let any = self.sentences.iter().any(|s| s.texts.len() > n);
        if n > 0 && !any {
            return String::new();
        }
        let mut text = self.before.to_owned();
        for sentence in &self.sentences {
            let nth = sentence.texts.get(n).or(sentence.texts.first());
            text += nth.map_or("", String::as_str);
            text += sentence.space;
        }
        text
    }
}

/// The text with its line breaks as spaces.
fn in_one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r', '\u{B}', '\u{C}', '\u{85}', '\u{2028}', '\u{2029}'], " ")
}

/// A line of JSON.
#[derive(Serialize)]
struct Object<'a> {
    source: &'a str,
    translations: Vec<String>,
    sentences: Vec<Sentence<'a>>,
}

#[derive(Serialize)]
struct Sentence<'a> {
    source: &'a str,
    /// What the model got, where that is not the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<&'a str>,
    hypotheses: Vec<ShownHypothesis<'a>>,
}

#[derive(Serialize)]
struct ShownHypothesis<'a> {
    text: &'a str,
    tokens: &'a [String],
    score: f32,
    log_probs: &'a [f32],
}

impl<'a> Sentence<'a> {
    fn of(translated: &'a Translated<'_>) -> Sentence<'a> {
        let hypotheses = translated.texts.iter().zip(&translated.found).map(|(text, found)| ShownHypothesis {
            text,
            tokens: &found.pieces,
            score: found.hypothesis.score,
            log_probs: &found.hypothesis.log_probs,
        });
        let given = Some(translated.given.as_str()).filter(|given| *given != translated.source && !given.is_empty());
        Sentence { source: translated.source, given, hypotheses: hypotheses.collect() }
    }
}
