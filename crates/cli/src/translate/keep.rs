//! A sentence on its way into the model: what stays as it is aside.

use super::options::{CasingOf, Handling, Keep};
use super::stand_ins::StandIns;
use crate::text_model::TextModel;
use lsra_text::casing::Capitals;
use lsra_text::spans::{Span, SpanKind};

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
    /// The name in its place, where it has one.
    pub(super) stand_in: Option<&'static str>,
}

impl Kept<'_> {
    /// What the model gets for it. An emoji is no part of a sentence as a name is, so nothing stands for it.
    fn given(&self) -> &str {
        match self.span.kind {
            SpanKind::Emoji => "",
            _ => self.stand_in.unwrap_or(self.text),
        }
    }
}

impl<'t> Request<'t> {
    pub(super) fn new(sentence: &'t str, model: &TextModel, handling: &Handling, names: &StandIns) -> Request<'t> {
        let found = handling.spans(model, sentence);
        let core = without_emoji_at_ends(sentence, &found);
        let (start, end) = (core.0, core.1);
        let core = &sentence[start..end];
        let spans: Vec<Kept<'t>> = found
            .into_iter()
            .filter(|span| start <= span.range.start && span.range.end <= end)
            .map(|mut span| {
                let text = &sentence[span.range.clone()];
                span.range = span.range.start - start..span.range.end - start;
                Kept { span, text, stand_in: None }
            })
            .collect();
        let ends = [&sentence[..start], &sentence[end..]];
        let without_spans = replaced(core, &spans, str::to_owned, |_| "0");
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
        let mut request = Request { ends, core, spans, capitals: Capitals::of(&without_spans), given: String::new() };
        request.capitals = request.capitals_of_translation(model, handling);
        request.stand_in(model, handling, names, 0);
        request
    }

    /// Puts names in place of spans, others at each attempt; the spans themselves where there are no more.
    pub(super) fn stand_in(&mut self, model: &TextModel, handling: &Handling, names: &StandIns, attempt: usize) {
        let emoji = |kept: &&mut Kept<'_>| kept.span.kind == SpanKind::Emoji;
        let count = self.spans.len() - self.spans.iter_mut().filter(emoji).count();
        let mut found = names.absent_from(self.core, count, attempt).into_iter().flatten();
        for kept in self.spans.iter_mut().filter(|kept| !emoji(kept)) {
            kept.stand_in = found.next();
        }
        // A model that knows capitals has seen few sentences all in them.
        self.given = match self.capitals {
            Capitals::All if !model.is_lowercased() => {
                // Spans are bytes of the core, and letters may change their size: pieces between them are lowered one by one.
                Capitals::First.apply(&replaced(self.core, &self.spans, str::to_lowercase, |kept| kept.given()))
            }
            _ => replaced(self.core, &self.spans, str::to_owned, |kept| kept.given()),
        };
        // An address alone may be longer than any sentence.
        if model.encode_source(&self.given, handling.form).len() > model.max_positions() {
            self.given = handling.without_spans(model, self.core);
        }
    }

    /// Whether attention has to say where a span belongs.
    pub(super) fn has_unplaced(&self) -> bool {
        self.spans.iter().any(|kept| kept.stand_in.is_none())
    }

    /// Words of what the model gets before a span, one that the span is a part of not counted.
    pub(super) fn words_before(&self, span: usize) -> usize {
        let start = self.spans[span].span.range.start;
        let before = replaced(&self.core[..start], &self.spans[..span], str::to_owned, |kept| kept.given());
        before.split_whitespace().count() - usize::from(before.ends_with(|c: char| !c.is_whitespace()))
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
}

/// Two words of three letters, not only names like USA.
fn is_text(core: &str) -> bool {
    let long = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    core.split_whitespace().filter(long).nth(1).is_some()
}

/// A number is the model's to write.
fn has_number(core: &str, spans: &[Kept<'_>]) -> bool {
    replaced(core, spans, str::to_owned, |_| " ").contains(char::is_numeric)
}

/// The text with something else for its spans and for what stands between them.
fn replaced<'k>(
    text: &str,
    spans: &'k [Kept<'_>],
    between: impl Fn(&str) -> String,
    by: impl Fn(&'k Kept<'_>) -> &'k str,
) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for kept in spans {
        result += &between(&text[at..kept.span.range.start]);
        let other = by(kept);
        if other.is_empty() {
            // What is left out takes the space before it along.
            result.truncate(result.trim_end().len());
        }
        result += other;
        at = kept.span.range.end;
    }
    result + &between(&text[at..])
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
