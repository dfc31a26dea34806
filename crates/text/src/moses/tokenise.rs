//! Sentences into tokens, as `tokenizer.perl` cuts them.

use super::Language;
use super::characters::alphanumeric;
use super::prefixes::{self, Prefix};
use crate::substitute::substitute;

/// How characters that mean something in XML or in Moses's own files leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escapes {
    /// As entities: `&apos;` for an apostrophe, and so on, as corpora of the literature have them.
    #[default]
    Entities,
    /// As they are.
    Off,
}

/// What becomes of a hyphen between letters or digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hyphens {
    /// Nothing.
    #[default]
    Keep,
    /// `a-b` becomes `a @-@ b`: Moses's option `-a`, with which WMT'14 is prepared.
    Split,
}

/// What becomes of a period at the end of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastWord {
    /// It is a token, whatever it follows: `u.s .`. As Moses does it, taking it to end the sentence.
    #[default]
    Splits,
    /// It stays with an abbreviation as it would within the line: `u.s.`. As sacremoses does it.
    AsAnyOther,
}

/// Cuts lines into tokens.
#[derive(Clone, Debug)]
pub struct Tokeniser {
    language: Language,
    escapes: Escapes,
    hyphens: Hyphens,
    last_word: LastWord,
}

impl Tokeniser {
    /// With entities, hyphens kept, and the last period split off.
    pub fn new(language: Language) -> Tokeniser {
        Tokeniser { language, escapes: Escapes::default(), hyphens: Hyphens::default(), last_word: LastWord::default() }
    }

    /// With these escapes.
    pub fn escapes(self, escapes: Escapes) -> Tokeniser {
        Tokeniser { escapes, ..self }
    }

    /// With this use of hyphens.
    pub fn hyphens(self, hyphens: Hyphens) -> Tokeniser {
        Tokeniser { hyphens, ..self }
    }

    /// With this use of the last period.
    pub fn last_word(self, last_word: LastWord) -> Tokeniser {
        Tokeniser { last_word, ..self }
    }

    /// The tokens of a line with a space between them. A line of white space has none.
    pub fn tokenise(&self, line: &str) -> String {
        let mut text = squeeze(line);
        text = pad_symbols(&text);
        if self.hyphens == Hyphens::Split {
            text = split_hyphens(&text);
        }
        text = gather_dots(&text);
        text = split_commas(text);
        text = split_apostrophes(text, self.language);
        let words = self.split_periods(&text);
        let words = match words.strip_suffix(".'") {
            // No rule before this one sees an apostrophe that ends the line.
            Some(before) => words_of(&format!("{before} . '")),
            None => words,
        };
        match self.escapes {
            Escapes::Entities => escape(&words),
            Escapes::Off => words,
        }
    }

    /// Splits the period off a word, unless it is an abbreviation's or stands before what cannot begin a sentence.
    fn split_periods(&self, text: &[char]) -> String {
        let end = text.iter().rposition(|&c| c != ' ').map_or(0, |last| last + 1);
        let words: Vec<&[char]> = text[..end].split(|&c| c == ' ').collect();
        let mut joined = String::with_capacity(text.len() + text.len() / 4);
        for (i, &word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
            if !joined.is_empty() {
                joined.push(' ');
            }
            let start = joined.len();
            joined.extend(word);
            // Two periods in a row are an ellipsis, a token of its own.
            let ends_with_period = matches!(word, [.., before, '.'] if *before != '.');
            if ends_with_period && self.splits(&joined[start..joined.len() - 1], words.get(i + 1).copied()) {
                joined.pop();
                joined.push_str(" .");
            }
        }
        joined
    }

    /// Whether a period after `word` is a token. `next` is what stands between the next two spaces, nothing at the end.
    fn splits(&self, word: &str, next: Option<&[char]>) -> bool {
        if next.is_none() && self.last_word == LastWord::Splits {
            return true;
        }
        let next = next.and_then(|word| word.first()).copied();
        let abbreviation = word.contains('.') && word.chars().any(char::is_alphabetic);
        if abbreviation || next.is_some_and(char::is_lowercase) {
            return false;
        }
        match prefixes::find(self.language, word) {
            None => true,
            Some(Prefix::Always) => false,
            Some(Prefix::BeforeNumbers) => !next.is_some_and(|c| c.is_ascii_digit()),
        }
    }
}

