//! Whether a sentence ends where Unicode says that it may.

use super::abbreviations::{Ending, begins_sentences, ending};
use crate::moses::Language;
use crate::spans::is_emoji;
use unicode_segmentation::UnicodeSegmentation;

/// A place between two characters where a sentence may end.
pub(super) struct Boundary<'t> {
    pub(super) language: Option<Language>,
    /// The sentence so far, with the white space after it.
    pub(super) before: &'t str,
    /// The rest of the text.
    pub(super) after: &'t str,
}

impl Boundary<'_> {
    /// How many bytes further on the sentence ends, 0 for right here; none where it goes on.
    pub(super) fn ends_after(&self) -> Option<usize> {
        let sentence = self.before.trim_end();
        let spaced = sentence.len() < self.before.len();
        let emoji = if spaced { 0 } else { emoji_before(self.after) };
        if emoji > 0 {
            // It closes the sentence that it stands right behind, whatever closes it too.
            let rest = self.after[emoji..].trim_start_matches(closes);
            let next = rest.trim_start();
            let ends = next.len() < rest.len() || next.starts_with(char::is_uppercase);
            return (ends && self.ends_before(next)).then_some(self.after.len() - next.len());
        }
        // Addresses and numbers have stops inside; only East Asian ones need no space.
        if !spaced && !sentence.ends_with(['。', '！', '？', '．', '｡', '」', '』', '”', '）']) {
            return None;
        }
        // French sets its guillemets off: the closing one still belongs to what it closes. Without a space it opens, as in German.
        if let Some(rest) = self.after.strip_prefix('»')
            && (rest.is_empty() || rest.starts_with(char::is_whitespace))
        {
            let next = rest.trim_start();
            let goes_on = next.starts_with(char::is_lowercase) || next.starts_with([',', ';', ':', '–', '—', '-']);
            return (!goes_on).then_some(self.after.len() - next.len());
        }
        self.ends_before(self.after).then_some(0)
    }

    /// Whether what stands so far is a sentence where this goes on.
    fn ends_before(&self, after: &str) -> bool {
        let next = after.trim_start_matches(|c: char| opens(c) || c.is_whitespace());
        if next.starts_with(char::is_lowercase) {
            return false;
        }
        let stopped = self.before.trim_end().trim_end_matches(closes);
        let word = stopped.trim_end_matches('.');
        stopped.len() - word.len() != 1 || self.ends_with_period(word, next)
    }

    /// Whether a single period ends a sentence: `word` is all that stands before it, `next` all that follows.
    fn ends_with_period(&self, sentence: &str, next: &str) -> bool {
        let earlier = sentence.trim_end_matches(|c: char| !c.is_whitespace());
        let word = sentence[earlier.len()..].trim_start_matches(opens);
        let is_first = earlier.trim_matches(|c: char| opens(c) || c.is_whitespace()).is_empty();
        if is_first && numbers_an_item(word) {
            return false;
        }
        match ending(self.language, word, after_abbreviation(earlier)) {
            Ending::Always => true,
            Ending::Never => false,
            Ending::NotBeforeNumbers => !next.starts_with(|c: char| c.is_numeric()),
            Ending::BeforeStarters => self.language.is_some_and(|language| begins_sentences(language, next)),
        }
    }
}

/// Bytes of emoji that a text begins with.
fn emoji_before(text: &str) -> usize {
    text.graphemes(true).take_while(|grapheme| is_emoji(grapheme)).map(str::len).sum()
}

/// Whether a single letter and its period stand right before, as in `z. B.`
fn after_abbreviation(earlier: &str) -> bool {
    let last = earlier.trim_end().rsplit(char::is_whitespace).next().unwrap_or("");
    let mut letters = last.trim_start_matches(opens).chars();
    letters.next().is_some_and(char::is_alphabetic) && letters.as_str() == "."
}

/// `1.`, `12.`, `a.` or `iv.` before what it numbers.
fn numbers_an_item(word: &str) -> bool {
    let digits = word.len() <= 3 && !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let roman = !word.is_empty() && word.len() <= 5 && word.bytes().all(|b| b"ivxIVX".contains(&b));
    digits || roman || word.chars().count() == 1
}

/// What may stand before the first letter of a sentence.
fn opens(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '„'
            | '“'
            | '”'
            | '‚'
            | '‘'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '*'
            | '•'
            | '–'
            | '—'
            | '-'
    )
}

/// What may stand between the stop and the space after it.
fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '”'
            | '‘'
            | '’'
            | '«'
            | '»'
            | '‹'
            | '›'
            | ')'
            | ']'
            | '}'
            | '*'
            | '_'
            | '」'
            | '』'
            | '）'
    )
}
