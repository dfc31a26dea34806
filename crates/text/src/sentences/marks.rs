//! Marks that a line begins with and no translation changes: a bullet, a heading's, a quotation's.

/// Bullets, of which one stands before an item; dashes, which also begin what somebody says.
const BULLETS: &str = "-*+•‣◦▪·–—";

/// The most `#` of a heading.
const DEEPEST: usize = 6;

/// Bytes of a line before its first word: white space, and marks with white space after them, as in `- a`, `## a` and `> * a`.
///
/// ```
/// use lsra_text::sentences::marks_before;
/// assert_eq!(["- Ja.", "  ## Ja.", "> > Ja.", "-5 Grad", "#Wetter"].map(marks_before), [2, 5, 4, 0, 0]);
/// ```
pub fn marks_before(line: &str) -> usize {
    let body = |at: usize| line.len() - line[at..].trim_start().len();
    let mut at = body(0);
    loop {
        let rest = &line[at..];
        let after = match rest.chars().next() {
            Some('#') => &rest[rest.bytes().take(DEEPEST).take_while(|&b| b == b'#').count()..],
            Some(c) if c == '>' || BULLETS.contains(c) => &rest[c.len_utf8()..],
            _ => return at,
        };
        if !after.starts_with(char::is_whitespace) {
            return at;
        }
        at = body(line.len() - after.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_followed_by_white_space() {
        for (marks, words) in [
            ("- ", "Das"),
            ("  *\t", "Das"),
            ("• \u{A0}", "Das"),
            ("###### ", "Das"),
            ("> - ", "Das"),
            ("— ", "Ja!"),
            (" ", "####### Das"),
            ("", "-Das"),
            ("", "->"),
            ("\n- ", "Das - ist\n- es"),
            ("", "1. Das"),
            ("- - ", "-"),
            ("- ", ""),
            ("", ""),
        ] {
            let line = marks.to_owned() + words;
            assert_eq!(line.split_at(marks_before(&line)), (marks, words), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_begins_with_no_white_space(line in "[-#>* a•\n]{0,12}") {
            let at = marks_before(&line);
            prop_assert_eq!(line[at..].trim_start(), &line[at..]);
            prop_assert!(!line[..at].contains('a'));
        }
    }
}
