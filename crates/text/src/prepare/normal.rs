//! One spelling for what looks or means the same.

use crate::moses::Normaliser;
use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// How characters are normalised. White space always becomes single spaces, with none at the ends, and characters that
/// take no room (soft hyphens, zero-width spaces, byte order marks) are dropped, as is what stands for spaces in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// Characters stay as they are.
    None,
    /// Unicode's compatibility composition: `ﬁ` is `fi`, `…` is `...`, full-width letters are letters.
    #[default]
    Nfkc,
    /// The same, and punctuation in one form as Moses's `normalize-punctuation.perl` brings it there: plain quotation marks,
    /// apostrophes and dashes, a space before an opening bracket and none within. Rules that turn on the language are left out, since
    /// both sides go through the same. Text is not tokenised: pieces of raw text hold their spaces, and what is translated comes
    /// back as it is written.
    Moses,
}

/// Letters of both cases, or only small ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Casing {
    /// As they are written.
    #[default]
    Keep,
    /// All small.
    Lower,
}

/// What every line goes through, when a corpus is prepared and when a model translates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextForm {
    /// Of characters.
    pub normalization: Normalization,
    /// Of letters.
    pub casing: Casing,
}

impl TextForm {
    /// The line in this form. What is in it already stays the same.
    pub fn apply(self, line: &str) -> String {
        // What takes no room goes first: letters and marks that it kept apart are one character after that.
        let line = self.characters(line.chars().filter(|&c| !takes_no_room(c)));
        match self.casing {
            Casing::Keep => line,
            // Small letters may be ones that are written otherwise in the normal form.
            Casing::Lower => self.characters(line.to_lowercase().chars()),
        }
    }

    /// These, normalised.
    fn characters(self, characters: impl Iterator<Item = char> + Clone) -> String {
        match self.normalization {
            Normalization::None => squeeze(characters),
            Normalization::Nfkc => compose(characters),
            Normalization::Moses => {
                let mut line: String = characters.collect();
                for _ in 0..PASSES {
                    // Its acute accent for an apostrophe comes first: composed, it is a space with a mark.
                    let next = compose(Normaliser::of_any_language().normalise(&line).chars());
                    if next == line {
                        break;
                    }
                    line = next;
                }
                line
            }
        }
    }
}

/// What one of Moses's rules or composing makes, another may find: nearly all lines are done after one pass and one look.
const PASSES: usize = 16;

fn compose(characters: impl Iterator<Item = char> + Clone) -> String {
    match is_nfkc_quick(characters.clone()) {
        IsNormalized::Yes => squeeze(characters),
        _ => squeeze(characters.nfkc()),
    }
}

/// Single spaces, and none at the ends.
fn squeeze(characters: impl Iterator<Item = char>) -> String {
    let mut squeezed = String::new();
    let mut space = false;
    for c in characters {
        if is_space(c) {
            space = !squeezed.is_empty();
        } else {
            if std::mem::take(&mut space) {
                squeezed.push(' ');
            }
            squeezed.push(c);
        }
    }
    squeezed
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '▁'
}

fn takes_no_room(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spaces_are_single_and_what_takes_no_room_is_gone() {
        let of = |line| TextForm::default().apply(line);
        assert_eq!(of("\u{FEFF} Ein\u{A0}\u{3000}Haus \t\r"), "Ein Haus");
        assert_eq!(of("Do\u{AD}nau\u{200B}dampf"), "Donaudampf");
        assert_eq!(of("ﬁne … Ａ１ e\u{301} ▁"), "fine ... A1 é");
        assert_eq!(TextForm { normalization: Normalization::None, ..TextForm::default() }.apply("ﬁ  … "), "ﬁ …");
        assert_eq!(TextForm { casing: Casing::Lower, ..TextForm::default() }.apply("ÄRGER İ"), "ärger i\u{307}");
    }

    #[test]
    fn punctuation_has_one_form() {
        let of = |line| TextForm { normalization: Normalization::Moses, ..TextForm::default() }.apply(line);
        assert_eq!(of("„Das“ ist’s – ja…"), "\"Das\" ist's - ja...");
        assert_eq!(of("f(x ) , «\u{a0}oui\u{a0}»\u{a0}! Ｎｏ（1）"), "f (x), \"oui\"! No (1)");
        // No rule of one language, and no tokens.
        assert_eq!(of("He said \"no\". 3\u{a0}000 don't"), "He said \"no\". 3 000 don't");
    }

    /// Of characters that the rules look for.
    fn marks() -> impl Strategy<Value = String> {
        let all: Vec<char> = " ()[]'`´‘’‚“”„«»\"–—….,;:!?%0a1º₂（）\u{a0}″n°".chars().collect();
        prop::collection::vec(prop::sample::select(all), 0..24).prop_map(String::from_iter)
    }

    fn forms() -> impl Strategy<Value = TextForm> {
        let normalization = prop::sample::select(vec![Normalization::None, Normalization::Nfkc, Normalization::Moses]);
        let casing = prop::sample::select(vec![Casing::Keep, Casing::Lower]);
        (normalization, casing).prop_map(|(normalization, casing)| TextForm { normalization, casing })
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(line in any::<String>(), form in forms()) {
            let once = form.apply(&line);
            prop_assert_eq!(form.apply(&once), once);
        }

        #[test]
        fn normalising_marks_twice_changes_nothing(line in marks(), form in forms()) {
            let once = form.apply(&line);
            prop_assert_eq!(form.apply(&once), once);
        }
    }
}
