//! Long runs of characters that sentence rules see alike, made short.
//!
//! Unicode's rules look ahead from every white space and closing mark after a period (SB8 of annex 29), so a run of n costs n². They
//! look at a run as at one character, so what is beyond its first few changes nothing but the time.

use std::borrow::Cow;
use unicode_normalization::char::is_combining_mark;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Characters of a run that stay: more than stand in ordinary text, and than rules tell apart.
const MOST: usize = 32;

/// A text with its runs made short.
pub(super) struct Shortened<'t> {
    pub(super) text: Cow<'t, str>,
    /// Where bytes are missing: the place in what is left, and how many until there.
    missing: Vec<(usize, usize)>,
}

impl<'t> Shortened<'t> {
    pub(super) fn new(text: &'t str) -> Shortened<'t> {
        let mut shortened = Shortened { text: Cow::Borrowed(text), missing: Vec::new() };
        let mut left = String::new();
        let (mut run, mut length) = (None, 0);
        // What stays begins here and has not been taken over.
        let mut from = 0;
        let mut lost = 0;
        for (at, c) in text.char_indices() {
            // A mark is of whatever it follows.
            let kind = if is_mark(c) { run } else { Some(seen_as(c)) };
            length = if kind == run { length + 1 } else { 1 };
            run = kind;
            if length <= MOST {
                continue;
            }
            left += &text[from..at];
            from = at + c.len_utf8();
            lost += c.len_utf8();
            match shortened.missing.last_mut().filter(|(place, _)| *place == left.len()) {
                Some((_, before)) => *before = lost,
                None => shortened.missing.push((left.len(), lost)),
            }
        }
        if lost > 0 {
            shortened.text = Cow::Owned(left + &text[from..]);
        }
        shortened
    }

    /// Places in the text of ascending places in what is left of it.
    pub(super) fn places(&self, left: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
        let mut missing = self.missing.iter().peekable();
        let mut lost = 0;
        left.map(move |place| {
            while let Some((_, until)) = missing.next_if(|(at, _)| *at <= place) {
                lost = *until;
            }
            place + lost
        })
    }
}

/// One character for all that rules treat as it: white space, and what opens or closes; any other for itself.
fn seen_as(c: char) -> char {
    if c.is_alphanumeric() {
        return c;
    }
    if c.is_whitespace() {
        return ' ';
    }
    match c.general_category() {
        GeneralCategory::OpenPunctuation
        | GeneralCategory::ClosePunctuation
        | GeneralCategory::InitialPunctuation
        | GeneralCategory::FinalPunctuation => '"',
        // Ornaments and marks that Unicode's rules count among them.
        _ if matches!(c, '\'' | '\u{275B}'..='\u{2760}' | '\u{2E00}' | '\u{2E01}' | '\u{2E06}'..='\u{2E08}' | '\u{2E0B}') => {
            '"'
        }
        _ => c,
    }
}

/// Combining, or of no width: rules pass over it.
fn is_mark(c: char) -> bool {
    // The last two are sound marks of halfwidth katakana.
    !c.is_ascii()
        && (is_combining_mark(c)
            || c.general_category() == GeneralCategory::Format
            || matches!(c, '\u{FF9E}' | '\u{FF9F}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_text() {
        let text = ["ab. ", &" \t".repeat(30), "C.", &")\u{301}”".repeat(40), " d.", &"é".repeat(50), "!"].concat();
        let short = Shortened::new(&text);
        assert!(short.text.starts_with("ab.  \t \t") && short.text.ends_with("é!"), "{}", short.text);
        assert_eq!(short.text.chars().count(), 3 + 32 + 2 + 32 + 3 + 32 + 1);
        let places: Vec<usize> = short.places(short.text.char_indices().map(|(at, _)| at)).collect();
        for (place, c) in places.iter().zip(short.text.chars()) {
            assert!(text[*place..].starts_with(c), "{place}");
        }
        // What comes after a run comes after all of it.
        for stop in ["C.", " d.", "!"] {
            assert!(places.contains(&text.find(stop).unwrap()), "{stop}");
        }
        assert!(matches!(Shortened::new("Ein Haus ...   (Zwei.)").text, Cow::Borrowed(_)));
    }
}
