//! Learning merges from text with Hugging Face's trainer.

use super::codes::{END_OF_WORD, Merge};
use std::collections::BTreeSet;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::{AddedToken, Trainer};

/// At most `count` merges learnt from words separated by spaces, the most frequent first.
pub(super) fn merges<S: AsRef<str> + Sync>(lines: &[S], count: usize) -> Vec<Merge> {
    let words = || lines.iter().flat_map(|l| l.as_ref().split(' ')).filter(|w| !w.is_empty());
    let characters: BTreeSet<char> = words().flat_map(str::chars).collect();
    // The trainer numbers the ends of words as it meets them in a hash map and settles ties between equally frequent
    // pairs by number. Handed in beforehand, in order, they make its result depend on the text alone.
    let endings: BTreeSet<char> = words().filter_map(|w| w.chars().next_back()).collect();
    let endings: Vec<AddedToken> =
        endings.into_iter().map(|c| AddedToken::from(format!("{c}{END_OF_WORD}"), false)).collect();

    let mut trainer = BpeTrainer::builder()
        .vocab_size(endings.len() + characters.len() + count)
        .special_tokens(endings)
        .end_of_word_suffix(END_OF_WORD.to_owned())
        .show_progress(false)
        .build();
    trainer
        .feed(lines.iter().map(AsRef::as_ref), |line| {
            Ok(line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect())
        })
        .expect("splitting a line cannot fail");
    let mut model = BPE::default();
    trainer.train(&mut model).expect("training on counted words cannot fail");
    learnt(&model)
}

/// The merges of a model, which shows them in its JSON only.
pub(super) fn learnt(model: &BPE) -> Vec<Merge> {
    let json = serde_json::to_value(model).expect("a model can be written");
    serde_json::from_value(json["merges"].clone()).expect("merges are pairs of strings")
}
