//! A sentence on its way into the model: what stays as it is aside.

use super::options::{CasingOf, Handling, Keep};
use super::stand_ins::StandIns;
use crate::text_model::TextModel;
use lsra_text::casing::Capitals;
use lsra_text::spans::{Span, SpanKind, spans};

/// A sentence, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Request<'t> {
    /// What stands before and after what is translated: emoji, or all of a sentence without a word.
    pub(super) ends: [&'t str; 2],
    /// What is translated.
    pub(super) core: &'t str,
    /// What of it stays as it is.
    pub(super) spans: Vec<Kept<'t>>,
    /// The capitals of the translation.
    pub(super) capitals: Capitals,
    /// What the model gets.
    pub(super) given: String,
}

/// A span of a sentence.
#[derive(Clone, Debug)]
pub(super) struct Kept<'t> {
    pub(super) span: Span,
    pub(super) text: &'t str,
    /// What stands in its place.
    pub(super) stand_in: Option<String>,
}

impl<'t> Request<'t> {
    pub(super) fn new(sentence: &'t str, model: &TextModel, handling: &Handling, names: &StandIns) -> Request<'t> {
        let found = match handling.keep {
            Keep::Spans => spans(sentence, |c| model.knows(c)),
            Keep::Nothing => Vec::new(),
        };
        let core = without_emoji_at_ends(sentence, &found);
        let (start, end) = (core.0, core.1);
        let core = &sentence[start..end];
        let mut spans: Vec<Kept<'t>> = found
            .into_iter()
            .filter(|span| start <= span.range.start && span.range.end <= end)
            .map(|mut span| {
                let text = &sentence[span.range.clone()];
                span.range = span.range.start - start..span.range.end - start;
                Kept { span, text, stand_in: None }
            })
            .collect();
        let ends = [&sentence[..start], &sentence[end..]];
        let without_spans = replaced(core, &spans, |_| "0");
        if handling.keep == Keep::Spans && !without_spans.contains(char::is_alphabetic) && !has_number(core, &spans) {
            // Nothing to translate. It stays whole, its spans too.
            return Request {
                ends: [sentence, ""],
                core: "",
                spans: Vec::new(),
                capitals: Capitals::None,
                given: String::new(),
            };
        }
        let stand_ins = names.absent_from(core, spans.len());
        for (i, kept) in spans.iter_mut().enumerate() {
            kept.stand_in = stand_ins.as_ref().map(|names| names[i].to_owned());
        }
        let mut request = Request { ends, core, spans, capitals: Capitals::of(&without_spans), given: String::new() };
        let masked = replaced(core, &request.spans, |kept| kept.stand_in.as_deref().unwrap_or(kept.text));
        request.capitals = request.capitals_of_translation(model, handling);
        request.given = request.in_case(&masked, model);
        request
    }

    /// Without stand-ins.
    pub(super) fn unmasked(&mut self, model: &TextModel) {
        self.spans.iter_mut().for_each(|kept| kept.stand_in = None);
        self.given = self.in_case(self.core, model);
    }

    /// A model that knows capitals says itself which a translation has, unless all letters are: that tells it nothing.
    fn capitals_of_translation(&self, model: &TextModel, handling: &Handling) -> Capitals {
        let asked = handling.casing == CasingOf::Source;
        match self.capitals {
            capitals if asked && model.is_lowercased() => capitals,
            Capitals::All if asked && model.takes_raw_text() && is_text(self.core) => Capitals::All,
            _ => Capitals::None,
        }
    }

    /// Gives the words of a translation its capitals, before spans stand among them.
    pub(super) fn capitalise(&self, words: &mut [(String, Option<usize>)]) {
        let first = if self.capitals == Capitals::All { words.len() } else { 1 };
        words.iter_mut().take(first).for_each(|(word, _)| *word = self.capitals.apply(word));
    }

    /// A model that knows capitals has seen few sentences all in them.
    fn in_case(&self, text: &str, model: &TextModel) -> String {
        match self.capitals {
            Capitals::All if !model.is_lowercased() => Capitals::First.apply(&text.to_lowercase()),
            _ => text.to_owned(),
        }
    }
}

/// Two words of three letters, not only names like USA.
fn is_text(core: &str) -> bool {
    let long = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    core.split_whitespace().filter(long).nth(1).is_some()
}

/// A number is the model's to write.
fn has_number(core: &str, spans: &[Kept<'_>]) -> bool {
    replaced(core, spans, |_| " ").contains(char::is_numeric)
}

/// The text with something else for its spans.
pub(super) fn replaced<'k>(text: &str, spans: &'k [Kept<'_>], by: impl Fn(&'k Kept<'_>) -> &'k str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for kept in spans {
        result += &text[at..kept.span.range.start];
        result += by(kept);
        at = kept.span.range.end;
    }
    result + &text[at..]
}

/// The bytes of a sentence between emoji that begin and end it, white space beside them left out.
fn without_emoji_at_ends(sentence: &str, spans: &[Span]) -> (usize, usize) {
    let emoji = |span: &&Span| span.kind == SpanKind::Emoji;
    let (mut start, mut end) = (0, sentence.len());
    if let Some(first) = spans.first().filter(emoji).filter(|s| s.range.start == 0) {
        start = first.range.end;
        start += sentence[start..].len() - sentence[start..].trim_start().len();
    }
    if let Some(last) = spans.last().filter(emoji).filter(|s| s.range.end == sentence.len() && s.range.start > start) {
        end = start + sentence[start..last.range.start].trim_end().len();
    }
    (start, end)
}
