//! Cutting a sentence that is too long for a model, at the most sensible place there is.

use super::{Sentence, sentence};
use crate::moses::Language;
use unicode_segmentation::UnicodeSegmentation;

/// How sensible it is to cut after a word, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// At a semicolon or colon, or a stop that ends no sentence by itself.
    Clause,
    /// At a comma before a conjunction, or at a dash.
    Conjunction,
    /// At any other comma.
    Comma,
    /// Before a conjunction.
    Joined,
    /// Between two words.
    Space,
}

/// A place to cut: bytes before it, tokens before it.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    tokens: usize,
    cut: Cut,
}

/// Characters of a token at most, nearly always: a sentence of more than this for each token that fits is not looked at as a
/// whole, so that the work grows with the text and not with its square.
const CHARACTERS: usize = 12;

/// Bytes that an address has at most, as browsers take them.
const ADDRESS: usize = 2048;

/// Cuts a sentence into parts of at most `most` tokens, of about the same length where two will do. `tokens` counts those of a
/// part, the end of the sentence not among them; a part's are about the sum of its words'. Returns parts that, with their
/// spaces, are the sentence; a part that was cut inside a word has no space.
///
/// Places are, from the best to the worst: semicolons and colons, commas before conjunctions and dashes, commas,
/// conjunctions, spaces; and inside a word only where one alone is too long.
pub fn cut_long<'t>(
    text: &'t str,
    most: usize,
    language: Option<Language>,
    tokens: impl Fn(&str) -> usize,
) -> Vec<Sentence<'t>> {
    let most = most.max(1);
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let seen = &rest[..whole_words(rest, prefix(rest, CHARACTERS * most))];
        if seen.len() == rest.len() && tokens(rest) <= most {
            parts.push(sentence(rest));
            break;
        }
        let at = best_cut(rest, seen, most, language, &tokens).unwrap_or_else(|| inside_word(seen, most, &tokens));
        let at = shortened(rest, at, most, &tokens);
        // White space belongs to the part before it.
        let at = rest.len() - rest[at..].trim_start().len();
        parts.push(sentence(&rest[..at]));
        rest = &rest[at..];
    }
    parts
}

/// So many bytes, and the rest of the word that they end in, unless no address is that long.
fn whole_words(rest: &str, end: usize) -> usize {
    let limit = rest.floor_char_boundary(end + ADDRESS);
    match rest[end..limit].find(char::is_whitespace) {
        _ if rest[..end].ends_with(char::is_whitespace) => end,
        // A character more shows that the word ends there.
        Some(further) => end + further + prefix(&rest[end + further..], 1),
        None if limit == rest.len() => limit,
        None => end,
    }
}

/// Where to cut between words: bytes, white space included. None where the first word alone is too long.
fn best_cut(
    rest: &str,
    seen: &str,
    most: usize,
    language: Option<Language>,
    tokens: &impl Fn(&str) -> usize,
) -> Option<usize> {
    let mut places: Vec<Place> = Vec::new();
    let (mut at, mut sum) = (0, 0);
    let whole = seen.len() == rest.len();
    for word in seen.split_inclusive(char::is_whitespace) {
        // Two spaces in a row leave a word of white space alone, which belongs to the word before.
        if word.trim().is_empty() {
            at += word.len();
            if let Some(last) = places.last_mut() {
                last.at = at;
            }
            continue;
        }
        sum += tokens(word.trim_end());
        at += word.len();
        // The last word seen may go on beyond what is seen; and of a whole sentence all words are counted.
        if at == rest.len() || at == seen.len() && !word.ends_with(char::is_whitespace) || sum > most && !whole {
            break;
        }
        let next = rest[at..].split_whitespace().next().unwrap_or("");
        places.push(Place { at, tokens: sum, cut: cut_after(word.trim_end(), next, language) });
    }
    places.retain(|p| p.tokens <= most);
    // Two parts where two will do: what is left must fit, and the middle is the best place.
    let halves = whole && sum <= 2 * most;
    let (least, aim) = if halves { (sum.saturating_sub(most), sum / 2) } else { (most / 2, most) };
    let good = |p: &&Place| p.tokens >= least.max(most / 4);
    let best = places.iter().filter(good).min_by_key(|p| (p.cut, p.tokens.abs_diff(aim))).or(places.last());
    best.map(|p| p.at)
}

fn cut_after(word: &str, next: &str, language: Option<Language>) -> Cut {
    let bare = word.trim_end_matches(['"', '\'', '“', '”', '’', '«', '»', ')', ']']);
    let joins = is_conjunction(next, language);
    match bare.chars().next_back().unwrap_or(' ') {
        ';' | ':' | '.' | '!' | '?' | '…' | '；' | '。' => Cut::Clause,
        ',' | '，' | '、' if joins => Cut::Conjunction,
        '–' | '—' => Cut::Conjunction,
        ',' | '，' | '、' => Cut::Comma,
        _ if bare == "-" || matches!(next, "-" | "–" | "—") => Cut::Conjunction,
        _ if joins => Cut::Joined,
        _ => Cut::Space,
    }
}

