//! Words whose period ends no sentence, and words that begin one.
//!
//! Moses's lists say which words keep their period. That is about tokens; a sentence may still end there, as after `usw.`
//! or an initial. Whether it does shows in the next word: an article or a pronoun with a capital begins a sentence, a noun
//! or a name need not (Kiss and Strunk 2006 call them frequent sentence starters).

use crate::moses::{Language, Prefix, find_prefix};

/// When the period after a word ends a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Whatever follows.
    Always,
    /// Nowhere: titles, and what is always followed by something.
    Never,
    /// Before a word that begins sentences.
    BeforeStarters,
    /// Before anything but a number.
    NotBeforeNumbers,
}

/// What the period after a word means; `after_abbreviation` where a single letter and its period stand right before.
pub(super) fn ending(language: Option<Language>, word: &str, after_abbreviation: bool) -> Ending {
    let initial = is_initial(word);
    let Some(language) = language else {
        return if initial || is_acronym(word) { Ending::Never } else { Ending::Always };
    };
    let (more, may_end) = lists(language);
    if may_end.binary_search(&word).is_ok() {
        return Ending::BeforeStarters;
    }
    // `M. Le Pen` is no end of a sentence, nor is `z. B. In` or the like.
    if initial && language != Language::French && !after_abbreviation {
        return Ending::BeforeStarters;
    }
    if is_acronym(word) {
        return if word.chars().all(|c| c == '.' || c.is_uppercase()) { Ending::BeforeStarters } else { Ending::Never };
    }
    // Moses's ordinals have two digits; anniversaries have three, years four.
    if language == Language::German && is_ordinal(word) {
        return Ending::BeforeStarters;
    }
    match find_prefix(language, word) {
        Some(Prefix::Always) => Ending::Never,
        Some(Prefix::BeforeNumbers) => Ending::NotBeforeNumbers,
        None if more.binary_search(&word).is_ok() => Ending::Never,
        None => Ending::Always,
    }
}

/// Whether text begins with a word that, with a capital, begins a sentence.
pub(super) fn begins_sentences(language: Language, text: &str) -> bool {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match language {
        Language::German => GERMAN_STARTERS.contains(&word),
        Language::English => ENGLISH_STARTERS.contains(&word),
        Language::French if rest.starts_with(['\'', '’']) => FRENCH_ELIDED.contains(&word),
        Language::French => FRENCH_STARTERS.contains(&word),
    }
}

fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
}

/// `U.S`, `i.d.R`: single letters between periods.
fn is_acronym(word: &str) -> bool {
    let single = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    };
    word.contains('.') && word.split('.').all(single)
}

fn is_ordinal(word: &str) -> bool {
    let digits = (1..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let roman = (1..=5).contains(&word.len()) && word.bytes().all(|b| b"IVX".contains(&b));
    digits || roman
}

/// Words that Moses does not list and whose period still ends nothing; words that are also the last of a sentence.
fn lists(language: Language) -> (&'static [&'static str], &'static [&'static str]) {
    match language {
        Language::German => (GERMAN_MORE, GERMAN_MAY_END),
        Language::English => (ENGLISH_MORE, ENGLISH_MAY_END),
        Language::French => (FRENCH_MORE, FRENCH_MAY_END),
    }
}

#[rustfmt::skip]
const GERMAN_MORE: &[&str] = &[
    "Abb", "Abs", "Abt", "Anm", "Apr", "Aug", "Az", "Bd", "Bde", "Bhf", "Dez", "Dipl", "Fa", "Feb", "Fr", "Frl",
    "Hbf", "Hr", "Hrn", "Hrsg", "Ing", "Jan", "Kap", "Mag", "Nov", "Okt", "Red", "Sept", "Str", "Tel", "Tsd", "Verf", "Vgl",
    "Ziff", "abzgl", "allg", "bspw", "bzgl", "einschl", "entspr", "exkl", "geb", "gegr", "gest", "ggü", "inkl", "insb",
    "insbes", "lt", "max", "med", "min", "mind", "phil", "rer", "tägl", "urspr", "verh", "versch", "wiss", "zzgl",
];

#[rustfmt::skip]
const GERMAN_MAY_END: &[&str] = &[
    "Art", "Aufl", "Co", "Corp", "Jh", "Jhd", "Jhs", "Jr", "Ltd", "Mio", "Mrd", "MwSt", "Std", "dergl", "dgl", "etc",
    "ff", "jr", "jun", "k.o", "o.ä", "pp", "sen", "u.s.w", "u.ä", "usf", "usw",
];

#[rustfmt::skip]
const ENGLISH_MORE: &[&str] = &[
    "Ave", "Blvd", "Ch", "Eq", "Eqs", "Fig", "Figs", "Ft", "Mt", "Pres", "Rd", "Sec", "Tel", "al", "approx", "cf", "dept",
    "eq", "est", "fig", "figs", "tel",
];

#[rustfmt::skip]
const ENGLISH_MAY_END: &[&str] = &[
    "Bros", "Co", "Corp", "Inc", "Jr", "Ltd", "Ph.D", "Sr", "a.m", "jr", "p.m", "sr",
];

