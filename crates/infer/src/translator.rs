//! A model at work on many sentences, one replica a thread.

use crate::attention::{Attention, attention};
use crate::chunks::in_chunks;
use crate::generator::Generator;
use crate::likelihood::log_probs;
use crate::{GeneratorConfig, Hypothesis};
use lsra_exec::{Directions, Eager, Packed, Weights, Workspace};
use lsra_kernels::Isa;
use lsra_kernels::denormals::flush_denormals;
use lsra_kernels::gemm::Precision;
use lsra_model::Model;
use std::sync::Mutex;

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
    /// Those that no thread works with: as many as ever worked at a time.
    idle: Mutex<Vec<Replica>>,
}

/// What one thread works in. It has grown to the largest chunk that it met.
#[derive(Default)]
struct Replica {
    workspace: Workspace,
    generator: Generator,
}

impl<'a> Translator<'a> {
    /// Packs the weights for this instruction set and products of this precision.
    pub fn new(isa: Isa, model: &'a Model, weights: &'a Weights, precision: Precision) -> Translator<'a> {
        let packed = Packed::with_precision(isa, model, weights, Directions::Forward, precision);
        Translator { isa, model, weights, packed, idle: Mutex::default() }
    }

    /// Bytes of the packed weights.
    pub fn packed_bytes(&self) -> usize {
        self.packed.bytes()
    }

    /// As [`translate_corpus`].
    pub fn translate(&self, sources: &[Vec<u32>], config: &GeneratorConfig, threads: usize) -> Vec<Vec<Hypothesis>> {
        let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
        let found = in_chunks(&lengths, threads, |chunk| {
            let _flushed = flush_denormals();
            let sources: Vec<&[u32]> = chunk.iter().map(|&i| sources[i].as_slice()).collect();
            self.with_replica(|e, generator| generator.generate(e, self.model, &sources, config))
        });
        self.release_tables();
        found
    }

    /// The log-probability of each token of each target, in nats, given the source of the same place.
    ///
    /// Both sides: ids, `</s>` at the end. Panics where sides differ in number, or a sentence is empty or longer than the
    /// model's positions.
    pub fn log_probs(&self, sources: &[Vec<u32>], targets: &[Vec<u32>], threads: usize) -> Vec<Vec<f32>> {
        assert_eq!(sources.len(), targets.len(), "sources and targets");
        let lengths: Vec<usize> = sources.iter().zip(targets).map(|(s, t)| s.len() + t.len()).collect();
        let found = in_chunks(&lengths, threads, |chunk| {
            let _flushed = flush_denormals();
            let pairs: Vec<_> = chunk.iter().map(|&i| (sources[i].as_slice(), targets[i].as_slice())).collect();
            self.with_replica(|e, _| log_probs(e, self.model, &pairs))
        });
        self.release_tables();
        found
    }

    /// What each token of each target looked at in the source of the same place, by the decoder's `layer`, from 0;
    /// [`alignment_layer`](crate::alignment_layer) names the best one.
    ///
    /// Both sides as for [`Translator::log_probs`], which it panics like, and where there is no such layer.
    pub fn attention(
        &self,
        layer: usize,
        sources: &[Vec<u32>],
        targets: &[Vec<u32>],
        threads: usize,
    ) -> Vec<Attention> {
        assert_eq!(sources.len(), targets.len(), "sources and targets");
        let lengths: Vec<usize> = sources.iter().zip(targets).map(|(s, t)| s.len() + t.len()).collect();
        let found = in_chunks(&lengths, threads, |chunk| {
            let _flushed = flush_denormals();
            let pairs: Vec<_> = chunk.iter().map(|&i| (sources[i].as_slice(), targets[i].as_slice())).collect();
            self.with_executor(|e, _| attention(e, self.model, layer, &pairs))
        });
        self.release_tables();
        found
    }

    /// Of tables that lie in a mapped file, the pages of words that occurred go back to the system: it keeps them at hand while it has
    /// room, and a word costs a fault when it occurs again.
    fn release_tables(&self) {
        for embedding in [&self.model.encoder.embedding, &self.model.decoder.embedding] {
            self.weights.get(embedding.table).release();
        }
    }

    fn with_replica<R>(&self, work: impl FnOnce(&mut Eager<'_>, &mut Generator) -> R) -> R {
        self.with_executor(|mut e, generator| {
            let result = work(&mut e, generator);
            (e, result)
        })
    }

    /// As [`Self::with_replica`], for work that lends the executor on.
    fn with_executor<'s, R>(&'s self, work: impl FnOnce(Eager<'s>, &mut Generator) -> (Eager<'s>, R)) -> R {
        let idle = || self.idle.lock().expect("no thread panics while it takes a replica");
        let Replica { workspace, mut generator } = idle().pop().unwrap_or_default();
        let e = Eager::within(workspace, self.isa, self.model, self.weights, &self.packed);
        let (e, result) = work(e, &mut generator);
        idle().push(Replica { workspace: e.into_workspace(), generator });
        result
    }
}
