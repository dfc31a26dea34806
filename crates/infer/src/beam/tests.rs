//! The search against fairseq's own procedure, written down again with its arrays, on a language made of hashes.

use super::*;
use proptest::prelude::*;

const WORDS: usize = 9;

/// Log-probabilities of what follows a prefix: any numbers that depend on it do. Multiples of 1/8 keep sums exact and make
/// ties happen.
fn next(seed: u64, prefix: &[u32]) -> Vec<f32> {
    let mut h = seed;
    for &t in prefix {
        h = (h ^ u64::from(t + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    (0..WORDS as u64)
        .map(|w| {
            let x = (h ^ w).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            -(((x >> 40) % 64) as f32) / 8.0
        })
        .collect()
}

fn search(seed: u64, config: &GeneratorConfig, max_len: usize) -> Vec<Hypothesis> {
    let (mut beam, mut shared) = (Beam::default(), Shared::default());
    beam.restart(config, max_len);
    let mut prefixes: Vec<Vec<u32>> = vec![Vec::new()];
    loop {
        let rows: Vec<Vec<f32>> = prefixes.iter().map(|p| next(seed, p)).collect();
        let going_on = beam.advance(config, &mut shared, |i| rows[i].as_slice());
        if going_on.is_empty() {
            return beam.hypotheses(&shared.words);
        }
        prefixes = going_on.iter().map(|c| [prefixes[c.parent].as_slice(), &[c.token]].concat()).collect();
    }
}

/// fairseq's `SequenceGenerator._generate` for one sentence: all `beam` rows from the start, the first step from row 0 only.
fn fairseq(seed: u64, config: &GeneratorConfig, max_len: usize) -> Vec<Hypothesis> {
    let beam = config.beam.min(WORDS - 1);
    let mut tokens = vec![vec![EOS]; beam];
    let mut scores: Vec<Vec<f32>> = vec![Vec::new(); beam];
    let mut finalized = Vec::new();
    for step in 0..=max_len {
        let mut lprobs: Vec<Vec<f32>> = tokens.iter().map(|t| next(seed, &t[1..])).collect();
        for (row, t) in lprobs.iter_mut().zip(&tokens) {
            row[PAD as usize] = f32::NEG_INFINITY;
            if step >= max_len {
                (0..WORDS).filter(|&w| w != EOS as usize).for_each(|w| row[w] = f32::NEG_INFINITY);
            } else if step < config.min_len {
                row[EOS as usize] = f32::NEG_INFINITY;
            }
            let n = config.no_repeat_ngram;
            if n > 0 && step + 2 >= n {
                let last = &t[step + 2 - n..];
                t.windows(n).filter(|w| w[..n - 1] == *last).for_each(|w| row[w[n - 1] as usize] = f32::NEG_INFINITY);
            }
        }
        let rows = if step == 0 { 1 } else { beam };
        let mut all: Vec<(usize, usize, f32)> = (0..rows)
            .flat_map(|b| (0..WORDS).map(move |w| (b, w)))
            .map(|(b, w)| (b, w, lprobs[b][w] + scores[b].last().copied().unwrap_or(0.0)))
            .collect();
        all.sort_by(|a, b| b.2.partial_cmp(&a.2).unwrap());
        all.truncate((2 * beam).min(rows * WORDS - 1));
        let eos = |c: &(usize, usize, f32)| c.1 == EOS as usize;
        if step >= config.min_len {
            for c in all.iter().take(beam).filter(|c| eos(c) && c.2 > f32::NEG_INFINITY) {
                if finalized.len() < beam {
                    let sums: Vec<f32> = scores[c.0].iter().copied().chain([c.2]).collect();
                    let log_probs =
                        (0..sums.len()).map(|i| if i == 0 { sums[0] } else { sums[i] - sums[i - 1] }).collect();
                    let score = c.2 / ((step + 1) as f32).powf(config.length_penalty);
                    let tokens = [&tokens[c.0][1..], &[EOS]].concat();
                    finalized.push(Hypothesis { tokens, score, log_probs });
                }
            }
        }
        if finalized.len() == beam {
            break;
        }
        let active: Vec<_> = all.iter().filter(|c| !eos(c)).take(beam).collect();
        assert!(step < max_len, "fairseq always finishes");
        let longer = |c: &&(usize, usize, f32)| [tokens[c.0].as_slice(), &[c.1 as u32]].concat();
        let summed = |c: &&(usize, usize, f32)| [scores[c.0].as_slice(), &[c.2]].concat();
        (tokens, scores) = (active.iter().map(longer).collect(), active.iter().map(summed).collect());
    }
    finalized.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap());
    finalized
}

fn configs() -> impl Strategy<Value = GeneratorConfig> {
    // Beams of at most half the words: beyond, fairseq goes on with continuations of probability 0.
    (1usize..=3, 0i32..9, 0usize..4, prop_oneof![Just(0usize), 2usize..4]).prop_map(
        |(beam, quarters, min_len, no_repeat_ngram)| GeneratorConfig {
            beam,
            length_penalty: quarters as f32 / 4.0,
            min_len,
            no_repeat_ngram,
            ..GeneratorConfig::default()
        },
    )
}

proptest! {
    #[test]
    fn searches_as_fairseq_does(seed: u64, config in configs(), max_len in 4usize..12) {
        prop_assert_eq!(search(seed, &config, max_len), fairseq(seed, &config, max_len));
    }

    #[test]
    fn settings_hold(seed: u64, config in configs(), max_len in 4usize..12) {
        let found = search(seed, &config, max_len);
        prop_assert_eq!(found.len(), config.beam);
        prop_assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
        for h in &found {
            let (last, words) = h.tokens.split_last().unwrap();
            prop_assert_eq!(*last, EOS);
            prop_assert!(!words.contains(&EOS) && !words.contains(&PAD));
            prop_assert!((config.min_len..=max_len).contains(&words.len()));
            if config.no_repeat_ngram > 0 {
                let ngrams: Vec<_> = words.windows(config.no_repeat_ngram).collect();
                prop_assert!(ngrams.iter().enumerate().all(|(i, n)| !ngrams[..i].contains(n)));
            }
        }
    }
}

#[test]
fn a_wide_beam_finds_the_best_there_is() {
    // Of at most two words: 1 + 7 + 49 translations, all kept by a beam of 8 over 9 words.
    let config = GeneratorConfig { beam: 8, length_penalty: 0.0, min_len: 0, ..GeneratorConfig::default() };
    for seed in 0..50 {
        let mut best = f32::NEG_INFINITY;
        let words: Vec<u32> = (0..WORDS as u32).filter(|&w| w != EOS && w != PAD).collect();
        let prefixes = std::iter::once(vec![]).chain(words.iter().map(|&w| vec![w]));
        for prefix in prefixes {
            let sum: f32 = (0..prefix.len()).map(|i| next(seed, &prefix[..i])[prefix[i] as usize]).sum();
            best = best.max(sum + next(seed, &prefix)[EOS as usize]);
        }
        assert_eq!(search(seed, &config, 1)[0].score, best, "seed {seed}");
    }
}

#[test]
fn where_every_word_is_banned_the_sentence_ends() {
    // No word twice, and more words asked for than there are.
    let config = GeneratorConfig { beam: 2, min_len: 50, no_repeat_ngram: 1, ..GeneratorConfig::default() };
    for h in search(7, &config, 100) {
        assert_eq!(h.tokens.len(), WORDS - 2 + 1, "each word but the padding once: {:?}", h.tokens);
    }
}
