//! Sentences of similar length together, as fairseq batches them.
//!
//! A batch is counted as sentences x its longest side, as though it were padded, so that the updates of an epoch are
//! as many and as large as the original's, though batches here hold no padding.

use crate::random::Random;
use crate::{Corpus, TextError};

/// How much goes into a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most sentences x tokens of the longest side, `</s>` included.
    pub max_tokens: usize,
    /// Most sentences, if there is a limit.
    pub max_sentences: Option<usize>,
    /// Full batches are cut to a multiple of this many sentences.
    pub multiple: usize,
    /// Pairs with a longer source are left out: the model's source positions.
    pub max_source: usize,
    /// Pairs with a longer target are left out: the model's target positions.
    pub max_target: usize,
}

impl Default for BatchLimits {
    /// As the paper trains on IWSLT.
    fn default() -> BatchLimits {
        BatchLimits { max_tokens: 4096, max_sentences: None, multiple: 8, max_source: 1024, max_target: 1024 }
    }
}

/// The sentences that one update sees together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Numbers of pairs in the corpus.
    pub sentences: Vec<u32>,
}

/// The batches of a corpus. What is in each depends on the corpus and the seed, the order of them on the epoch too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    /// In order of length.
    pub batches: Vec<Batch>,
    /// Pairs left out because they are too long for the model.
    pub too_long: Vec<u32>,
    seed: u64,
}

impl Batches {
    /// Batches for training: pairs of one length stand in an order drawn from the seed.
    ///
    /// Errors: no pair fits the model, or one does that exceeds a whole batch.
    pub fn shuffled(corpus: &Corpus, limits: &BatchLimits, seed: u64) -> Result<Batches, TextError> {
        let mut order: Vec<u32> = (0..corpus.len() as u32).collect();
        Random::stream(&[seed, 0]).shuffle(&mut order);
        Batches::of_order(corpus, limits, order, seed)
    }

    /// Batches for validation: pairs of one length stand in the corpus's order.
    ///
    /// Errors: as [`Batches::shuffled`].
    pub fn in_order(corpus: &Corpus, limits: &BatchLimits) -> Result<Batches, TextError> {
        Batches::of_order(corpus, limits, (0..corpus.len() as u32).collect(), 0)
    }

    /// Number of batches: updates of an epoch.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there are no batches.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The order in which an epoch, from 1, takes the batches.
    pub fn epoch_order(&self, epoch: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        Random::stream(&[self.seed, epoch]).shuffle(&mut order);
        order
    }

    fn of_order(corpus: &Corpus, limits: &BatchLimits, mut order: Vec<u32>, seed: u64) -> Result<Batches, TextError> {
        let source = |s: u32| corpus.source[s as usize].len();
        let target = |s: u32| corpus.target[s as usize].len();
        // Both sorts are stable: by source, then target, then the order given.
        order.sort_by_key(|&s| (source(s), target(s)));
        let fits = |s: &u32| source(*s) <= limits.max_source && target(*s) <= limits.max_target;
        let (kept, too_long): (Vec<u32>, Vec<u32>) = order.into_iter().partition(fits);
        if kept.is_empty() {
            return Err(TextError::NothingFits {
                sentences: corpus.len(),
                max_source: limits.max_source,
                max_target: limits.max_target,
            });
        }
        let batches = cut(&kept, |s| source(s).max(target(s)), limits)?;
        Ok(Batches { batches, too_long, seed })
    }
}

/// fairseq's `batch_by_size`: sentences are added until one more would exceed a limit; then the largest multiple of
/// `limits.multiple` (all, if there are fewer) becomes a batch and the rest begins the next one.
fn cut(order: &[u32], length: impl Fn(u32) -> usize, limits: &BatchLimits) -> Result<Vec<Batch>, TextError> {
    let max_sentences = limits.max_sentences.unwrap_or(usize::MAX);
    let mut batches = Vec::new();
    let mut batch: Vec<u32> = Vec::new();
    let mut longest = 0;
    for &sentence in order {
        let tokens = length(sentence);
        if tokens > limits.max_tokens {
            return Err(TextError::SentenceExceedsBatch { sentence, length: tokens, max_tokens: limits.max_tokens });
        }
        longest = longest.max(tokens);
        let exceeds = (batch.len() + 1) * longest > limits.max_tokens;
        if !batch.is_empty() && (batch.len() == max_sentences || exceeds) {
            let multiple = limits.multiple.max(1);
            let rest = batch.split_off((batch.len() / multiple * multiple).max(batch.len() % multiple));
            batches.push(Batch { sentences: std::mem::replace(&mut batch, rest) });
            longest = batch.iter().map(|&s| length(s)).fold(tokens, usize::max);
        }
        batch.push(sentence);
    }
    if !batch.is_empty() {
        batches.push(Batch { sentences: batch });
    }
    Ok(batches)
}
