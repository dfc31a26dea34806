//! English number words.

const BELOW_TWENTY: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number up to 999,999 in words: `two thousand nine hundred eleven`. Panics beyond.
pub fn cardinal(n: u32) -> String {
    assert!(n <= 999_999, "{n} in English words");
    let and_rest = |rest: u32| if rest == 0 { String::new() } else { format!(" {}", cardinal(rest)) };
    match n {
        0..20 => BELOW_TWENTY[n as usize].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[n as usize / 10].to_owned(),
        20..100 => format!("{}-{}", TENS[n as usize / 10], cardinal(n % 10)),
        100..1_000 => format!("{} hundred{}", cardinal(n / 100), and_rest(n % 100)),
        _ => format!("{} thousand{}", cardinal(n / 1_000), and_rest(n % 1_000)),
    }
}

/// An ordinal from 1 to 99: `third`, `twenty-first`. Panics beyond.
pub fn ordinal(n: u32) -> String {
    assert!((1..100).contains(&n), "{n} as an English ordinal");
    match n {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        5 => "fifth".to_owned(),
        8 => "eighth".to_owned(),
        9 => "ninth".to_owned(),
        12 => "twelfth".to_owned(),
        4..20 => cardinal(n) + "th",
        _ if n.is_multiple_of(10) => TENS[n as usize / 10].replace('y', "ieth"),
        _ => format!("{}-{}", TENS[n as usize / 10], ordinal(n % 10)),
    }
}

/// A year from 1100 on, read in two halves before 2000: `nineteen eighty-four`, `nineteen oh five`.
pub(super) fn year(n: u32) -> String {
    match n {
        1100..2000 => format!("{} {}", cardinal(n / 100), two_digits(n % 100, "hundred")),
        _ => cardinal(n),
    }
}

/// What follows the century or the hour: `oh five`, `forty`, or `zero` for 0.
pub(super) fn two_digits(n: u32, zero: &str) -> String {
    match n {
        0 => zero.to_owned(),
        1..10 => format!("oh {}", cardinal(n)),
        _ => cardinal(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn known_numbers() {
        for (n, words) in [
            (0, "zero"),
            (13, "thirteen"),
            (40, "forty"),
            (21, "twenty-one"),
            (100, "one hundred"),
            (103, "one hundred three"),
            (1_000, "one thousand"),
            (2_911, "two thousand nine hundred eleven"),
            (101_000, "one hundred one thousand"),
            (999_999, "nine hundred ninety-nine thousand nine hundred ninety-nine"),
        ] {
            assert_eq!(cardinal(n), words);
        }
    }

    #[test]
    fn every_number_has_words_of_its_own() {
        let words: HashSet<String> = (0..=999_999).map(cardinal).collect();
        assert_eq!(words.len(), 1_000_000);
    }

    #[test]
    fn known_ordinals_and_years() {
        for (n, word) in [
            (1, "first"),
            (4, "fourth"),
            (9, "ninth"),
            (11, "eleventh"),
            (12, "twelfth"),
            (20, "twentieth"),
            (22, "twenty-second"),
            (30, "thirtieth"),
            (31, "thirty-first"),
        ] {
            assert_eq!(ordinal(n), word);
        }
        for (n, words) in [
            (1100, "eleven hundred"),
            (1905, "nineteen oh five"),
            (1984, "nineteen eighty-four"),
            (2021, "two thousand twenty-one"),
        ] {
            assert_eq!(year(n), words);
        }
    }
}
