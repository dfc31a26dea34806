//! Capitals of a sentence, for models that know none: what its translation should begin with, or be throughout.

use crate::bpe::UNKNOWN;

/// How a sentence uses capitals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capitals {
    /// It begins with a small letter, a digit, or a script without capitals.
    #[default]
    None,
    /// Its first letter is one.
    First,
    /// All of its letters are, and there are two at least.
    All,
}

impl Capitals {
    /// Of a sentence. Quotation marks, brackets, `¿` and the like before its first letter or digit do not count.
    pub fn of(sentence: &str) -> Capitals {
        let cased = || signs(sentence).map(|(_, c)| c).filter(|&c| c.is_uppercase() || c.is_lowercase());
        if cased().nth(1).is_some() && cased().all(char::is_uppercase) {
            return Capitals::All;
        }
        match first_letter(sentence) {
            Some((_, c)) if c.is_uppercase() => Capitals::First,
            _ => Capitals::None,
        }
    }

    /// The sentence with at least these capitals: those that it has stay.
    pub fn apply(self, sentence: &str) -> String {
        match (self, first_letter(sentence)) {
            (Capitals::All, _) => all_capital(sentence),
            (Capitals::First, Some((at, c))) => {
                let (before, after) = (&sentence[..at], &sentence[at + c.len_utf8()..]);
                [before, &capital(c), after].concat()
            }
            _ => sentence.to_owned(),
        }
    }
}

fn all_capital(sentence: &str) -> String {
    let mut all = String::with_capacity(sentence.len());
    let mut copied = 0;
    for (at, c) in signs(sentence) {
        all.push_str(&sentence[copied..at]);
        all.extend(c.to_uppercase());
        copied = at + c.len_utf8();
    }
    all + &sentence[copied..]
}

/// A letter as words begin with it: where its capital is two letters, as that of `ß` or `ﬁ` is, only the first is one.
fn capital(c: char) -> String {
    let mut letters = c.to_uppercase();
    let first = letters.next();
    first.into_iter().chain(letters.flat_map(char::to_lowercase)).collect()
}

/// Whether there is anything that a sentence may begin with. Moses's escapes, `&quot;` and so on, are no letters.
pub fn has_letter_or_digit(text: &str) -> bool {
    text.contains(UNKNOWN) || first_sign(text).is_some()
}

/// The first letter, unless a digit comes before it.
fn first_letter(sentence: &str) -> Option<(usize, char)> {
    first_sign(sentence).filter(|(_, c)| c.is_alphabetic())
}

/// The first letter or digit, unless an unknown word comes before it: that is the sentence's first.
fn first_sign(sentence: &str) -> Option<(usize, char)> {
    let unknown = sentence.find(UNKNOWN).unwrap_or(sentence.len());
    signs(sentence).find(|(_, c)| c.is_alphanumeric()).filter(|(at, _)| *at < unknown)
}

/// Characters with their places, but for what stands for something else: escapes, and words that a model does not know.
fn signs(sentence: &str) -> impl Iterator<Item = (usize, char)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &sentence[at..];
            let c = rest.chars().next()?;
            let unknown = rest.starts_with(UNKNOWN).then_some(UNKNOWN.len());
            match unknown.or_else(|| escape(rest)) {
                Some(length) => at += length,
                None => {
                    at += c.len_utf8();
                    return Some((at - c.len_utf8(), c));
                }
            }
        }
    })
}

/// Bytes of an escape that the text begins with.
fn escape(text: &str) -> Option<usize> {
    const LONGEST: usize = "&quot;".len();
    let name = text.strip_prefix('&')?;
    let end = name.find(';').filter(|&end| (1..=LONGEST - 2).contains(&end))?;
    let letters = name[..end].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
    letters.then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_sentence_begins_with() {
        for sentence in ["Guten Tag", "„Ja“", "¿Qué?", "(Ärger)", "«Été»", "– So", "&quot; Ja", "I", "A b", "ǅ"]
        {
            let expected = if sentence == "ǅ" { Capitals::None } else { Capitals::First };
            assert_eq!(Capitals::of(sentence), expected, "{sentence}");
        }
        for sentence in ["", "...", "guten Tag", "3 Hunde", "„ja“ Nein", "今日", "ß", "&quot; ja"] {
            assert_eq!(Capitals::of(sentence), Capitals::None, "{sentence}");
        }
        for sentence in ["USA", "ACHTUNG: 3 STUFEN!", "„GROẞ“", "OK."] {
            assert_eq!(Capitals::of(sentence), Capitals::All, "{sentence}");
        }
    }

    #[test]
    fn punctuation_begins_nothing() {
        assert_eq!(["\"", "&quot;", "–", ""].map(has_letter_or_digit), [false; 4]);
        assert_eq!(["\"a", "&quot;3", "日", "&"].map(has_letter_or_digit), [true, true, true, false]);
    }

    #[test]
    fn the_first_letter_alone() {
        let first = |sentence| Capitals::First.apply(sentence);
        assert_eq!(first("\"good day\", he said"), "\"Good day\", he said");
        assert_eq!(first("¿qué?"), "¿Qué?");
        assert_eq!(first("ßa ﬁx"), "Ssa ﬁx");
        assert_eq!(first("ﬁx"), "Fix");
        assert_eq!(first("&quot; &apos; hello"), "&quot; &apos; Hello");
        assert_eq!(first("a & b; c"), "A & b; c");
        assert_eq!(first("2 dogs"), "2 dogs");
        assert_eq!(first("..."), "...");
        assert_eq!(Capitals::All.apply("straße, nato"), "STRASSE, NATO");
        assert_eq!(Capitals::None.apply("iPhone"), "iPhone");
        // What stands for something else has no capitals.
        assert_eq!(Capitals::All.apply("i don &apos;t know <unk> ."), "I DON &apos;T KNOW <unk> .");
        assert_eq!(first("<unk> und so"), "<unk> und so");
        assert_eq!(first("und <unk>"), "Und <unk>");
        assert_eq!(Capitals::of("&quot; DAS IST GUT &quot; <unk> ."), Capitals::All);
    }

    proptest! {
        #[test]
        fn a_sentence_has_its_own_capitals(sentence in any::<String>()) {
            let capitals = Capitals::of(&sentence);
            if capitals != Capitals::All {
                prop_assert_eq!(capitals.apply(&sentence), sentence);
            }
        }
    }
}