/// White space becomes one space, none at the ends; control characters go.
fn squeeze(line: &str) -> Vec<char> {
    let mut text = Vec::with_capacity(line.len());
    let mut space = false;
    for c in line.chars() {
        if c.is_whitespace() {
            space = true;
        } else if c >= ' ' {
            if space && !text.is_empty() {
                text.push(' ');
            }
            space = false;
            text.push(c);
        }
    }
    text
}

/// Spaces around whatever is no letter, digit, period, comma, hyphen or apostrophe.
fn pad_symbols(text: &[char]) -> Vec<char> {
    let mut padded = Vec::with_capacity(text.len() + text.len() / 8);
    for &c in text {
        if matches!(c, ' ' | '.' | '\'' | '`' | ',' | '-') || alphanumeric(c) {
            padded.push(c);
        } else {
            padded.extend([' ', c, ' ']);
        }
    }
    padded
}

/// `a-b` becomes `a @-@ b`.
fn split_hyphens(text: &[char]) -> Vec<char> {
    let mut split = Vec::with_capacity(text.len() + text.len() / 8);
    for (i, &c) in text.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|before| text.get(before));
        let neighbours = [before, text.get(i + 1)];
        if c == '-' && neighbours.iter().all(|n| n.is_some_and(|&n| alphanumeric(n))) {
            split.extend(" @-@ ".chars());
        } else {
            split.push(c);
        }
    }
    split
}

/// Spaces around two periods or more. The original hides them behind a word until the end, since rules for one period must
/// not see them; here nothing else makes a token of two periods, so [`Tokeniser::split_periods`] knows them.
fn gather_dots(text: &[char]) -> Vec<char> {
    let mut gathered = Vec::with_capacity(text.len() + 2);
    for run in text.chunk_by(|&a, &b| a == '.' && b == '.') {
        if run.len() == 1 {
            gathered.push(run[0]);
        } else {
            gathered.push(' ');
            gathered.extend(run);
            gathered.push(' ');
        }
    }
    gathered
}

/// Spaces around commas that do not stand within a number.
fn split_commas(text: Vec<char>) -> Vec<char> {
    if !text.contains(&',') {
        return text;
    }
    let number = char::is_numeric;
    let after =
        substitute(&text, |[before, comma]| comma == ',' && !number(before), |[before, _]| [before, ' ', ',', ' ']);
    let mut around =
        substitute(&after, |[comma, next]| comma == ',' && !number(next), |[_, next]| [' ', ',', ' ', next]);
    if let [.., before, ','] = around[..]
        && number(before)
    {
        around.pop();
        around.extend([' ', ',']);
    }
    around
}

/// Cuts at apostrophes: before them in English, after them in French, on both sides in German. At the ends of a line they
/// stay where they are, since the rules want a character on each side.
fn split_apostrophes(text: Vec<char>, language: Language) -> Vec<char> {
    if !text.contains(&'\'') {
        return text;
    }
    let letter = char::is_alphabetic;
    let alone = |[before, _, next]: [char; 3]| [before, ' ', '\'', ' ', next];
    let with_next = |[before, _, next]: [char; 3]| [before, ' ', '\'', next];
    let with_previous = |[before, _, next]: [char; 3]| [before, '\'', ' ', next];
    let cut = |text: &[char], sides: &dyn Fn(char, char) -> bool| {
        substitute(text, |[before, c, next]| c == '\'' && sides(before, next), alone)
    };
    match language {
        Language::English => {
            let text = cut(&text, &|before, next| !letter(before) && !letter(next));
            // A digit keeps its apostrophe for the last rule: "1990's".
            let text = cut(&text, &|before, next| !letter(before) && !before.is_numeric() && letter(next));
            let text = cut(&text, &|before, next| letter(before) && !letter(next));
            let text = substitute(&text, |[a, c, b]| letter(a) && c == '\'' && letter(b), with_next);
            substitute(&text, |[a, c, b]| a.is_numeric() && c == '\'' && b == 's', with_next)
        }
        Language::French => {
            let text = cut(&text, &|before, next| !letter(before) && !letter(next));
            let text = cut(&text, &|before, next| !letter(before) && letter(next));
            let text = cut(&text, &|before, next| letter(before) && !letter(next));
            substitute(&text, |[a, c, b]| letter(a) && c == '\'' && letter(b), with_previous)
        }
        Language::German => substitute(&text, |[c]| c == '\'', |_| [' ', '\'', ' ']),
    }
}

fn words_of(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '|' => escaped.push_str("&#124;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            '"' => escaped.push_str("&quot;"),
            '[' => escaped.push_str("&#91;"),
            ']' => escaped.push_str("&#93;"),
            other => escaped.push(other),
        }
    }
    escaped
}
