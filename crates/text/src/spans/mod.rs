//! Parts of a sentence that no translation changes, and that a model of a few thousand pieces cannot spell: addresses,
//! handles, codes, emoji, words in letters that it never saw, and long numbers.
//!
//! Finding them errs on the side of leaving words alone: a span that is not found is translated as any word is.

mod emoji;
mod links;
mod numbers;

pub use numbers::{Number, numbers};

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A web or e-mail address.
    Link,
    /// `@name` or `#topic`.
    Handle,
    /// Capitals and digits, as a part or an account has them: `AB-1234-X`.
    Code,
    /// One emoji or several in a row.
    Emoji,
    /// A word with a letter that the model never saw.
    Foreign,
}

/// A part of a sentence that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Bytes of the sentence.
    pub range: Range<usize>,
    /// What it is.
    pub kind: SpanKind,
}

/// The spans of a sentence, in order. `knows`: whether the model ever saw a letter.
pub fn spans(sentence: &str, knows: impl Fn(char) -> bool) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut at = 0;
    for word in sentence.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        match whole(bare, &knows) {
            Some((range, kind)) => found.push(Span { range: at + range.start..at + range.end, kind }),
            None => emojis(bare, at, &mut found),
        }
        at += word.len();
    }
    join_emoji(sentence, found)
}

/// The part of a word that is one span.
fn whole(word: &str, knows: &impl Fn(char) -> bool) -> Option<(Range<usize>, SpanKind)> {
    let range = links::without_punctuation(word);
    let inner = &word[range.clone()];
    if links::is_link(inner) {
        return Some((range, SpanKind::Link));
    }
    if links::is_handle(inner) {
        return Some((range, SpanKind::Handle));
    }
    let letters = letters(word);
    let inner = &word[letters.clone()];
    if links::is_code(inner) {
        return Some((letters, SpanKind::Code));
    }
    if inner.chars().any(|c| c.is_alphabetic() && !knows(c)) {
        return Some((letters, SpanKind::Foreign));
    }
    None
}

/// From the first letter or digit to the last.
fn letters(word: &str) -> Range<usize> {
    let body = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let start = word.len() - body.len();
    // Marks belong to the letter before them.
    let end =
        body.trim_end_matches(|c: char| !c.is_alphanumeric() && !unicode_normalization::char::is_combining_mark(c));
    start..start + end.len()
}

fn emojis(word: &str, at: usize, found: &mut Vec<Span>) {
    if word.is_ascii() {
        return;
    }
    for (i, grapheme) in word.grapheme_indices(true) {
        if emoji::is_emoji(grapheme) {
            found.push(Span { range: at + i..at + i + grapheme.len(), kind: SpanKind::Emoji });
        }
    }
}

/// Emoji with nothing but white space between them are one span.
fn join_emoji(sentence: &str, spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last)
                if (last.kind, span.kind) == (SpanKind::Emoji, SpanKind::Emoji)
                    && sentence[last.range.end..span.range.start].trim().is_empty() =>
            {
                last.range.end = span.range.end;
            }
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Latin letters are known.
    fn found(sentence: &str) -> Vec<&str> {
        spans(sentence, |c| c < '\u{250}').into_iter().map(|s| &sentence[s.range]).collect()
    }

    #[test]
    fn what_stays_as_it_is() {
        assert_eq!(found("Siehe https://a.de/b?c=1&d=(2), bitte."), ["https://a.de/b?c=1&d=(2)"]);
        assert_eq!(found("(www.a-b.org/x_y.html)! mailto:x@y.de."), ["www.a-b.org/x_y.html", "mailto:x@y.de"]);
        assert_eq!(
            found("„anna.b+c@post.example.com“: a@b, @anna_b, #Wetter; #1 @"),
            ["anna.b+c@post.example.com", "@anna_b", "#Wetter"]
        );
        assert_eq!(
            found("example.org/pfad, beispiel.de und gut.Danach bzw. z.B. am/im 3.5"),
            ["example.org/pfad", "beispiel.de"]
        );
        assert_eq!(
            found("IBAN DE89370400440532013000, Teil AB-1234-X, A380, COVID-19, NATO, 1.000.000"),
            ["DE89370400440532013000", "AB-1234-X"]
        );
        assert_eq!(found("Toll 😀 👍🏽! 1️⃣ © ❤️❤️ 5% 👨‍👩‍👧"), ["😀 👍🏽", "1️⃣", "❤️❤️", "👨‍👩‍👧"]);
        assert_eq!(found("Herr „Жуков“ aus Łódź, e\u{301}"), ["Жуков"]);
        assert_eq!(found(""), [""; 0]);
        let kinds: Vec<SpanKind> = spans("@a_b a.de 😀 Ω AB1234", |c| c.is_ascii()).iter().map(|s| s.kind).collect();
        assert_eq!(kinds, [SpanKind::Handle, SpanKind::Link, SpanKind::Emoji, SpanKind::Foreign, SpanKind::Code]);
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_hold_no_end(sentence in any::<String>()) {
            let mut before = 0;
            for span in spans(&sentence, |c| c.is_ascii()) {
                prop_assert!(before <= span.range.start && span.range.start < span.range.end);
                let text = &sentence[span.range.clone()];
                prop_assert_eq!(text.trim(), text);
                before = span.range.end;
            }
        }
    }
}
