//! Porter's stemmer (Porter 1980) with the changes of NLTK, which `rouge-score` uses.
//!
//! Words are taken as sequences of consonants and vowels, where y is a vowel after a consonant; the measure m of a stem is
//! how often a vowel is followed by a consonant: the number of its syllables, roughly.

/// Words that no rule gets right.
const IRREGULAR: [(&str, &str); 16] = [
    ("canning", "canning"),
    ("cannings", "canning"),
    ("dying", "die"),
    ("exceed", "exceed"),
    ("howe", "howe"),
    ("inning", "inning"),
    ("innings", "inning"),
    ("lying", "lie"),
    ("news", "news"),
    ("outing", "outing"),
    ("outings", "outing"),
    ("proceed", "proceed"),
    ("skies", "sky"),
    ("sky", "sky"),
    ("succeed", "succeed"),
    ("tying", "tie"),
];

/// A suffix, what stands in its place, and when.
type Rule = (&'static str, &'static str, fn(&str) -> bool);

/// The stem of a word of lowercase ASCII letters and digits.
pub(super) fn stem(word: &str) -> String {
    if let Ok(found) = IRREGULAR.binary_search_by_key(&word, |(irregular, _)| irregular) {
        return IRREGULAR[found].1.to_owned();
    }
    if word.len() <= 2 {
        return word.to_owned();
    }
    let word = plural(word);
    let word = past(word);
    let word = apply(&word, &[("y", "i", |stem| stem.len() > 1 && consonants(stem).last() == Some(&true))]);
    let word = double_suffix(word);
    let word = apply(&word, &STEP_3);
    let word = apply(&word, &STEP_4);
    let word = final_e(word);
    if word.ends_with("ll") && measure(&word[..word.len() - 1]) > 1 { word[..word.len() - 1].to_owned() } else { word }
}

/// Step 1a.
fn plural(word: &str) -> String {
    if word.ends_with("ies") && word.len() == 4 {
        return word[..word.len() - 1].to_owned();
    }
    apply(word, &[("sses", "ss", always), ("ies", "i", always), ("ss", "ss", always), ("s", "", always)])
}

/// Step 1b.
fn past(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return if word.len() == 4 { format!("{stem}ie") } else { format!("{stem}i") };
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if measure(stem) > 0 { format!("{stem}ee") } else { word };
    }
    let has_vowel = |stem: &&str| consonants(stem).contains(&false);
    let Some(stem) = ["ed", "ing"].iter().find_map(|suffix| word.strip_suffix(suffix).filter(has_vowel)) else {
        return word;
    };
    for (suffix, with_e) in [("at", "ate"), ("bl", "ble"), ("iz", "ize")] {
        if let Some(before) = stem.strip_suffix(suffix) {
            return format!("{before}{with_e}");
        }
    }
    if ends_double_consonant(stem) {
        let kept = stem.ends_with(['l', 's', 'z']);
        return if kept { stem.to_owned() } else { stem[..stem.len() - 1].to_owned() };
    }
    if measure(stem) == 1 && ends_consonant_vowel_consonant(stem) { format!("{stem}e") } else { stem.to_owned() }
}

/// Step 2.
fn double_suffix(word: String) -> String {
    if word.strip_suffix("alli").is_some_and(has_measure) {
        return double_suffix(word[..word.len() - 2].to_owned());
    }
    // Of "logi" the l belongs to what is measured.
    if let Some(stem) = word.strip_suffix("logi") {
        return if has_measure(&word[..word.len() - 3]) { format!("{stem}log") } else { word };
    }
    apply(&word, &STEP_2)
}

/// Step 5a.
fn final_e(word: String) -> String {
    match word.strip_suffix('e') {
        Some(stem) if measure(stem) > 1 || (measure(stem) == 1 && !ends_consonant_vowel_consonant(stem)) => {
            stem.to_owned()
        }
        _ => word,
    }
}

