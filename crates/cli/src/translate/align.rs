//! Putting words of the source into a translation, where attention says that they belong.

use super::keep::Request;
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
        for (i, kept) in request.spans.iter().enumerate().filter(|(_, kept)| kept.stand_in.is_none()) {
            let emoji = kept.span.kind == SpanKind::Emoji;
            // An emoji comes after a word of what the model got, anything else is one.
            let place = request.words_before(i).saturating_sub(usize::from(emoji));
            let first = words.iter().position(|(_, looked)| *looked == Some(place)).filter(|_| !emoji);
            if let Some(first) = first {
                let run = words[first..].iter().take_while(|(_, looked)| *looked == Some(place)).count();
                let after = trailing(&words[first + run - 1].0).to_owned();
                words.splice(first..first + run, [([kept.text, &after].concat(), Some(place))]);
                continue;
            }
            let before = |(_, looked): &(String, Option<usize>)| looked.is_some_and(|l| l <= place);
            let at = words.iter().rposition(before).map_or(0, |last| last + 1);
            // Where punctuation follows it in the source, it does here too.
            let followed = request.core[kept.span.range.end..].starts_with(|c: char| c.is_ascii_punctuation());
            match at.checked_sub(1).map(|last| &mut words[last].0).filter(|word| followed && !trailing(word).is_empty())
            {
                Some(word) => word.insert_str(word.len() - trailing(word).len(), &format!(" {}", kept.text)),
                None => words.insert(at, (kept.text.to_owned(), Some(place))),
            }
        }
        words.into_iter().map(|(word, _)| word).collect()
    }
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
    &word[word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '”', '»', '…']).len()..]
}
