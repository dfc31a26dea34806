//! German number words.

const BELOW_TWENTY: [&str; 20] = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const TENS: [&str; 10] =
    ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];

/// A number up to 999,999 in words, in one word: `zweitausendneunhundertelf`. Panics beyond.
pub fn cardinal(n: u32) -> String {
    assert!(n <= 999_999, "{n} in German words");
    if n == 0 {
        return BELOW_TWENTY[0].to_owned();
    }
    let mut word = before_a_noun(n);
    // Alone, or as the last part of a longer word, one is `eins`.
    if n % 100 == 1 {
        word.push('s');
    }
    word
}

/// As [`cardinal`], but with `ein` where that ends in `eins`: `einundzwanzig`, `ein` euro, `hundertein`tausend. From 1.
pub(super) fn before_a_noun(n: u32) -> String {
    match n {
        0 => String::new(),
        1 => "ein".to_owned(),
        2..20 => BELOW_TWENTY[n as usize].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[n as usize / 10].to_owned(),
        20..100 => before_a_noun(n % 10) + "und" + TENS[n as usize / 10],
        100..1_000 => before_a_noun(n / 100) + "hundert" + &before_a_noun(n % 100),
        _ => before_a_noun(n / 1_000) + "tausend" + &before_a_noun(n % 1_000),
    }
}

/// The stem of an ordinal from 1 to 99, to which endings are added: `dritt`, `einundzwanzigst`. Panics beyond.
pub fn ordinal(n: u32) -> String {
    assert!((1..100).contains(&n), "{n} as a German ordinal");
    match n {
        1 => "erst".to_owned(),
        3 => "dritt".to_owned(),
        7 => "siebt".to_owned(),
        8 => "acht".to_owned(),
        2..20 => before_a_noun(n) + "t",
        _ => before_a_noun(n) + "st",
    }
}

/// A year from 1100 on: counted in hundreds before 2000, `neunzehnhundertvierundachtzig`.
pub(super) fn year(n: u32) -> String {
    match n {
        1100..2000 if n.is_multiple_of(100) => before_a_noun(n / 100) + "hundert",
        1100..2000 => before_a_noun(n / 100) + "hundert" + &cardinal(n % 100),
        _ => cardinal(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn known_numbers() {
        for (n, word) in [
            (0, "null"),
            (1, "eins"),
            (7, "sieben"),
            (12, "zwölf"),
            (16, "sechzehn"),
            (17, "siebzehn"),
            (20, "zwanzig"),
            (21, "einundzwanzig"),
            (30, "dreißig"),
            (66, "sechsundsechzig"),
            (77, "siebenundsiebzig"),
            (100, "einhundert"),
            (101, "einhunderteins"),
            (103, "einhundertdrei"),
            (121, "einhunderteinundzwanzig"),
            (999, "neunhundertneunundneunzig"),
            (1_000, "eintausend"),
            (1_001, "eintausendeins"),
            (2_911, "zweitausendneunhundertelf"),
            (21_000, "einundzwanzigtausend"),
            (101_000, "einhunderteintausend"),
            (101_101, "einhunderteintausendeinhunderteins"),
            (999_999, "neunhundertneunundneunzigtausendneunhundertneunundneunzig"),
        ] {
            assert_eq!(cardinal(n), word);
        }
    }

    #[test]
    fn every_number_has_a_word_of_its_own() {
        let words: HashSet<String> = (0..=999_999).map(cardinal).collect();
        assert_eq!(words.len(), 1_000_000);
    }

    #[test]
    fn known_ordinals_and_years() {
        for (n, stem) in [
            (1, "erst"),
            (2, "zweit"),
            (3, "dritt"),
            (7, "siebt"),
            (8, "acht"),
            (12, "zwölft"),
            (19, "neunzehnt"),
            (20, "zwanzigst"),
            (21, "einundzwanzigst"),
            (31, "einunddreißigst"),
        ] {
            assert_eq!(ordinal(n), stem);
        }
        for (n, word) in [
            (1101, "elfhunderteins"),
            (1800, "achtzehnhundert"),
            (1905, "neunzehnhundertfünf"),
            (1984, "neunzehnhundertvierundachtzig"),
            (2000, "zweitausend"),
            (2021, "zweitausendeinundzwanzig"),
        ] {
            assert_eq!(year(n), word);
        }
    }
}
