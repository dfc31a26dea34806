//! Classes of characters as Perl's `\p{…}` has them.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// `\p{IsAlnum}`: letters, marks and letter-like numbers that count as letters, and decimal digits.
pub(super) fn alphanumeric(c: char) -> bool {
    // Numbers are asked for first because few characters are: the category is a search in a table.
    c.is_alphabetic() || c.is_ascii_digit() || (c.is_numeric() && decimal(c))
}

/// `\d`, that is `\p{Nd}`.
pub(super) fn decimal(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.general_category() == GeneralCategory::DecimalNumber)
}

/// `\p{IsSc}`.
pub(super) fn currency(c: char) -> bool {
    c == '$' || (!c.is_ascii() && c.general_category() == GeneralCategory::CurrencySymbol)
}

/// Chinese, Japanese, Korean and their neighbours, written without spaces between words.
pub(super) fn cjk(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11FF}' // Hangul Jamo
        | '\u{2E80}'..='\u{A4CF}' // radicals, kana, ideographs, Yi
        | '\u{A840}'..='\u{A87F}' // Phags-pa
        | '\u{AC00}'..='\u{D7AF}' // Hangul syllables
        | '\u{F900}'..='\u{FAFF}' // compatibility ideographs
        | '\u{FE30}'..='\u{FE4F}' // compatibility forms
        | '\u{FF65}'..='\u{FFDC}' // half-width katakana and Hangul
        | '\u{17000}'..='\u{18AFF}' // Tangut
        | '\u{1B000}'..='\u{1B12F}' // kana supplement and extension
        | '\u{1B170}'..='\u{1B2FF}' // Nushu
        | '\u{20000}'..='\u{2FFFF}' // the supplementary ideographic plane
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for c in ['a', 'ß', 'Ⅷ', '7', '٣', 'ª', '漢', 'ा'] {
            assert!(alphanumeric(c), "{c}");
        }
        for c in ['½', '²', '①', '_', '€', '\u{301}', '\u{200b}', '-'] {
            assert!(!alphanumeric(c), "{c}");
        }
        assert!(decimal('٣') && decimal('0') && !decimal('²') && !decimal('x'));
        assert!(['$', '€', '£', '฿'].into_iter().all(currency) && !currency('₀'));
        assert!(cjk('漢') && cjk('가') && !cjk('é'));
    }
}