/// The first rule whose suffix the word has, if its condition holds; else the word.
fn apply(word: &str, rules: &[Rule]) -> String {
    for (suffix, replacement, condition) in rules {
        if let Some(stem) = word.strip_suffix(suffix) {
            return if condition(stem) { format!("{stem}{replacement}") } else { word.to_owned() };
        }
    }
    word.to_owned()
}

#[rustfmt::skip]
const STEP_2: [Rule; 21] = [
    ("ational", "ate", has_measure), ("tional", "tion", has_measure), ("enci", "ence", has_measure),
    ("anci", "ance", has_measure), ("izer", "ize", has_measure), ("bli", "ble", has_measure),
    ("alli", "al", has_measure), ("entli", "ent", has_measure), ("eli", "e", has_measure),
    ("ousli", "ous", has_measure), ("ization", "ize", has_measure), ("ation", "ate", has_measure),
    ("ator", "ate", has_measure), ("alism", "al", has_measure), ("iveness", "ive", has_measure),
    ("fulness", "ful", has_measure), ("ousness", "ous", has_measure), ("aliti", "al", has_measure),
    ("iviti", "ive", has_measure), ("biliti", "ble", has_measure), ("fulli", "ful", has_measure),
];

#[rustfmt::skip]
const STEP_3: [Rule; 7] = [
    ("icate", "ic", has_measure), ("ative", "", has_measure), ("alize", "al", has_measure),
    ("iciti", "ic", has_measure), ("ical", "ic", has_measure), ("ful", "", has_measure), ("ness", "", has_measure),
];

#[rustfmt::skip]
const STEP_4: [Rule; 19] = [
    ("al", "", long), ("ance", "", long), ("ence", "", long), ("er", "", long), ("ic", "", long), ("able", "", long),
    ("ible", "", long), ("ant", "", long), ("ement", "", long), ("ment", "", long), ("ent", "", long),
    ("ion", "", |stem| long(stem) && stem.ends_with(['s', 't'])), ("ou", "", long), ("ism", "", long),
    ("ate", "", long), ("iti", "", long), ("ous", "", long), ("ive", "", long), ("ize", "", long),
];

fn always(_: &str) -> bool {
    true
}

fn has_measure(stem: &str) -> bool {
    measure(stem) > 0
}

fn long(stem: &str) -> bool {
    measure(stem) > 1
}

/// For each letter, whether it is a consonant. Digits are.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for letter in word.bytes() {
        flags.push(match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => flags.last().is_none_or(|before| !before),
            _ => true,
        });
    }
    flags
}

fn measure(stem: &str) -> usize {
    consonants(stem).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn ends_double_consonant(word: &str) -> bool {
    matches!(word.as_bytes(), [.., a, b] if a == b) && consonants(word).last() == Some(&true)
}

/// As in "hop"; not where the last is w, x or y. Or a vowel and a consonant alone.
fn ends_consonant_vowel_consonant(word: &str) -> bool {
    match consonants(word)[..] {
        [false, true] => true,
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn irregular_words_can_be_searched() {
        assert!(IRREGULAR.is_sorted());
    }

    #[test]
    fn words_have_nltks_stems() {
        for pair in [
            "caresses caress",
            "ponies poni",
            "ties tie",
            "cats cat",
            "agreed agre",
            "feed feed",
            "plastered plaster",
            "conflated conflat",
            "troubled troubl",
            "sized size",
            "hopping hop",
            "falling fall",
            "hissing hiss",
            "failing fail",
            "filing file",
            "happy happi",
            "enjoy enjoy",
            "relational relat",
            "rationally ration",
            "conditional condit",
            "vietnamization vietnam",
            "hopefulness hope",
            "sensibility sensibl",
            "triplicate triplic",
            "electrical electr",
            "revival reviv",
            "adjustment adjust",
            "adoption adopt",
            "controlling control",
            "rate rate",
            "probate probat",
            "skies sky",
            "dying die",
            "died die",
            "studied studi",
            "geology geolog",
            "hopefully hope",
            "news news",
            "1990s 1990",
            "spying spi",
            "ceased ceas",
            "abilities abil",
        ] {
            let (word, expected) = pair.split_once(' ').unwrap();
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
