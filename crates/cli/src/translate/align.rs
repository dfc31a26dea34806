//! Putting words of the source into a translation, where attention says that they belong.

use super::keep::{CLOSES, Request};
use crate::text_model::{Form, TextModel, Word};
use lsra_infer::{Attention, Hypothesis};
use lsra_text::Spelling;
use lsra_text::UNK;
use lsra_text::spans::SpanKind;

/// A translation beside its source, word by word.
pub(super) struct Aligned<'a> {
    source: Vec<Word>,
    target: Vec<Word>,
    hypothesis: &'a Hypothesis,
    attention: &'a Attention,
    spelling: Spelling,
}

impl<'a> Aligned<'a> {
    /// `given`: what the model got.
    pub(super) fn new(
        model: &TextModel,
        given: &str,
        form: Form,
        hypothesis: &'a Hypothesis,
        attention: &'a Attention,
    ) -> Aligned<'a> {
        let (source, target) = (model.source_words(given, form), model.target_words(hypothesis));
        Aligned { source, target, hypothesis, attention, spelling: model.target_spelling() }
    }

    /// The words of the translation, and for each the place of the source's word that it looked at most; unknown ones are that
    /// word where `copies`.
    pub(super) fn words(&self, copies: bool) -> Vec<(String, Option<usize>)> {
        let mut words: Vec<(String, Option<usize>)> = Vec::new();
        let mut copied = None;
        for word in &self.target {
            let unknown: Vec<usize> = word.tokens.clone().filter(|&t| self.hypothesis.tokens[t] == UNK).collect();
            if unknown.is_empty() || !copies {
                copied = None;
                words.push((word.text.clone(), self.looked_at(word.tokens.clone())));
                continue;
            }
            let Some(source) = self.looked_at(unknown.into_iter()) else { continue };
            let [before, after] = around_unknown(&word.text);
            if copied == Some(source) {
                // Two unknown words in a row that are one of the source.
                words.last_mut().expect("the one that was copied").0 += after;
                continue;
            }
            copied = Some(source);
            words.push(([before, self.bare(&self.source[source].text), after].concat(), Some(source)));
        }
        words
    }

    /// The source's word with most of these steps' attention.
    fn looked_at(&self, steps: impl Iterator<Item = usize> + Clone) -> Option<usize> {
        let weight = |word: &Word| -> f32 {
            steps.clone().map(|step| self.attention.step(step)[word.tokens.clone()].iter().sum::<f32>()).sum()
        };
        let weights: Vec<f32> = self.source.iter().map(weight).collect();
        (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]).then(b.cmp(&a)))
    }

    /// Raw words have punctuation about them, which the translation has itself.
    fn bare<'w>(&self, word: &'w str) -> &'w str {
        match self.spelling {
            Spelling::Continued => word,
            Spelling::Spaced => {
                let bare = word.trim_matches(|c: char| c.is_ascii_punctuation() || "„“”‚‘’«»¿¡…".contains(c));
                if bare.is_empty() { word } else { bare }
            }
        }
    }

    /// Words with the spans of the source among them: each in place of the words that looked at it, or else after what looked at
    /// the words before it.
    pub(super) fn with_spans(&self, mut words: Vec<(String, Option<usize>)>, request: &Request<'_>) -> Vec<String> {
        let mut put = None;
        for (i, kept) in request.spans.iter().enumerate().filter(|(_, kept)| kept.stand_in.is_none()) {
            if kept.span.kind == SpanKind::Emoji {
                put_emoji(&mut words, request, i);
                continue;
            }
            let place = request.words_before(i);
            // What else is of the same word stays too: nothing says what would be its translation.
            let written = request.with_its_word(i);
            if let Some(first) = words.iter().position(|(_, looked)| *looked == Some(place)) {
                let run = words[first..].iter().take_while(|(_, looked)| *looked == Some(place)).count();
                let after =
                    if written == kept.text { trailing(&words[first + run - 1].0).to_owned() } else { String::new() };
                words.splice(first..first + run, [([written, &after].concat(), Some(place))]);
                continue;
            }
            // Another span of the same word may have brought all of it.
            if written != kept.text && put == Some(place) {
                continue;
            }
            put = Some(place);
            let at = behind(&words, place);
            match at.checked_sub(1).map(|last| &mut words[last].0) {
                Some(word) if is_followed(request, i) && !trailing(word).is_empty() => {
                    word.insert_str(word.len() - trailing(word).len(), &format!(" {written}"));
                }
                _ => words.insert(at, (written.to_owned(), Some(place))),
            }
        }
        words.into_iter().map(|(word, _)| word).collect()
    }
}

