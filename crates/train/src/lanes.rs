//! Cutting a batch into lanes.

use crate::tape::PairBatch;
use lsra_kernels::trace;
use lsra_model::Tokens;
use lsra_text::{Corpus, EOS, Recut};

/// These sentences in `lanes` parts of about the same number of tokens, some of which may be empty.
///
/// The longest sentence goes first, each to the lane with the fewest tokens so far, the first of equals (Graham's rule: no
/// lane exceeds the best possible maximum by more than a third). Within a lane sentences keep the order of the batch. Nothing
/// depends on who will work on a lane.
pub fn cut(corpus: &Corpus, sentences: &[u32], lanes: usize) -> Vec<Vec<u32>> {
    let _span = trace::phase("cut batch", [sentences.len()]);
    let tokens = |s: u32| corpus.source[s as usize].len() + corpus.target[s as usize].len();
    let mut places: Vec<usize> = (0..sentences.len()).collect();
    places.sort_by_key(|&i| std::cmp::Reverse(tokens(sentences[i])));
    let mut parts = vec![Vec::new(); lanes];
    let mut loads = vec![0usize; lanes];
    for i in places {
        let lane = (0..lanes).min_by_key(|&l| loads[l]).expect("at least one lane");
        loads[lane] += tokens(sentences[i]);
        parts[lane].push(i);
    }
    parts
        .into_iter()
        .map(|mut part| {
            part.sort_unstable();
            part.into_iter().map(|i| sentences[i]).collect()
        })
        .collect()
}

/// These sentences of a corpus as a model reads them, under their numbers in it.
pub fn pairs(corpus: &Corpus, sentences: &[u32]) -> PairBatch {
    let _span = trace::phase("build batch", [sentences.len()]);
    let side = |ids: &[Vec<u32>]| sentences.iter().map(|&s| ids[s as usize].clone()).collect();
    batch(sentences, side(&corpus.source), side(&corpus.target))
}

/// How an epoch cuts its text.
#[derive(Clone, Copy)]
pub struct Cutting<'a> {
    /// The text.
    pub recut: &'a Recut<'a>,
    /// How likely a merge is left out.
    pub rate: f32,
    /// What is left out is drawn from this, and from the epoch and the sentence.
    pub seed: u64,
    /// From 1.
    pub epoch: u64,
    /// A side that becomes longer keeps its plain cut: the model's positions.
    pub longest: usize,
}

/// As [`pairs`], cut anew.
pub fn recut_pairs(corpus: &Corpus, sentences: &[u32], cutting: &Cutting<'_>) -> PairBatch {
    let _span = trace::phase("cut text", [sentences.len()]);
    let Cutting { recut, rate, seed, epoch, longest } = *cutting;
    let (mut source, mut target) = (Vec::new(), Vec::new());
    for &s in sentences {
        let fits = |ids: Vec<u32>, plain: &[Vec<u32>]| {
            if ids.len() <= longest { ids } else { plain[s as usize].clone() }
        };
        let [from, to] = recut.pair(rate, seed, epoch, s);
        source.push(fits(from, &corpus.source));
        target.push(fits(to, &corpus.target));
    }
    batch(sentences, source, target)
}

fn batch(sentences: &[u32], source: Vec<Vec<u32>>, target: Vec<Vec<u32>>) -> PairBatch {
    let numbers = || sentences.iter().map(|&s| u64::from(s)).collect::<Vec<u64>>();
    let side = |ids: &[Vec<u32>]| {
        let mut tokens = Tokens::from_sequences(ids);
        tokens.sequences = tokens.sequences.with_sentences(numbers());
        tokens
    };
    let shifted: Vec<Vec<u32>> = target.iter().map(|t| shifted_right(t)).collect();
    PairBatch { source: side(&source), target_input: side(&shifted), target_output: target.concat() }
}

/// `a b </s>` as the decoder reads it: `</s> a b`.
fn shifted_right(target: &[u32]) -> Vec<u32> {
    let before_the_end = &target[..target.len().saturating_sub(1)];
    [EOS].iter().chain(before_the_end).copied().collect()
}
