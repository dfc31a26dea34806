//! Punctuation in one form, as `normalize-punctuation.perl` brings it there.

use super::Language;
use super::characters::decimal;
use std::borrow::Cow;

/// What curly and French quotation marks become, on which the port and the original disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quotes {
    /// `’` an apostrophe, `«` and `»` a quotation mark without the hard spaces beside them. As sacremoses does it.
    #[default]
    Sacremoses,
    /// `’` a quotation mark unless it stands between letters; a hard space outside of `«` and `»` becomes a space. As the
    /// Perl script does it, and sacremoses's `perl_parity`.
    Perl,
}

/// Normalises punctuation.
#[derive(Clone, Debug)]
pub struct Normaliser {
    /// None: of no particular one.
    language: Option<Language>,
    quotes: Quotes,
}

/// A substitution: what is found, what stands for it.
type Literal = (&'static str, &'static str);

impl Normaliser {
    /// For a language, with quotation marks as sacremoses has them.
    pub fn new(language: Language) -> Normaliser {
        Normaliser { language: Some(language), quotes: Quotes::default() }
    }

    /// Without the rules that turn on the language: where quotation marks stand beside commas and periods, and what a hard space
    /// between digits becomes.
    pub fn of_any_language() -> Normaliser {
        Normaliser { language: None, quotes: Quotes::default() }
    }

    /// With these quotation marks.
    pub fn quotes(self, quotes: Quotes) -> Normaliser {
        Normaliser { quotes, ..self }
    }

    /// The line with its punctuation normalised and no white space at its ends.
    pub fn normalise(&self, line: &str) -> String {
        let mut text = Text(Cow::Borrowed(line));
        text.literals(&[("\r", ""), ("(", " ("), (")", ") ")]);
        text.squeeze();
        text.windows(|[a, b, c]| a == ')' && b == ' ' && matches!(c, '.' | '!' | ':' | '?' | ';' | ','), &[0, 2]);
        text.literals(&[("( ", "("), (" )", ")")]);
        text.windows(|[a, b, c]| decimal(a) && b == ' ' && c == '%', &[0, 2]);
        text.literals(&[(" :", ":"), (" ;", ";"), ("`", "'"), ("''", " \" ")]);

        text.literals(&[("„", "\""), ("“", "\""), ("”", "\""), ("–", "-"), ("—", " - ")]);
        text.squeeze();
        text.literals(&[("´", "'")]);
        for quote in ['‘', '’'] {
            text.between_letters(quote);
        }
        let (right, before, after) = match self.quotes {
            Quotes::Sacremoses => ("'", "\"", "\""),
            Quotes::Perl => ("\"", " \"", "\" "),
        };
        text.literals(&[("‘", "'"), ("‚", "'"), ("’", right), ("''", "\""), ("…", "...")]);

        text.literals(&[("\u{a0}«\u{a0}", before), ("«\u{a0}", "\""), ("«", "\"")]);
        text.literals(&[("\u{a0}»\u{a0}", after), ("\u{a0}»", "\""), ("»", "\"")]);
        text.literals(&HARD_SPACES);
        text.squeeze();

        let Some(language) = self.language else { return text.0.trim().to_owned() };
        match language {
            Language::English => text.move_quotes_after_points(),
            Language::German | Language::French => {
                text.literals(&[(",\"", "\",")]);
                text.move_quotes_before_periods();
            }
        }
        let point = if language == Language::English { '.' } else { ',' };
        text.join_digits(point);
        text.0.trim().to_owned()
    }
}

/// Hard spaces before signs that French sets apart, and a few others.
const HARD_SPACES: [Literal; 9] = [
    ("\u{a0}%", "%"),
    ("nº\u{a0}", "nº "),
    ("\u{a0}:", ":"),
    ("\u{a0}ºC", " ºC"),
    ("\u{a0}cm", " cm"),
    ("\u{a0}?", "?"),
    ("\u{a0}!", "!"),
    ("\u{a0};", ";"),
    (",\u{a0}", ", "),
];

