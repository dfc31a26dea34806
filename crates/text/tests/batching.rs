//! Batches against fairseq's procedure, written out over lists as it has it.

use lsra_text::{BatchLimits, Batches, Corpus, EOS, TextError};
use proptest::prelude::*;

/// A corpus of pairs of these lengths, `</s>` included.
fn corpus(lengths: &[(usize, usize)]) -> Corpus {
    let sentence = |n: usize, first: u32| (0..n as u32 - 1).map(|i| first + i).chain([EOS]).collect();
    Corpus {
        source: lengths.iter().map(|&(s, _)| sentence(s, 10)).collect(),
        target: lengths.iter().map(|&(_, t)| sentence(t, 20)).collect(),
    }
}

/// `batch_by_size_fast` of fairseq, over the order that `ordered_indices` gives without shuffling.
fn reference(lengths: &[(usize, usize)], max_tokens: usize, multiple: usize) -> Vec<Vec<u32>> {
    let mut order: Vec<u32> = (0..lengths.len() as u32).collect();
    order.sort_by_key(|&i| lengths[i as usize].1);
    order.sort_by_key(|&i| lengths[i as usize].0);
    let (mut batches, mut batch, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut longest = 0;
    for i in order {
        let size = lengths[i as usize].0.max(lengths[i as usize].1);
        sizes.push(size);
        longest = longest.max(size);
        if !batch.is_empty() && (batch.len() + 1) * longest > max_tokens {
            let n = (multiple * (batch.len() / multiple)).max(batch.len() % multiple);
            batches.push(batch[..n].to_vec());
            batch = batch[n..].to_vec();
            sizes = sizes[n..].to_vec();
            longest = sizes.iter().copied().max().unwrap_or(0);
        }
        batch.push(i);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

fn limits(max_tokens: usize, multiple: usize) -> BatchLimits {
    BatchLimits { max_tokens, multiple, ..BatchLimits::default() }
}

proptest! {
    #[test]
    fn batches_equal_the_procedure(
        lengths in prop::collection::vec((1usize..40, 1usize..40), 1..300),
        max_tokens in 40usize..400,
        multiple in 1usize..10,
    ) {
        let corpus = corpus(&lengths);
        let batches = Batches::in_order(&corpus, &limits(max_tokens, multiple)).unwrap();
        let sentences: Vec<Vec<u32>> = batches.batches.into_iter().map(|b| b.sentences).collect();
        prop_assert_eq!(sentences, reference(&lengths, max_tokens, multiple));
    }

    #[test]
    fn every_pair_is_in_one_batch(lengths in prop::collection::vec((1usize..60, 1usize..60), 1..200), seed: u64) {
        let corpus = corpus(&lengths);
        let limits = BatchLimits { max_source: 50, max_target: 40, ..limits(100, 8) };
        prop_assume!(lengths.iter().any(|&(s, t)| s <= 50 && t <= 40));
        let batches = Batches::shuffled(&corpus, &limits, seed).unwrap();
        for &i in &batches.too_long {
            let (s, t) = lengths[i as usize];
            prop_assert!(s > 50 || t > 40);
        }
        let mut all: Vec<u32> = batches.batches.iter().flat_map(|b| b.sentences.clone()).chain(batches.too_long).collect();
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..lengths.len() as u32));
    }
}

#[test]
fn order_depends_on_seed_and_epoch_alone() {
    let lengths: Vec<(usize, usize)> = (0..500).map(|i| (1 + i % 13, 1 + i % 7)).collect();
    let corpus = corpus(&lengths);
    let batches = |seed| Batches::shuffled(&corpus, &limits(64, 8), seed).unwrap();
    assert_eq!(batches(1), batches(1));
    assert_ne!(batches(1).batches, batches(2).batches);
    let one = batches(1);
    assert_eq!(one.epoch_order(3), batches(1).epoch_order(3));
    assert_ne!(one.epoch_order(3), one.epoch_order(4));
    assert_ne!(one.epoch_order(1), (0..one.len() as u32).collect::<Vec<_>>());
    let mut order = one.epoch_order(9);
    order.sort_unstable();
    assert!(order.into_iter().eq(0..one.len() as u32));
}

#[test]
fn what_fits_nowhere_is_named() {
    let corpus = corpus(&[(3, 4), (90, 8)]);
    let error = Batches::in_order(&corpus, &limits(64, 8)).unwrap_err();
    assert!(matches!(error, TextError::SentenceExceedsBatch { sentence: 1, length: 90, max_tokens: 64 }), "{error}");
    let none = BatchLimits { max_source: 2, ..limits(64, 8) };
    assert!(matches!(Batches::in_order(&corpus, &none), Err(TextError::NothingFits { sentences: 2, .. })));
}
