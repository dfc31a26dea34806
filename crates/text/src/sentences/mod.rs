//! Where sentences of running text end, and where one that is too long can be cut.
//!
//! Unicode says where a sentence may end (annex 29), the language where it does not: after abbreviations, initials and
//! German ordinals, inside addresses, before a small letter. Nothing is lost: a text is its sentences and the white space
//! around them, so what is translated piece by piece is put together as it stood.
//!
//! ```
//! use lsra_text::moses::Language;
//! use lsra_text::sentences::Splitter;
//!
//! let text = "Am 3. Oktober kam Dr. Weiß.  \"Gut!\", sagte er. Um 9.30 Uhr ging er.\n";
//! let split = Splitter::new(Some(Language::German)).split(text);
//! let sentences: Vec<&str> = split.sentences.iter().map(|s| s.text).collect();
//! assert_eq!(sentences, ["Am 3. Oktober kam Dr. Weiß.", "\"Gut!\", sagte er.", "Um 9.30 Uhr ging er."]);
//! assert_eq!(split.sentences[0].space, "  ");
//! ```

mod abbreviations;
mod boundary;
mod long;
mod marks;
mod runs;

pub use long::cut_long;
pub use marks::marks_before;

use crate::moses::Language;
use boundary::Boundary;
use runs::Shortened;
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// A sentence, or a part of one, and what separates it from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence<'t> {
    /// Without white space at its ends; never empty.
    pub text: &'t str,
    /// The white space after it.
    pub space: &'t str,
}

/// A text as its sentences: `before`, then each sentence and its space, are the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split<'t> {
    /// White space before the first sentence; all of a text that has none.
    pub before: &'t str,
    /// In order.
    pub sentences: Vec<Sentence<'t>>,
}

/// Splits text into sentences.
#[derive(Clone, Copy, Debug)]
pub struct Splitter {
    language: Option<Language>,
}

impl Splitter {
    /// By the rules of a language, or by Unicode's alone.
    pub fn new(language: Option<Language>) -> Splitter {
        Splitter { language }
    }

    /// Sentences of a text. It may hold line breaks: one alone is white space within a sentence, a blank line ends one.
    pub fn split<'t>(&self, text: &'t str) -> Split<'t> {
        let body = text.trim_start();
        let before = &text[..text.len() - body.len()];
        let mut sentences = Vec::new();
        let mut start = 0;
        for end in self.ends(body) {
            sentences.push(sentence(&body[start..end]));
            start = end;
        }
        if start < body.len() {
            sentences.push(sentence(&body[start..]));
        }
        Split { before, sentences }
    }

    /// Where sentences but the last end, their white space included.
    fn ends(&self, text: &str) -> Vec<usize> {
        let masked = masked(text);
        let mut paragraphs = paragraph_ends(text).into_iter().peekable();
        let mut ends = Vec::new();
        let mut start = 0;
        let short = Shortened::new(&masked);
        let candidates = short.places(short.text.split_sentence_bound_indices().map(|(at, _)| at).skip(1));
        for candidate in candidates.chain([text.len()]) {
            while let Some(end) = paragraphs.next_if(|&end| end <= candidate) {
                // A sentence's closing marks and space may have reached it.
                if end > start {
                    ends.push(end);
                    start = end;
                }
            }
            if start < candidate && candidate < text.len() {
                let boundary = Boundary {
                    language: self.language,
                    before: &masked[start..candidate],
                    after: &masked[candidate..],
                };
                if let Some(further) = boundary.ends_after() {
                    start = candidate + further;
                    if start < text.len() {
                        ends.push(start);
                    }
                }
            }
        }
        ends
    }
}

fn sentence(with_space: &str) -> Sentence<'_> {
    let text = with_space.trim_end();
    Sentence { text, space: &with_space[text.len()..] }
}

/// The text, as many bytes at each place, with spaces for line breaks, which Unicode lets end every sentence, and dots for
/// an ellipsis, which it lets end none.
fn masked(text: &str) -> Cow<'_, str> {
    let mask = |c: char| match c {
        '\n' | '\r' | '\u{B}' | '\u{C}' => " ",
        '\u{85}' => "\u{A0}",
        '\u{2028}' | '\u{2029}' => "\u{2003}",
        '…' => "...",
        _ => "",
    };
    if text.chars().all(|c| mask(c).is_empty()) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    for c in text.chars() {
        match mask(c) {
            "" => masked.push(c),
            other => masked.push_str(other),
        }
    }
    assert_eq!(masked.len(), text.len(), "bytes of a text and of its mask");
    Cow::Owned(masked)
}

/// The ends of white space that separates paragraphs: with two line breaks, or Unicode's separator.
fn paragraph_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut breaks, mut after_return) = (0, false);
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() {
            if breaks >= 2 {
                ends.push(at);
            }
            breaks = 0;
        }
        breaks += match c {
            // The second half of one break.
            '\n' if after_return => 0,
            '\n' | '\r' | '\u{85}' | '\u{2028}' => 1,
            '\u{2029}' => 2,
            _ => 0,
        };
        after_return = c == '\r';
    }
    ends
}
