//! Dropout masks in f64, as training draws them.

use lsra_kernels::Isa;
use lsra_kernels::dropout::{DropoutKey, in_pass, mask_into};
use lsra_model::Sequences;
use lsra_model::config::TapsDropout;
use lsra_model::layers::{Convolution, Dropout, Taps};

/// The sentence number of a mask that a whole batch shares.
const WHOLE_BATCH: u64 = u64::MAX;

/// What masks are drawn from.
pub(super) enum Masks {
    /// Nothing is dropped.
    None,
    /// Those of one update.
    Of {
        /// Of the run.
        seed: u64,
        /// Which update.
        update: u64,
        /// How often the update has passed its sentences before.
        pass: u64,
    },
}

impl Masks {
    /// The masks of all sequences, one after the other, that of sequence i with `length(i)` elements; empty where nothing is dropped.
    pub fn by_sequence(&self, d: &Dropout, sequences: &Sequences, length: impl Fn(usize) -> usize) -> Vec<f64> {
        let masks = sequences.sentences().iter().enumerate();
        masks.flat_map(|(i, &sentence)| self.draw(d, sentence, length(i))).collect()
    }

    /// The masks of a convolution's taps, `[tokens, heads * kernel]`; empty where nothing is dropped.
    pub fn of_taps(&self, c: &Convolution, sequences: &Sequences) -> Vec<f64> {
        let taps = c.heads * c.kernel;
        let mode = match c.taps {
            Taps::Fixed(_) => c.dropout_mode,
            // They differ between positions, and so do their masks.
            Taps::Predicted(_) => TapsDropout::PerPosition,
        };
        match mode {
            TapsDropout::Shared => self.draw(&c.dropout, WHOLE_BATCH, taps).repeat(sequences.rows()),
            TapsDropout::PerPosition => self.by_sequence(&c.dropout, sequences, |i| sequences.length(i) * taps),
        }
    }

    fn draw(&self, d: &Dropout, sentence: u64, length: usize) -> Vec<f64> {
        match *self {
            Masks::Of { seed, update, pass } if d.rate > 0.0 => {
                let mut mask = vec![0.0; length];
                // A mask is the same on every tier.
                mask_into(
                    Isa::SCALAR,
                    DropoutKey::new(seed, update, d.site, in_pass(sentence, pass)),
                    d.rate,
                    0,
                    &mut mask,
                );
                mask.into_iter().map(f64::from).collect()
            }
            _ => Vec::new(),
        }
    }
}