/// Fewer bytes where words together have more tokens than each for itself.
fn shortened(rest: &str, mut at: usize, most: usize, tokens: &impl Fn(&str) -> usize) -> usize {
    while at > prefix(rest, 1) && tokens(rest[..at].trim_end()) > most {
        at = rest.floor_char_boundary(at / 2).max(prefix(rest, 1));
    }
    at
}

/// Where a word that is too long by itself is cut: at least one character, whole graphemes where they fit.
fn inside_word(seen: &str, most: usize, tokens: &impl Fn(&str) -> usize) -> usize {
    let word = &seen[..seen.find(char::is_whitespace).unwrap_or(seen.len())];
    let ends: Vec<usize> = word.grapheme_indices(true).map(|(at, g)| at + g.len()).collect();
    // A longer prefix has at least as many tokens, or nearly: the last end that fits is found by halving.
    let fits = ends.partition_point(|&end| tokens(&word[..end]) <= most);
    let space = seen.len() - seen.trim_start().len();
    match fits.checked_sub(1).map(|last| ends[last]) {
        Some(end) => end,
        // One grapheme of very many marks, or white space that stands first.
        None => prefix(seen, most).max(prefix(seen, 1)).max(space),
    }
}

/// Bytes of the first characters.
fn prefix(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

/// Words before which a sentence falls into two.
fn is_conjunction(word: &str, language: Option<Language>) -> bool {
    let list: &[&str] = match language {
        Some(Language::German) => &[
            "aber", "als", "bevor", "da", "damit", "dass", "daß", "denn", "doch", "indem", "nachdem", "obwohl", "oder",
            "sobald", "sodass", "sondern", "und", "weil", "wenn", "während", "wobei",
        ],
        Some(Language::English) => &[
            "although", "and", "because", "before", "but", "if", "or", "since", "so", "though", "unless", "until",
            "when", "whereas", "which", "while", "who",
        ],
        Some(Language::French) => &[
            "afin", "alors", "car", "comme", "donc", "et", "lorsque", "mais", "ou", "parce", "pendant", "puisque",
            "quand", "qui", "si", "tandis",
        ],
        None => &[],
    };
    list.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A token a word, or for every eight characters of it.
    fn words(text: &str) -> usize {
        text.split_whitespace().map(|w| w.chars().count().div_ceil(8)).sum()
    }

    fn cut(text: &str, most: usize) -> Vec<&str> {
        cut_long(text, most, Some(Language::German), words).iter().map(|s| s.text).collect()
    }

    #[test]
    fn sensible_places_come_first() {
        assert_eq!(cut("Das passt so.", 5), ["Das passt so."]);
        assert_eq!(
            cut("Es regnet, es ist kalt; wir gehen, und er auch.", 6),
            ["Es regnet, es ist kalt;", "wir gehen, und er auch."]
        );
        assert_eq!(
            cut("Er kam, sah und blieb, aber nicht lang genug.", 6),
            ["Er kam, sah und blieb,", "aber nicht lang genug."]
        );
        assert_eq!(cut("Rot, grün, blau, gelb, braun, lila, grau", 4), ["Rot, grün, blau,", "gelb, braun, lila, grau"]);
        assert_eq!(cut("eins zwei drei vier fünf und sechs", 6), ["eins zwei drei vier fünf", "und sechs"]);
        assert_eq!(cut("eins zwei drei vier fünf sechs sieben", 3), ["eins zwei drei", "vier fünf", "sechs sieben"]);
        // Only a word that is too long alone is cut inside, and not between a letter and its mark.
        assert_eq!(cut(&"e\u{301}".repeat(16), 2), ["e\u{301}".repeat(8), "e\u{301}".repeat(8)]);
    }

    #[test]
    fn the_work_grows_with_the_text() {
        for text in [
            "x".repeat(1 << 20),
            "ab ".repeat(1 << 18),
            " ".repeat(1 << 16) + &"e".repeat(9) + &"\u{301}".repeat(1 << 18),
        ] {
            let seen = std::cell::Cell::new(0);
            let counted = |part: &str| {
                seen.set(seen.get() + part.len());
                words(part)
            };
            let parts = cut_long(&text, 100, None, counted);
            assert!(parts.iter().all(|p| words(p.text) <= 100));
            assert!(seen.get() < 40 * text.len(), "{} bytes read of {}", seen.get(), text.len());
        }
    }

    proptest! {
        #[test]
        fn parts_are_the_sentence_and_fit(text in "[ab,;é\u{301}…. \u{A0}\u{3000}]{0,200}|\\PC{0,60}", most in 1usize..12) {
            let parts = cut_long(&text, most, None, words);
            let joined: String = parts.iter().flat_map(|p| [p.text, p.space]).collect();
            prop_assert_eq!(&joined, &text);
            for p in &parts {
                prop_assert!(words(p.text) <= most, "{:?} has {}", p.text, words(p.text));
                prop_assert!(p.text.trim_end() == p.text && (p.text.trim() == p.text || text.starts_with(char::is_whitespace)));
            }
        }
    }
}
