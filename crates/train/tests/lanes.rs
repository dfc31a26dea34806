//! Batches in lanes.

use lsra_text::{Corpus, EOS};
use lsra_train::lanes::{cut, pairs};

/// Sentences whose two sides have these lengths together, as even as can be.
fn corpus(lengths: &[usize]) -> Corpus {
    let side = |n: usize| (0..n - 1).map(|i| 4 + i as u32).chain([EOS]).collect::<Vec<u32>>();
    Corpus {
        source: lengths.iter().map(|&n| side(n / 2)).collect(),
        target: lengths.iter().map(|&n| side(n - n / 2)).collect(),
    }
}

#[test]
fn every_sentence_is_in_one_lane_in_the_batchs_order() {
    let lengths: Vec<usize> = (0..97).map(|i| 2 + (i * 37) % 61).collect();
    let corpus = corpus(&lengths);
    let batch: Vec<u32> = (0..97).rev().collect();
    for lanes in [1, 2, 4, 7, 100] {
        let parts = cut(&corpus, &batch, lanes);
        assert_eq!(parts.len(), lanes);
        assert!(parts.iter().all(|p| p.is_sorted_by(|a, b| a > b)), "the batch runs backwards, and so do its lanes");
        let mut all: Vec<u32> = parts.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..97));
        // Whatever gets the longest sum got its last sentence when it had the least, so at most one sentence parts it from the rest.
        let load = |p: &Vec<u32>| p.iter().map(|&s| lengths[s as usize]).sum::<usize>();
        let (least, most) = (parts.iter().map(load).min().unwrap(), parts.iter().map(load).max().unwrap());
        assert!(most - least <= 62, "{lanes} lanes of {least} to {most} tokens");
    }
}

#[test]
fn targets_are_read_one_later_than_they_are_said() {
    let corpus = Corpus { source: vec![vec![9, 8, EOS], vec![7, EOS]], target: vec![vec![5, EOS], vec![6, 4, EOS]] };
    let batch = pairs(&corpus, &[1, 0]);
    assert_eq!(batch.source.ids, [7, EOS, 9, 8, EOS]);
    assert_eq!(batch.target_input.ids, [EOS, 6, 4, EOS, 5]);
    assert_eq!(batch.target_output, [6, 4, EOS, 5, EOS]);
    // Masks go by the sentence's number in the corpus, on both sides.
    assert_eq!(batch.source.sequences.sentences(), [1, 0]);
    assert_eq!(batch.target_input.sequences.sentences(), [1, 0]);
    assert_eq!(batch.target_input.sequences.offsets(), [0, 3, 5]);
}
