//! Long numbers that a translation got wrong.
//!
//! A number of the source that the translation lacks takes the place of one of the translation that the source lacks, where the
//! two have most digits in common: then the model meant that number. Whatever else differs is left alone, for a number may well
//! become a word, or be left out. Nor is a number wrong whose digits the source has in a date, a range or a word, as 2024 of
//! 2024-05-06 or 1990 of 1990s.

use lsra_text::moses::Language;
use lsra_text::spans::{Number, numbers};
use std::collections::HashSet;

/// The translation with the source's numbers for those that were meant to be them.
pub(super) fn restore_numbers(source: &str, mut translation: String, languages: [Option<Language>; 2]) -> String {
    let missing = without(numbers(source), &numbers(&translation));
    let known = other_digits(source);
    for number in &missing {
        // What stands there now, numbers that were put right included.
        let mut strange = without(numbers(&translation), &numbers(source));
        strange.retain(|n| !known.contains(n.digits.as_str()));
        let wrong = |n: &&Number| edits(&n.digits, &number.digits);
        if let Some(found) = strange.iter().min_by_key(wrong).filter(|n| 2 * wrong(n) <= number.digits.len()) {
            let written = in_language(&source[number.range.clone()], languages);
            translation.replace_range(found.range.clone(), &written);
        }
    }
    translation
}

/// Runs of digits that are no long numbers by themselves.
fn other_digits(text: &str) -> HashSet<&str> {
    let mut found = HashSet::new();
    let mut at = 0;
    let ranges = numbers(text).into_iter().map(|n| n.range);
    for range in ranges.chain(std::iter::once(text.len()..text.len())) {
        found.extend(text[at..range.start].split(|c: char| !c.is_ascii_digit()));
        at = range.end;
    }
    found
}

/// A text of no words, with its long numbers as the target writes them.
pub(super) fn translated_numbers(text: &str, languages: [Option<Language>; 2]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for Number { range, .. } in numbers(text) {
        result += &text[at..range.start];
        result += &in_language(&text[range.clone()], languages);
        at = range.end;
    }
    result + &text[at..]
}

/// Those that `others` lack, each of `others` taken once.
fn without(numbers: Vec<Number>, others: &[Number]) -> Vec<Number> {
    let mut others: Vec<&str> = others.iter().map(|n| n.digits.as_str()).collect();
    let mut is_missing = |n: &Number| match others.iter().position(|digits| *digits == n.digits) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    };
    numbers.into_iter().filter(|n| is_missing(n)).collect()
}

/// A number with the target's separators: English writes 1,234.5 for what is 1.234,5 elsewhere.
fn in_language(number: &str, languages: [Option<Language>; 2]) -> String {
    let english = languages.map(|l| l.map(|l| l == Language::English));
    match english {
        [Some(from), Some(to)] if from != to => {
            let swapped = |c| match c {
                '.' => ',',
                ',' => '.',
                other => other,
            };
            number.chars().map(swapped).collect()
        }
        _ => number.to_owned(),
    }
}

/// Digits to insert, remove or replace (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO_ENGLISH: [Option<Language>; 2] = [Some(Language::German), Some(Language::English)];

    #[test]
    fn only_what_was_meant_is_put_right() {
        let of = |source: &str, translation: &str| restore_numbers(source, translation.to_owned(), TO_ENGLISH);
        assert_eq!(of("Das war 1989.", "That was 1998."), "That was 1989.");
        assert_eq!(of("Er hat 12.345,50 Euro.", "He has 12,345.5 euros."), "He has 12,345.50 euros.");
        assert_eq!(of("1989 oder 2001", "2001 or 19889"), "2001 or 1989");
        assert_eq!(of("1989 und 1989", "1989 and 198"), "1989 and 1989");
        assert_eq!(of("1989 und 1988", "1989 and 1989"), "1989 and 1988");
        for (source, translation) in [
            ("1.250 Euro", "1,250 euros"),
            ("Das kostet 100 Euro.", "It costs a hundred euros."),
            ("Im Jahr 1989", "In the year"),
            ("Um 14:30 Uhr", "At 2:30 pm"),
            ("Es waren 1000 Fuß.", "It was 305 metres."),
            ("ohne Zahl", "from 1999"),
            ("On 2024-05-06 the 2014 model came.", "On 6 May 2024 came the model."),
            ("Die 1990er und 1998", "In the 1990 or 1980s"),
            ("2024-2025 und 2023", "from 2024 to 2025"),
        ] {
            assert_eq!(of(source, translation), translation);
        }
        assert_eq!(
            restore_numbers("1.250,5 m", "1250,5 m".to_owned(), [None, None]),
            "1250,5 m",
            "the digits are right"
        );
        assert_eq!(restore_numbers("1.250,5 m", "1.255,5 m".to_owned(), [None, None]), "1.250,5 m");
    }

    #[test]
    fn numbers_alone_are_written_as_the_target_does() {
        let of = |text: &str| translated_numbers(text, TO_ENGLISH);
        assert_eq!(of("12.345,67 / 1.250 – 2024"), "12,345.67 / 1,250 – 2024");
        assert_eq!(of("1.10.2026, 10:30, 3,5 %"), "1.10.2026, 10:30, 3,5 %");
        assert_eq!(translated_numbers("12.345,67", [None, None]), "12.345,67");
    }

    #[test]
    fn distances() {
        assert_eq!(
            [("", "12"), ("12", ""), ("1234", "1243"), ("123", "123"), ("19889", "1989")].map(|(a, b)| edits(a, b)),
            [2, 2, 2, 0, 1]
        );
    }
}
