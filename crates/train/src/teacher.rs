//! The model that a student learns from besides its text.

use crate::error::TrainError;
use crate::tape::{PairBatch, pair_outputs};
use lsra_exec::{Directions, Eager, Packed, Weights};
use lsra_kernels::Isa;
use lsra_kernels::distil::TeacherRows;
use lsra_kernels::gemm::Precision;
use lsra_kernels::{Rows, trace};
use lsra_model::{Model, ModelConfig};
use lsra_tensor::Tensor;

/// A model that does not change, packed once. All lanes read it at the same time.
pub struct Teacher {
    isa: Isa,
    model: Model,
    weights: Weights,
    packed: Packed,
}

/// What is learnt from a teacher.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// Whom to follow.
    pub teacher: &'a Teacher,
    /// The share of the loss that is the distance to its distribution, from 0 to 1.
    pub share: f32,
    /// What logits are divided by where distributions are compared.
    pub temperature: f32,
}

impl Teacher {
    /// Packs a model for forward passes on this instruction set, with products of this precision.
    pub fn new(isa: Isa, model: Model, weights: Weights, precision: Precision) -> Teacher {
        let packed = Packed::with_precision(isa, &model, &weights, Directions::Forward, precision);
        Teacher { isa, model, weights, packed }
    }

    /// Errors: a table or the positions do not fit a student of these dimensions.
    pub(crate) fn check(&self, student: &ModelConfig) -> Result<(), TrainError> {
        let teacher = &self.model.config;
        for (what, there, here) in [
            ("source vocabulary", teacher.source_vocabulary, student.source_vocabulary),
            ("target vocabulary", teacher.target_vocabulary, student.target_vocabulary),
        ] {
            if there != here {
                return Err(TrainError::TeacherMisfit { what, there, expected: here.to_string() });
            }
        }
        let (there, here) = (teacher.max_positions, student.max_positions);
        if there < here {
            let expected = format!("at least {here}");
            return Err(TrainError::TeacherMisfit { what: "count of positions", there, expected });
        }
        Ok(())
    }

    /// What its output projection reads of every target token, `[tokens, its channels]`, without dropout.
    pub(crate) fn outputs(&self, batch: &PairBatch) -> Tensor {
        let _span = trace::phase("teacher", [batch.source.ids.len(), batch.target_output.len()]);
        let mut eager = Eager::new(self.isa, &self.model, &self.weights, &self.packed);
        // A copy, so that all that the pass worked in is free before the student's begins.
        pair_outputs(&mut eager, &self.model, batch).to_owned_copy()
    }

    /// What turns these outputs into its logits.
    pub(crate) fn rows<'a>(&'a self, outputs: &'a Tensor) -> TeacherRows<'a> {
        let x = Rows::new(outputs.data(), outputs.rows(), outputs.columns());
        TeacherRows { x, w: self.packed.forward(self.model.decoder.output.weight) }
    }

    /// A number that differs, in all likelihood, between different teachers: FNV-1a over all weights.
    pub(crate) fn fingerprint(&self) -> u64 {
        let words = self.weights.iter().flat_map(|t| t.data().iter().map(|x| u64::from(x.to_bits())));
        words.fold(0xCBF2_9CE4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01B3))
    }
}