#[rustfmt::skip]
const FRENCH_MORE: &[&str] = &[
    "Dr", "Me", "Mlle", "Mlles", "Mme", "Mmes", "Pr", "St", "Ste", "Sté", "bd", "déc", "févr", "janv", "juil", "nov",
    "oct", "tel",
];

#[rustfmt::skip]
const FRENCH_MAY_END: &[&str] = &["Cie", "S.A", "av", "etc", "hab", "suiv", "vol"];

#[rustfmt::skip]
const GERMAN_STARTERS: &[&str] = &[
    "Aber", "Alle", "Allerdings", "Alles", "Als", "Also", "Am", "An", "Andere", "Auch", "Auf", "Aus", "Außerdem", "Bei",
    "Beim", "Bis", "Da", "Dabei", "Dafür", "Damit", "Danach", "Dann", "Daraufhin", "Das", "Dass", "Davon", "Dazu", "Dem",
    "Den", "Denn", "Der", "Deshalb", "Die", "Dies", "Diese", "Diesem", "Diesen", "Dieser", "Dieses", "Doch", "Dort", "Du",
    "Durch", "Ein", "Eine", "Einem", "Einen", "Einer", "Er", "Es", "Für", "Gestern", "Heute", "Hier", "Ich", "Ihr",
    "Ihre", "Im", "In", "Ist", "Jede", "Jeder", "Jedes", "Jedoch", "Jetzt", "Kein", "Keine", "Man", "Mein", "Meine", "Mit",
    "Nach", "Nachdem", "Nicht", "Noch", "Nun", "Nur", "Ob", "Obwohl", "Oder", "Schon", "Sein", "Seine", "Seit", "Sie", "So",
    "Sogar", "Später", "Trotzdem", "Und", "Unser", "Unsere", "Unter", "Viele", "Vom", "Von", "Vor", "Warum", "Was", "Weil",
    "Wenn", "Wer", "Wie", "Wir", "Wird", "Wo", "Während", "Zu", "Zum", "Zur", "Zwar", "Über",
];

#[rustfmt::skip]
const ENGLISH_STARTERS: &[&str] = &[
    "A", "After", "All", "Also", "Although", "An", "And", "As", "At", "Because", "Before", "But", "By", "Do", "Does", "Even",
    "Every", "For", "From", "He", "Her", "Here", "His", "How", "However", "If", "In", "Is", "It", "Its", "Later", "Many",
    "Most", "My", "No", "Not", "Now", "Of", "On", "Once", "One", "Or", "Our", "She", "Since", "So", "Some", "That", "The",
    "Their", "Then", "There", "These", "They", "This", "Those", "Though", "To", "Under", "Until", "Was", "We", "What",
    "When", "Where", "While", "Who", "Why", "With", "Without", "You", "Your",
];

#[rustfmt::skip]
const FRENCH_STARTERS: &[&str] = &[
    "Ainsi", "Alors", "Après", "Au", "Aux", "Avant", "Avec", "Car", "Ce", "Cela", "Cependant", "Ces", "Cet", "Cette", "Chaque",
    "Comme", "Comment", "Dans", "De", "Depuis", "Des", "Donc", "Du", "Elle", "Elles", "En", "Enfin", "Ensuite", "Et", "Il",
    "Ils", "Je", "La", "Le", "Les", "Leur", "Leurs", "Lorsque", "Ma", "Mais", "Mon", "Ni", "Notre", "Nous", "On", "Or", "Ou",
    "Par", "Parce", "Pas", "Plus", "Pour", "Pourquoi", "Pourtant", "Puis", "Quand", "Que", "Quel", "Quelle", "Qui", "Sa",
    "Sans", "Selon", "Ses", "Si", "Son", "Sous", "Sur", "Toujours", "Tous", "Tout", "Tu", "Un", "Une", "Vous", "À",
];

/// Before an apostrophe.
const FRENCH_ELIDED: [&str; 7] = ["C", "D", "J", "L", "N", "Qu", "S"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_can_be_searched() {
        for language in Language::ALL {
            let (more, may_end) = lists(language);
            assert!([more, may_end].iter().all(|list| list.is_sorted_by(|a, b| a < b)), "{language}");
        }
    }

    #[test]
    fn words_and_rules() {
        use Ending::*;
        let german = |word| ending(Some(Language::German), word, false);
        assert_eq!(["Dr", "z.B", "Tel", "i.d.R", "x"].map(german), [Never; 5]);
        assert_eq!(["usw", "B", "3", "100", "XIV", "D.C"].map(german), [BeforeStarters; 6]);
        assert_eq!(["Haus", "1989", "www.a.de"].map(german), [Always; 3]);
        assert_eq!(ending(Some(Language::German), "B", true), Never, "z. B.");
        assert_eq!(ending(Some(Language::English), "No", false), NotBeforeNumbers);
        assert_eq!(ending(Some(Language::French), "M", false), Never);
        assert_eq!(["J", "U.S", "Mr"].map(|w| ending(None, w, false)), [Never, Never, Always]);
    }
}
