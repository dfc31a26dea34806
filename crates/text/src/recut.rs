//! A training text cut anew for each epoch, with BPE-dropout.

use crate::bpe::Dropping;
use crate::random::Random;
use crate::{Bpe, Prepared, Vocabulary};

/// The training text of a [`Prepared`] corpus, to be cut with merges left out at random. How a sentence is cut follows from seed,
/// epoch, sentence and side alone: there is no state to save, and any thread may cut it.
pub struct Recut<'a> {
    sides: [Side<'a>; 2],
}

struct Side<'a> {
    dropping: Dropping<'a>,
    vocabulary: &'a Vocabulary,
    lines: &'a [String],
}

/// Keeps these streams apart from those of the batches' order, which are named by fewer words.
const BPE_DROPOUT: u64 = 0xB9E;

impl<'a> Recut<'a> {
    /// None where the text came cut into pieces.
    pub fn new(text: &'a Prepared) -> Option<Recut<'a>> {
        let side = |bpe: &'a Option<Bpe>, vocabulary, lines| {
            bpe.as_ref().map(|bpe| Side { dropping: Dropping::new(bpe), vocabulary, lines })
        };
        let source = side(&text.source_bpe, &text.source_vocabulary, &text.texts.train.source)?;
        let target = side(&text.target_bpe, &text.target_vocabulary, &text.texts.train.target)?;
        Some(Recut { sides: [source, target] })
    }

    /// Source and target ids of training pair `sentence`, from 0, in `epoch`, `</s>` at their ends; a merge is left out with probability
    /// `rate` at each step. Ids of a rate of 0 are those of the corpus. Panics where there is no such pair.
    pub fn pair(&self, rate: f32, seed: u64, epoch: u64, sentence: u32) -> [Vec<u32>; 2] {
        [0, 1].map(|side| {
            let Side { dropping, vocabulary, lines } = &self.sides[side];
            let mut random = Random::stream(&[BPE_DROPOUT, seed, epoch, u64::from(sentence), side as u64]);
            dropping.encode(&lines[sentence as usize], vocabulary, rate, &mut random)
        })
    }
}
