//! Parts of a sentence that no translation changes, and that a model of a few thousand pieces cannot spell: addresses,
//! handles, codes, emoji, words in letters that it never saw, and long numbers.
//!
//! Finding them errs on the side of leaving words alone: a span that is not found is translated as any word is.

mod emoji;
mod links;
mod numbers;

pub(crate) use emoji::is_emoji;
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
        of_word(word.trim_end(), at, &knows, &mut found);
        at += word.len();
    }
    join_emoji(sentence, found)
}

/// Adds the spans of a word that stands at `at`: an address, which may hold anything, or else what stands between emoji.
fn of_word(word: &str, at: usize, knows: &impl Fn(char) -> bool, found: &mut Vec<Span>) {
    let links = links::links(word);
    if let [link] = &links[..]
        && *link == links::without_punctuation(word)
    {
        found.push(Span { range: at + link.start..at + link.end, kind: SpanKind::Link });
        return;
    }
    let graphemes = if word.is_ascii() { None } else { Some(word.grapheme_indices(true)) };
    let mut emoji = graphemes.into_iter().flatten().filter(|(_, grapheme)| is_emoji(grapheme)).peekable();
    if emoji.peek().is_none() {
        return without_emoji(word, links, at, knows, found);
    }
    let mut part = 0;
    for (i, grapheme) in emoji {
        let before = &word[part..i];
        without_emoji(before, links::links(before), at + part, knows, found);
        part = i + grapheme.len();
        found.push(Span { range: at + i..at + part, kind: SpanKind::Emoji });
    }
    let rest = &word[part..];
    without_emoji(rest, links::links(rest), at + part, knows, found);
}

/// Adds the addresses of a word, and one span of what stands before, between and after them.
fn without_emoji(
    word: &str,
    links: Vec<Range<usize>>,
    at: usize,
    knows: &impl Fn(char) -> bool,
    found: &mut Vec<Span>,
) {
    let mut part = 0;
    let one = |range: Range<usize>, found: &mut Vec<Span>| {
        let whole = whole(&word[range.clone()], knows);
        let start = at + range.start;
        found.extend(whole.map(|(r, kind)| Span { range: start + r.start..start + r.end, kind }));
    };
    for link in links {
        one(part..link.start, found);
        part = link.end;
        found.push(Span { range: at + link.start..at + link.end, kind: SpanKind::Link });
    }
    one(part..word.len(), found);
}

/// The part of a word without addresses that is one span.
fn whole(word: &str, knows: &impl Fn(char) -> bool) -> Option<(Range<usize>, SpanKind)> {
    let range = links::without_punctuation(word);
    if links::is_handle(&word[range.clone()]) {
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

    /// What holds of every sentence: spans follow each other, and neither begin nor end with white space.
    fn assert_in_order(sentence: &str) {
        let mut before = 0;
        for span in spans(sentence, |c| c.is_ascii()) {
            assert!(before <= span.range.start && span.range.start < span.range.end, "{:?} after {before}", span.range);
            let text = &sentence[span.range.clone()];
            assert_eq!(text.trim(), text);
            before = span.range.end;
        }
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
        assert_eq!(
            found("ANNA@EXAMPLE.COM, WWW.EXAMPLE.COM/A, EXAMPLE.COM."),
            ["ANNA@EXAMPLE.COM", "WWW.EXAMPLE.COM/A", "EXAMPLE.COM"]
        );
        assert_eq!(
            found("(www.müller.de), grün@größe.de; schön.de. Am Ende.Danach"),
            ["www.müller.de", "grün@größe.de", "schön.de"]
        );
        let kinds: Vec<SpanKind> = spans("@a_b a.de 😀 Ω AB1234", |c| c.is_ascii()).iter().map(|s| s.kind).collect();
        assert_eq!(kinds, [SpanKind::Handle, SpanKind::Link, SpanKind::Emoji, SpanKind::Foreign, SpanKind::Code]);
    }

    #[test]
    fn addresses_inside_words() {
        assert_eq!(found("Siehe [die Seite](https://a.de/b?c=1) hier."), ["https://a.de/b?c=1"]);
        assert_eq!(
            found("<a href=\"https://a.de/b\">das</a> <a href='ftp://a.de/b'>da</a>"),
            ["https://a.de/b", "ftp://a.de/b"]
        );
        assert_eq!(
            found("Hund:https://a.de/b. „HTTP://A.DE/(c)“, \"https://a.de\">x"),
            ["https://a.de/b", "HTTP://A.DE/(c)", "https://a.de"]
        );
        assert_eq!(
            found("[x](mailto:a@b.de?subject=c)(siehe:www.a-b.de/c) [https://a.de]: [b](www.a.de)."),
            ["mailto:a@b.de?subject=c", "www.a-b.de/c", "https://a.de", "www.a.de"]
        );
        assert_eq!(found("a](https://b.de/c)d[https://e.de/f]g"), ["https://b.de/c", "https://e.de/f"]);
        assert_eq!(found("见https://a.de/b。看www.a.de"), ["见", "https://a.de/b", "看www.a.de"]);
        assert_eq!(found("x:https:// a(mailto:b) x:www.a"), [""; 0]);
    }

    #[test]
    fn emoji_are_no_part_of_a_word() {
        assert_eq!(
            found("Zwei Hunde😀 spielen. Hund😀läuft! @anna_b😀 😀AB-1234-X😀 Жуков😀"),
            ["😀", "😀", "@anna_b", "😀 😀", "AB-1234-X", "😀", "Жуков", "😀"]
        );
        assert_eq!(found("www.a.de😀 https://a.de/😀"), ["www.a.de", "😀", "https://a.de/😀"]);
    }

    #[test]
    fn long_words_have_spans_too() {
        for unit in [
            ")",
            "a)",
            "(",
            "https://",
            "mailto:",
            "(mailto:a",
            "mailto:a@b.de?",
            "(www._/",
            "(www.a.de:x/",
            "(www.a.de./",
            "(www.",
            "]",
            "😀",
            "a.",
        ] {
            // Squares of half a million would take minutes.
            assert_in_order(&("x".to_owned() + &unit.repeat((1 << 19) / unit.len())));
        }
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_hold_no_end(sentence in any::<String>()) {
            assert_in_order(&sentence);
        }
    }
}