/// A line under substitutions; it is copied only when one finds something.
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn literals(&mut self, substitutions: &[Literal]) {
        for (found, by) in substitutions {
            if self.0.contains(found) {
                self.0 = Cow::Owned(self.0.replace(found, by));
            }
        }
    }

    /// Spaces in a row become one.
    fn squeeze(&mut self) {
        while self.0.contains("  ") {
            self.literals(&[("  ", " ")]);
        }
    }

    /// From left to right, three characters that match are replaced by those of them that are kept.
    fn windows(&mut self, matches: impl Fn([char; 3]) -> bool, kept: &[usize]) {
        self.replace(|rest| {
            let window = first_three(rest)?;
            matches(window)
                .then(|| (window.map(char::len_utf8).iter().sum(), kept.iter().map(|&i| window[i]).collect()))
        });
    }

    /// A quotation mark between Latin letters without accents is an apostrophe.
    fn between_letters(&mut self, quote: char) {
        if self.0.contains(quote) {
            self.replace(|rest| match first_three(rest)? {
                [a, q, b] if a.is_ascii_alphabetic() && q == quote && b.is_ascii_alphabetic() => {
                    Some((2 + q.len_utf8(), format!("{a}'{b}")))
                }
                _ => None,
            });
        }
    }

    /// English: the comma or period comes first, `",` becomes `,"`.
    fn move_quotes_after_points(&mut self) {
        if self.0.contains('"') {
            self.replace(|rest| {
                let points = points(rest.strip_prefix('"')?, &['.', ',']);
                (!points.is_empty()).then(|| (1 + points.len(), format!("{points}\"")))
            });
        }
    }

    /// German and French: the quotation mark comes first, `."` becomes `".`, unless a tag or the end of the line follows.
    fn move_quotes_before_periods(&mut self) {
        if self.0.contains(".\"") {
            self.replace(|rest| {
                let periods = Some(points(rest, &['.'])).filter(|periods| !periods.is_empty())?;
                let moved = || {
                    let after = rest[periods.len()..].strip_prefix('"')?;
                    let (space, next) = after.split_at(after.len() - after.trim_start().len());
                    let next = next.chars().next().filter(|&c| c != '<');
                    // A tag may follow white space, of which the last character then is what is not a tag.
                    (next.is_some() || !space.is_empty()).then(|| {
                        let length = periods.len() + 1 + space.len() + next.map_or(0, char::len_utf8);
                        (length, format!("\"{}", rest[..length].replacen('"', "", 1)))
                    })
                };
                // What holds of a run of periods holds of its ends: it is passed over at once, so that a long one takes no square of time.
                moved().or_else(|| Some((periods.len(), periods.to_owned())))
            });
        }
    }

    /// A hard space between digits becomes the language's point.
    fn join_digits(&mut self, point: char) {
        if self.0.contains('\u{a0}') {
            self.replace(|rest| match first_three(rest)? {
                [a, '\u{a0}', b] if decimal(a) && decimal(b) => {
                    Some((a.len_utf8() + 2 + b.len_utf8(), format!("{a}{point}{b}")))
                }
                _ => None,
            });
        }
    }

    /// At each place from left to right: how many bytes are replaced, and by what.
    fn replace(&mut self, substitution: impl Fn(&str) -> Option<(usize, String)>) {
        let mut replaced = String::new();
        let (mut copied, mut at) = (0, 0);
        while let Some(next) = self.0[at..].chars().next() {
            match substitution(&self.0[at..]) {
                Some((length, by)) => {
                    replaced.push_str(&self.0[copied..at]);
                    replaced.push_str(&by);
                    at += length;
                    copied = at;
                }
                None => at += next.len_utf8(),
            }
        }
        if copied > 0 {
            replaced.push_str(&self.0[copied..]);
            self.0 = Cow::Owned(replaced);
        }
    }
}

fn first_three(text: &str) -> Option<[char; 3]> {
    let mut characters = text.chars();
    Some([characters.next()?, characters.next()?, characters.next()?])
}

fn points<'a>(text: &'a str, which: &[char]) -> &'a str {
    &text[..text.len() - text.trim_start_matches(which).len()]
}
