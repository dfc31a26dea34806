//! Translations of the same sentences as the model learns.

use crate::document::visible;
use crate::run_log::{Record, Sample};
use maud::{Markup, html};

/// Epochs whose translations are shown, the first and the last among them.
const EPOCHS: usize = 12;

/// Letters of a text that are shown.
const LETTERS: usize = 400;

/// A block for each sentence, a line for each epoch.
pub(super) fn samples(record: &Record) -> Markup {
    let all: Vec<&Sample> = record.samples.values().filter(|s| !s.translations.is_empty()).collect();
    let shown: Vec<&Sample> = spread(all.len(), EPOCHS).map(|i| all[i]).collect();
    let Some(last) = shown.last() else { return html! {} };
    html! {
        @for sentence in &last.translations {
            div.sample { dl {
                dt.given { "source" } dd.given { (text(&sentence.source)) }
                dt.given { "reference" } dd.given { (text(&sentence.reference)) }
                // By its source: another resumption may have shown other sentences.
                @for sample in &shown { @for t in sample.translations.iter().filter(|t| t.source == sentence.source) {
                    dt { "epoch " (sample.epoch) } dd { (text(&t.translation)) }
                } }
            } }
        }
        @if shown.len() < all.len() { p.none { "Of " (all.len()) " epochs, " (shown.len()) " are shown." } }
    }
}

/// At most `most` of `count` numbers from 0, evenly, the first and the last among them.
fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(most);
    (0..shown).map(move |i| if shown < 2 { 0 } else { i * (count - 1) / (shown - 1) })
}

fn text(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => visible(&text[..end]) + "…",
        None if text.is_empty() => "–".to_owned(),
        None => visible(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_spread_from_first_to_last() {
        assert_eq!(spread(3, 12).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(100, 4).collect::<Vec<_>>(), [0, 33, 66, 99]);
        assert_eq!(spread(0, 4).count() + spread(5, 0).count(), 0);
        assert_eq!(text(&"ä".repeat(1000)).chars().count(), LETTERS + 1);
    }
}
