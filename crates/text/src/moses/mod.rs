//! Moses's rules for text: cutting raw sentences into tokens, joining tokens into sentences, and bringing punctuation to
//! one form. Corpora of the literature are prepared by them, so a model trained on those expects them.
//!
//! [`Tokeniser`] does what `tokenizer.perl` does, [`Detokeniser`] and [`Normaliser`] what sacremoses makes of
//! `detokenizer.perl` and `normalize-punctuation.perl`; where the two disagree, the type says what it follows. The rules
//! are substitutions one after the other over the whole line, and what one rule inserts the next one sees, so each is a
//! pass of its own here, in the original's order.
//!
//! What is a letter or a digit is Unicode's to say, as in Perl.

mod characters;
mod detokenise;
mod normalise;
mod prefixes;
mod tokenise;

pub use detokenise::Detokeniser;
pub use normalise::{Normaliser, Quotes};
pub(crate) use prefixes::{Prefix, find as find_prefix};
pub use tokenise::{Escapes, Hyphens, LastWord, Tokeniser};

use std::fmt;
use std::str::FromStr;

/// A language that there are rules for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// `de`.
    German,
    /// `en`.
    English,
    /// `fr`.
    French,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::German, Language::English, Language::French];

    /// The code of two letters.
    pub fn code(self) -> &'static str {
        self.codes()[0]
    }

    /// Its codes in ISO 639: of two letters, and of three.
    fn codes(self) -> &'static [&'static str] {
        match self {
            Language::German => &["de", "deu", "ger"],
            Language::English => &["en", "eng"],
            Language::French => &["fr", "fra", "fre"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A code without rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no rules for the language {0:?}; use de, en or fr")]
pub struct UnknownLanguage(String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Language, UnknownLanguage> {
        Language::ALL.into_iter().find(|l| l.codes().contains(&code)).ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}

#[cfg(test)]
mod tests;
