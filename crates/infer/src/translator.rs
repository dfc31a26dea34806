//! A model at work on many sentences, one replica a thread.

use crate::chunks::in_chunks;
use crate::generator::generate;
use crate::likelihood::log_probs;
use crate::{GeneratorConfig, Hypothesis};
use lsra_exec::{Directions, Eager, Packed, Weights};
use lsra_kernels::Isa;
use lsra_kernels::denormals::flush_denormals;
use lsra_kernels::gemm::Precision;
use lsra_model::Model;

/// Translations of all sources in f32, in order; of each, `config.beam` hypotheses, best first (fewer only where a target
/// vocabulary or a limit of length has no more).
///
/// sources: ids, `</s>` at the end. Panics where one is empty or longer than the model's positions.
pub fn translate_corpus(
    isa: Isa,
    model: &Model,
    weights: &Weights,
    sources: &[Vec<u32>],
    config: &GeneratorConfig,
    threads: usize,
) -> Vec<Vec<Hypothesis>> {
    Translator::new(isa, model, weights, Precision::F32).translate(sources, config, threads)
}

/// A model, packed for inference. Threads share it; each runs its own single-threaded executor over it.
pub struct Translator<'a> {
    isa: Isa,
    model: &'a Model,
    weights: &'a Weights,
    packed: Packed,
}

impl<'a> Translator<'a> {
    /// Packs the weights for this instruction set and products of this precision.
    pub fn new(isa: Isa, model: &'a Model, weights: &'a Weights, precision: Precision) -> Translator<'a> {
        let packed = Packed::with_precision(isa, model, weights, Directions::Forward, precision);
        Translator { isa, model, weights, packed }
    }

    /// As [`translate_corpus`].
    pub fn translate(&self, sources: &[Vec<u32>], config: &GeneratorConfig, threads: usize) -> Vec<Vec<Hypothesis>> {
        let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
        in_chunks(&lengths, threads, |chunk| {
            let _flushed = flush_denormals();
            let sources: Vec<&[u32]> = chunk.iter().map(|&i| sources[i].as_slice()).collect();
            generate(&mut self.executor(), self.model, &sources, config)
        })
    }

    /// The log-probability of each token of each target, in nats, given the source of the same place.
    ///
    /// Both sides: ids, `</s>` at the end. Panics where sides differ in number, or a sentence is empty or longer than the
    /// model's positions.
    pub fn log_probs(&self, sources: &[Vec<u32>], targets: &[Vec<u32>], threads: usize) -> Vec<Vec<f32>> {
        assert_eq!(sources.len(), targets.len(), "sources and targets");
        let lengths: Vec<usize> = sources.iter().zip(targets).map(|(s, t)| s.len() + t.len()).collect();
        in_chunks(&lengths, threads, |chunk| {
            let _flushed = flush_denormals();
            let pairs: Vec<_> = chunk.iter().map(|&i| (sources[i].as_slice(), targets[i].as_slice())).collect();
            log_probs(&mut self.executor(), self.model, &pairs)
        })
    }

    fn executor(&self) -> Eager<'_> {
        Eager::new(self.isa, self.model, self.weights, &self.packed)
    }
}
