//! Emoji, as people see them: one grapheme, whatever it is joined of.

use unicode_properties::emoji::{EmojiStatus, UnicodeEmoji};

/// Makes what stands before it a picture.
const PICTURE: char = '\u{FE0F}';

/// Whether a grapheme is shown as a picture: by itself, or because it says so. Digits, `©` and the like are not.
pub(crate) fn is_emoji(grapheme: &str) -> bool {
    let Some(first) = grapheme.chars().next() else { return false };
    let shown = matches!(
        first.emoji_status(),
        EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
    );
    shown || first.is_emoji_char() && grapheme.contains(PICTURE)
}
