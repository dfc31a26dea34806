//! Words that keep their period: abbreviations, initials, ordinals.
//!
//! The words are those of the Moses project's `nonbreaking_prefix` files for German, English and French, taken from sacremoses 0.2.0, which
//! publishes them under the MIT licence (`NOTICE` beside this file), ordered for searching; what the files list one by one and a rule can
//! say is a rule here.

use super::Language;

/// When a word keeps its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Before anything.
    Always,
    /// Before a number only, as in "No. 7".
    BeforeNumbers,
}

/// Whether the word before a period keeps it.
pub(crate) fn find(language: Language, word: &str) -> Option<Prefix> {
    let (listed, by_rule) = match language {
        Language::German => (GERMAN, letter(word) || ordinal(word)),
        Language::English => (ENGLISH, upper_case_letter(word)),
        // "a" is a verb in French and ends sentences.
        Language::French => (FRENCH, letter(word) && word != "a"),
    };
    if language == Language::English && ENGLISH_BEFORE_NUMBERS.contains(&word) {
        return Some(Prefix::BeforeNumbers);
    }
    (by_rule || listed.binary_search(&word).is_ok()).then_some(Prefix::Always)
}

fn upper_case_letter(word: &str) -> bool {
    word.len() == 1 && word.as_bytes()[0].is_ascii_uppercase()
}

fn letter(word: &str) -> bool {
    word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic()
}

/// 1 to 99, or I to XX in either case: German writes ordinals with a period.
fn ordinal(word: &str) -> bool {
    let digits = word.len() <= 2 && !word.starts_with('0') && word.bytes().all(|b| b.is_ascii_digit());
    (digits && !word.is_empty()) || ROMAN.contains(&word.to_ascii_uppercase().as_str()) && same_case(word)
}

fn same_case(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_uppercase()) || word.bytes().all(|b| b.is_ascii_lowercase())
}

#[rustfmt::skip]
const ROMAN: [&str; 20] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X",
    "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XX",
];

/// Abbreviations and titles, in the order of their bytes.
#[rustfmt::skip]
const GERMAN: &[&str] = &[
    "Adj", "Adm", "Adv", "Art", "Asst", "BSE", "Bart", "Bldg", "Brig", "Bros", "Buchst", "Ca", "Capt", "Chr",
    "Cmdr", "Co", "Col", "Comdr", "Con", "Corp", "Cpl", "D.h", "DR", "Dkr", "Dr", "Ens", "Gen", "Gov", "Hon",
    "Hosp", "I.F", "Insp", "Lt", "Ltd", "MM", "MR", "MRS", "MS", "Maj", "Messrs", "Mio", "Mlle", "Mme", "Mr",
    "Mrd", "Mrs", "Ms", "Msgr", "MwSt", "No", "Nos", "Nr", "Op", "Ord", "Pfc", "Ph", "Prof", "Pvt", "Rep",
    "Reps", "Res", "Rev", "Rt", "SA", "Sen", "Sens", "Sfc", "Sgt", "Sr", "St", "Std", "Supt", "Surg", "Zt",
    "b.A", "bzgl", "bzw", "c.-à-d", "ca", "d.J", "d.h", "dergl", "dgl", "etc", "evtl", "ff", "g.U", "g.g.A",
    "ggf", "i.H.v", "jun", "k.o", "m.E", "o.ä", "pp", "s.p.a", "sen", "sog", "sogen", "spp", "u.E", "u.U",
    "u.a", "u.s.w", "u.ä", "usf", "usw", "vgl", "vs", "z.B", "z.T", "z.Zt", "zzt",
];

/// Titles, months and the like.
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "Adj", "Adm", "Adv", "Apr", "Asst", "Aug", "Bart", "Bldg", "Brig", "Bros", "Capt", "Cmdr", "Col", "Comdr",
    "Con", "Corp", "Cpl", "DR", "Dec", "Dr", "Drs", "Ens", "Feb", "Gen", "Gov", "Hon", "Hosp", "Hr", "Insp",
    "Jan", "Jul", "Jun", "Lt", "MM", "MR", "MRS", "MS", "Maj", "Mar", "Messrs", "Mlle", "Mme", "Mr", "Mrs",
    "Ms", "Msgr", "Nos", "Nov", "Nr", "Oct", "Op", "Ord", "Pfc", "Ph", "Prof", "Pvt", "Rep", "Reps", "Res",
    "Rev", "Rs", "Rt", "Sen", "Sens", "Sep", "Sfc", "Sgt", "Sr", "St", "Supt", "Surg", "e.g", "i.e", "rev",
    "v", "vs",
];

/// Abbreviations.
#[rustfmt::skip]
const FRENCH: &[&str] = &[
    "A.C.N", "A.M", "B.P", "C.N", "C.N.S", "C.P.I", "C.Q.F.D", "C.S", "E.V", "L.D", "LL.AA", "LL.AA.II",
    "LL.AA.RR", "LL.AA.SS", "LL.EE", "LL.MM", "LL.MM.II.RR", "MM", "N.B", "N.D", "N.D.A", "N.D.L.R", "N.D.T",
    "N.P.A.I", "N.S", "NN.SS", "P.S", "R.-V", "R.A.S", "R.I.P", "R.P", "S.A", "S.A.I", "S.A.R", "S.A.S", "S.E",
    "S.M", "S.M.I.R", "S.S", "SS", "T.S.V.P", "X.O", "Z.I", "al", "ann", "apr", "art", "auj", "av", "boul",
    "c.-à-d", "ca", "cf", "ch.-l", "chap", "contr", "dir", "e.g", "env", "etc", "ex", "fasc", "fig", "fr",
    "fém", "hab", "i.e", "ibid", "id", "inf", "lib", "loc.cit", "masc", "ms", "n/réf", "p.c.c", "p.ex", "p.j",
    "pl", "pp", "sec", "sect", "sing", "sq", "sqq", "suiv", "sup", "suppl", "tél", "vb", "vol", "vs", "éd",
];

const ENGLISH_BEFORE_NUMBERS: [&str; 3] = ["Art", "No", "pp"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_can_be_searched() {
        for list in [GERMAN, ENGLISH, FRENCH] {
            assert!(list.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn words_and_rules() {
        use Language::*;
        let found = |language, word| find(language, word) == Some(Prefix::Always);
        for word in ["z.B", "Dr", "x", "X", "7", "99", "iv", "XX", "u.ä"] {
            assert!(found(German, word), "{word}");
        }
        for word in ["", "0", "100", "007", "Iv", "xxi", "Hund", "é"] {
            assert!(!found(German, word), "{word}");
        }
        assert!(
            found(English, "Mr")
                && found(English, "J")
                && found(English, "v")
                && !found(English, "j")
                && !found(English, "7")
        );
        assert_eq!(find(English, "No"), Some(Prefix::BeforeNumbers));
        assert_eq!(find(German, "No"), Some(Prefix::Always));
        assert!(found(French, "p.ex") && found(French, "b") && !found(French, "a"));
    }
}
