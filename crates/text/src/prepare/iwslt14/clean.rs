//! What Moses's `clean-corpus-n.perl` keeps, and the letters of `lowercase.perl`.

/// Tokens of a side.
const TOKENS: std::ops::RangeInclusive<usize> = 1..=175;

/// Characters of a token.
const CHARACTERS: usize = 1000;

/// Whether a tokenised pair is kept: 1 to 175 tokens a side, neither side more than 1.5 times as many as the other, and no token
/// of more than 1,000 characters.
pub(super) fn is_kept(source: &str, target: &str) -> bool {
    let [s, t] = [source, target].map(|side| side.split_whitespace().count());
    let endless = |side: &str| {
        side.split(|c: char| c.is_whitespace() || c == '|').any(|token| token.chars().nth(CHARACTERS).is_some())
    };
    // In whole numbers: 2 s > 3 t is s / t > 1.5.
    TOKENS.contains(&s)
        && TOKENS.contains(&t)
        && 2 * s <= 3 * t
        && 2 * t <= 3 * s
        && !endless(source)
        && !endless(target)
}

/// Small letters one by one, as Perl makes them: a Σ at the end of a word is no other letter than elsewhere.
pub(super) fn lower(line: &str) -> String {
    line.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_kept_by_tokens() {
        let tokens = |n: usize| vec!["a"; n].join(" ");
        let kept = |s: usize, t: usize| is_kept(&tokens(s), &tokens(t));
        assert!(kept(1, 1) && kept(2, 3) && kept(3, 2) && kept(175, 175) && kept(175, 117));
        assert!(!kept(0, 1) && !kept(1, 0) && !kept(1, 2) && !kept(176, 176) && !kept(175, 116));
        assert!(is_kept(&"a".repeat(1000), "b") && !is_kept("b", &"a".repeat(1001)));
    }

    #[test]
    fn letters_become_small_one_by_one() {
        assert_eq!(lower("ÄRGER ΣΑΣ İ ẞ"), "ärger σασ i\u{307} ß");
    }
}
