//! A sentence on its way into the model: what stays as it is aside.

use super::numbers::translated_numbers;
use super::options::{CasingOf, Handling, Keep};
use super::stand_ins::StandIns;
use crate::text_model::TextModel;
use lsra_text::casing::{Capitals, has_letter_or_digit};
use lsra_text::spans::{Span, SpanKind};
use std::borrow::Cow;

/// A sentence, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Request<'t> {
    /// What stands before and after what is translated: emoji, or all of a sentence without a letter.
    pub(super) ends: [Cow<'t, str>; 2],
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
        let ends = [&sentence[..start], &sentence[end..]].map(Cow::Borrowed);
        let without_spans = replaced(core, &spans, str::to_owned, |_| "0");
        if handling.keep == Keep::Spans && !without_spans.contains(char::is_alphabetic) {
            // Nothing to translate, and of a number alone a model makes up another. It stays whole, its spans too.
            let kept = replaced(core, &spans, |text| translated_numbers(text, handling.languages), |kept| kept.text);
            let [before, after] = ends;
            return Request {
                ends: [Cow::Owned(before.into_owned() + &kept), after],
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

    /// Words of what the model gets before a span, one that the span is a part of not counted. An emoji is part of none.
    pub(super) fn words_before(&self, span: usize) -> usize {
        let Span { range, kind } = &self.spans[span].span;
        let before = replaced(&self.core[..range.start], &self.spans[..span], str::to_owned, |kept| kept.given());
        let apart = |before: &Kept<'_>| before.span.kind == SpanKind::Emoji && before.span.range.end == range.start;
        let is_part = *kind != SpanKind::Emoji
            && before.ends_with(|c: char| !c.is_whitespace())
            && !self.spans[..span].last().is_some_and(apart);
        before.split_whitespace().count() - usize::from(is_part)
    }

    /// A span with the word around it, as `[text](https://…)`, where that is more than punctuation; emoji are no part of it.
    pub(super) fn with_its_word(&self, span: usize) -> &'t str {
        let Kept { span: Span { range, .. }, .. } = &self.spans[span];
        let emoji = |kept: &&Kept<'_>| kept.span.kind == SpanKind::Emoji;
        let before = self.spans[..span].iter().rfind(emoji).map_or(0, |kept| kept.span.range.end);
        let after = self.spans[span + 1..].iter().find(emoji).map_or(self.core.len(), |kept| kept.span.range.start);
        let start = range.start - self.core[before..range.start].rsplit(char::is_whitespace).next().map_or(0, str::len);
        let end = range.end + self.core[range.end..after].split(char::is_whitespace).next().map_or(0, str::len);
        let around = [&self.core[start..range.start], &self.core[range.end..end]];
        if around.iter().any(|part| part.contains(char::is_alphanumeric)) {
            &self.core[start..end]
        } else {
            self.spans[span].text
        }
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
        // Punctuation may stand before the first word as a word of its own.
        let first = words.iter().position(|(word, _)| has_letter_or_digit(word)).map_or(0, |at| at + 1);
        let count = if self.capitals == Capitals::All { words.len() } else { first };
        words.iter_mut().take(count).for_each(|(word, _)| *word = self.capitals.apply(word));
    }
}

/// Two words of three letters, not only names like USA.
fn is_text(core: &str) -> bool {
    let long = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    core.split_whitespace().filter(long).nth(1).is_some()
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
        result += other;
        at = kept.span.range.end;
        if other.is_empty() {
            // What is left out takes the space before it along, but what it stood between stays apart.
            result.truncate(result.trim_end().len());
            let joins = |c: char| c.is_whitespace() || CLOSES.contains(&c);
            if !result.is_empty() && at < text.len() && !text[at..].starts_with(joins) {
                result.push(' ');
            }
        }
    }
    result + &between(&text[at..])
}

/// What stands at the end of a word or of a sentence.
pub(super) const CLOSES: [char; 11] = ['.', ',', ';', ':', '!', '?', ')', '"', '”', '»', '…'];

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

#[cfg(test)]
mod tests {
    use super::*;
    use lsra_text::spans::spans;

    fn request(core: &str) -> Request<'_> {
        let kept = |span: Span| Kept { text: &core[span.range.clone()], span, stand_in: None };
        let spans = spans(core, |_| true).into_iter().map(kept).collect();
        Request { ends: Default::default(), core, spans, capitals: Capitals::First, given: String::new() }
    }

    #[test]
    fn what_emoji_stand_between_stays_apart() {
        let given = |core: &str| {
            let request = request(core);
            replaced(core, &request.spans, str::to_owned, |kept| kept.given())
        };
        assert_eq!(given("Two dogs😀 are playing."), "Two dogs are playing.");
        assert_eq!(given("A man😀runs 👍🏽 fast 😀."), "A man runs fast.");
        assert_eq!(given("Tom 😀„ist“😀, er😀"), "Tom „ist“, er");
    }

    #[test]
    fn words_before_a_span_are_those_that_the_model_gets() {
        let words = |core: &str| {
            let request = request(core);
            (0..request.spans.len()).map(|i| request.words_before(i)).collect::<Vec<_>>()
        };
        assert_eq!(words("Two dogs😀 are here😀."), [2, 4]);
        assert_eq!(words("Two dogs😀www.a.de (www.a.de) 👍🏽"), [2, 2, 3, 4]);
    }

    #[test]
    fn a_span_may_have_a_word_around_it() {
        let around = |core: &str| {
            let request = request(core);
            let words = (0..request.spans.len()).filter(|&i| request.spans[i].span.kind != SpanKind::Emoji);
            words.map(|i| request.with_its_word(i).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(around("See [the docs](https://a.de/b) for"), ["docs](https://a.de/b)"]);
        assert_eq!(around("See (https://a.de/b), Mr😀www.a.de"), ["https://a.de/b", "www.a.de"]);
    }

    #[test]
    fn the_first_word_gets_the_capital() {
        let capitalised = |words: &[&str]| {
            let mut words: Vec<_> = words.iter().map(|word| ((*word).to_owned(), None)).collect();
            request("Ein Haus").capitalise(&mut words);
            words.into_iter().map(|w| w.0).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(capitalised(&["a", "house"]), "A house");
        assert_eq!(capitalised(&["\"", "&quot;", "a", "house"]), "\" &quot; A house");
        assert_eq!(capitalised(&["-", "3", "houses"]), "- 3 houses");
        assert_eq!(capitalised(&["...", "–"]), "... –");
    }
}
