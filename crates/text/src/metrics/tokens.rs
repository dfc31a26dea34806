//! How sacreBLEU cuts text before it counts BLEU, so that scores do not depend on how a system cuts its own.

use crate::files::python_words;
use crate::substitute::substitute;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A way of cutting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tokens {
    /// `13a`: as `mteval-v13a.pl`, the default everywhere.
    V13a,
    /// `intl`: as `mteval-v14.pl --international-tokenization`, by Unicode's classes.
    International,
    /// `char`: each character.
    Characters,
    /// `none`: white space.
    Given,
}

impl Tokens {
    /// As signatures name it.
    pub fn name(self) -> &'static str {
        match self {
            Tokens::V13a => "13a",
            Tokens::International => "intl",
            Tokens::Characters => "char",
            Tokens::Given => "none",
        }
    }

    /// A line with white space between its tokens.
    pub fn cut(self, line: &str) -> String {
        match self {
            Tokens::V13a => v13a(trim_end(line)),
            Tokens::International => international(trim_end(line)),
            Tokens::Characters => line.chars().flat_map(|c| [c, ' ']).collect(),
            Tokens::Given => line.to_owned(),
        }
    }
}

/// Without white space at the end, as Python sees it.
fn trim_end(line: &str) -> &str {
    let end = python_words(line).last().map_or(0, |last| last.as_ptr() as usize - line.as_ptr() as usize + last.len());
    &line[..end]
}

fn v13a(line: &str) -> String {
    let mut plain = line.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if plain.contains('&') {
        // One after the other: what `&amp;` uncovers may be an entity itself.
        for (entity, c) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            plain = plain.replace(entity, c);
        }
    }
    // The rules want a character on each side.
    let text: Vec<char> = format!(" {plain} ").chars().collect();
    let symbol = |c| matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/');
    let point = |c| c == '.' || c == ',';
    let text = substitute(&text, |[c]| symbol(c), |[c]| [' ', c, ' ']);
    let text = substitute(&text, |[a, b]| !a.is_ascii_digit() && point(b), |[a, b]| [a, ' ', b, ' ']);
    let text = substitute(&text, |[a, b]| point(a) && !b.is_ascii_digit(), |[a, b]| [' ', a, ' ', b]);
    substitute(&text, |[a, b]| a.is_ascii_digit() && b == '-', |[a, b]| [a, ' ', b, ' ']).into_iter().collect()
}

fn international(line: &str) -> String {
    let punctuation = |c: char| c.general_category_group() == GeneralCategoryGroup::Punctuation;
    let text: Vec<char> = line.chars().collect();
    let text = substitute(&text, |[a, b]| !a.is_numeric() && punctuation(b), |[a, b]| [a, ' ', b, ' ']);
    let text = substitute(&text, |[a, b]| punctuation(a) && !b.is_numeric(), |[a, b]| [' ', a, ' ', b]);
    let symbol = |[c]: [char; 1]| c.general_category_group() == GeneralCategoryGroup::Symbol;
    substitute(&text, symbol, |[c]| [' ', c, ' ']).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(tokens: Tokens, line: &str) -> String {
        python_words(&tokens.cut(line)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_are_cut_as_sacrebleu_cuts_them() {
        for (line, v13a, international) in [
            ("It's $1,000.50, (really).", "It's $ 1,000.50 , ( really ) .", "It ' s $ 1,000.50 , ( really ) ."),
            (
                "a&amp;b &quot;c&quot; 5-6 x-y 1990.",
                "a & b \" c \" 5 - 6 x-y 1990 .",
                "a & amp ; b & quot ; c & quot ; 5-6 x - y 1990.",
            ),
            ("„Gut“ – 5 €…", "„Gut“ – 5 €…", "„ Gut “ – 5 € …"),
            ("a,,b ..  ", "a , , b . .", "a , , b . ."),
        ] {
            assert_eq!(cut(Tokens::V13a, line), v13a);
            assert_eq!(cut(Tokens::International, line), international);
        }
        assert_eq!(cut(Tokens::Characters, "ab ç"), "a b ç");
        assert_eq!(cut(Tokens::Given, " ab.  ç "), "ab. ç");
    }
}
