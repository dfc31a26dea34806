//! Tokens into sentences, as `detokenizer.perl` joins them.

use super::Language;
use super::characters::{cjk, currency};
use std::collections::HashMap;

/// Joins tokens.
///
/// Where sacremoses and the Perl script disagree this follows sacremoses: an English contraction moves left whatever it
/// follows, and a line in angle brackets is a line like others.
#[derive(Clone, Debug)]
pub struct Detokeniser {
    language: Language,
}

/// What comes between a token and the one before it.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    Space,
    None,
}

impl Detokeniser {
    /// For a language.
    pub fn new(language: Language) -> Detokeniser {
        Detokeniser { language }
    }

    /// The sentence of a line of tokens, entities as what they stand for.
    pub fn detokenise(&self, line: &str) -> String {
        let text = unescape(&format!(" {line} ").replace(" @-@ ", "-"));
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let mut sentence = String::with_capacity(text.len());
        let mut quotes: HashMap<&str, usize> = HashMap::new();
        // What the last token wants after it.
        let mut after = Gap::None;
        for (i, &token) in tokens.iter().enumerate() {
            let previous = i.checked_sub(1).map(|p| tokens[p]);
            let (before, then) = self.gaps(token, previous, tokens.get(i + 1).copied(), &mut quotes);
            let french_space = self.language == Language::French && matches!(token, "?" | "!" | ":" | ";" | "\\" | "%");
            if french_space || (before == Gap::Space && after == Gap::Space) {
                sentence.push(' ');
            }
            sentence.push_str(token);
            after = then;
        }
        sentence.trim().to_owned()
    }

    /// What a token wants before it and after it.
    fn gaps<'a>(
        &self,
        token: &'a str,
        previous: Option<&str>,
        next: Option<&str>,
        quotes: &mut HashMap<&'a str, usize>,
    ) -> (Gap, Gap) {
        let starts_with_letter = |word: &str| word.starts_with(char::is_alphabetic);
        if token.starts_with(cjk) {
            let run = previous.is_some_and(|p| p.ends_with(cjk));
            return (if run { Gap::None } else { Gap::Space }, Gap::Space);
        }
        if token.chars().all(|c| matches!(c, '(' | '[' | '{' | '¿' | '¡') || currency(c)) {
            return (Gap::Space, Gap::None);
        }
        if token.chars().all(|c| matches!(c, ',' | '.' | '?' | '!' | ':' | ';' | '\\' | '%' | '}' | ']' | ')')) {
            return (Gap::None, Gap::Space);
        }
        match self.language {
            Language::English if previous.is_some() && token.strip_prefix('\'').is_some_and(starts_with_letter) => {
                return (Gap::None, Gap::Space);
            }
            Language::French
                if token.strip_suffix('\'').is_some_and(|word| word.ends_with(char::is_alphabetic))
                    && next.is_some_and(starts_with_letter) =>
            {
                return (Gap::Space, Gap::None);
            }
            _ => {}
        }
        if token.chars().all(|c| matches!(c, '\'' | '"' | '„' | '“' | '`')) {
            // Quotation marks open and close by turns, each kind by itself.
            let kind = if token.chars().all(|c| matches!(c, '„' | '“')) { "\"" } else { token };
            let seen = quotes.entry(kind).or_default();
            let possessive =
                self.language == Language::English && token == "'" && previous.is_some_and(|p| p.ends_with('s'));
            let opens = seen.is_multiple_of(2);
            if opens && possessive {
                return (Gap::None, Gap::Space);
            }
            *seen += 1;
            return if opens { (Gap::Space, Gap::None) } else { (Gap::None, Gap::Space) };
        }
        (Gap::Space, Gap::Space)
    }
}

/// Entities of today's Moses and of an older one.
const ENTITIES: [(&str, char); 11] = [
    ("&amp;", '&'),
    ("&#124;", '|'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&apos;", '\''),
    ("&quot;", '"'),
    ("&#91;", '['),
    ("&#93;", ']'),
    ("&bar;", '|'),
    ("&bra;", '['),
    ("&ket;", ']'),
];

/// Each entity once: what `&amp;lt;` stands for is `&lt;`.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
            Some((entity, c)) => {
                plain.push(*c);
                rest = &rest[entity.len()..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}