/// Puts an emoji behind the word that looked at the source's word before it: attached to it where it is there.
fn put_emoji(words: &mut Vec<(String, Option<usize>)>, request: &Request<'_>, span: usize) {
    let kept = &request.spans[span];
    let place = request.words_before(span).saturating_sub(1);
    let exact = words.iter().rposition(|(_, looked)| *looked == Some(place));
    let at = exact.map_or_else(|| behind(words, place), |last| last + 1);
    let attached = request.core[..kept.span.range.start].ends_with(|c: char| !c.is_whitespace());
    let Some(word) = at.checked_sub(1).map(|last| &mut words[last].0) else {
        return words.insert(0, (kept.text.to_owned(), Some(place)));
    };
    let end = word.len() - if is_followed(request, span) { trailing(word).len() } else { 0 };
    if attached {
        word.insert_str(end, kept.text);
    } else if end < word.len() {
        word.insert_str(end, &format!(" {}", kept.text));
    } else {
        words.insert(at, (kept.text.to_owned(), Some(place)));
    }
}

/// Where what comes after the source's words up to `place` begins.
fn behind(words: &[(String, Option<usize>)], place: usize) -> usize {
    let before = |(_, looked): &(String, Option<usize>)| looked.is_some_and(|l| l <= place);
    words.iter().rposition(before).map_or(0, |last| last + 1)
}

/// Whether punctuation follows a span in the source: then it does in the translation too.
fn is_followed(request: &Request<'_>, span: usize) -> bool {
    request.core[request.spans[span].span.range.end..].starts_with(|c: char| c.is_ascii_punctuation())
}

/// What is no letter before the first `<unk>` of a word and after the last.
fn around_unknown(word: &str) -> [&str; 2] {
    const MARK: &str = "<unk>";
    let (first, last) = (word.find(MARK).unwrap_or(0), word.rfind(MARK).map_or(word.len(), |at| at + MARK.len()));
    let (before, after) = (&word[..first], &word[last..]);
    let plain = |part: &&str| !part.contains(char::is_alphanumeric);
    [Some(before).filter(plain).unwrap_or(""), Some(after).filter(plain).unwrap_or("")]
}

/// The punctuation that a word ends with.
fn trailing(word: &str) -> &str {
    &word[word.trim_end_matches(CLOSES).len()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::keep::Kept;
    use lsra_text::casing::Capitals;
    use lsra_text::spans::spans;

    /// The translation's words, each with the place of the source's word that it looked at, once emoji are among them.
    fn with_emoji(core: &str, words: &[(&str, usize)]) -> String {
        let kept = |span: lsra_text::spans::Span| Kept { text: &core[span.range.clone()], span, stand_in: None };
        let request = Request {
            ends: Default::default(),
            core,
            spans: spans(core, |_| true).into_iter().map(kept).collect(),
            capitals: Capitals::None,
            given: String::new(),
        };
        let mut words: Vec<_> = words.iter().map(|(word, place)| ((*word).to_owned(), Some(*place))).collect();
        (0..request.spans.len()).for_each(|i| put_emoji(&mut words, &request, i));
        words.into_iter().map(|w| w.0).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_emoji_stays_with_its_word() {
        let words = [("Zwei", 0), ("Hunde", 1), ("spielen", 3), ("jetzt.", 2)];
        assert_eq!(with_emoji("Two dogs😀 are playing.", &words), "Zwei Hunde😀 spielen jetzt.");
        assert_eq!(with_emoji("Two dogs 😀 are playing.", &words), "Zwei Hunde 😀 spielen jetzt.");
        assert_eq!(with_emoji("Two dogs are playing😀.", &words), "Zwei Hunde spielen😀 jetzt.");
        assert_eq!(with_emoji("Two😀 dogs👍🏽 are playing", &words), "Zwei😀 Hunde👍🏽 spielen jetzt.");
        assert_eq!(with_emoji("A man😀runs.", &[("Ein", 0), ("Mann", 1), ("läuft.", 2)]), "Ein Mann😀 läuft.");
        assert_eq!(with_emoji("A man runs😀.", &[("Ein", 0), ("Mann", 1), ("läuft.", 2)]), "Ein Mann läuft😀.");
        assert_eq!(with_emoji("A man runs 😀!", &[("Ein", 0), ("Mann", 1), ("läuft!", 2)]), "Ein Mann läuft 😀!");
    }
}
