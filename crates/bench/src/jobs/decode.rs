//! Translating: 30 tokens in, exactly 30 out, random weights, one core.

use super::model::{config, sentences, with_weights};
use super::train::widened;
use crate::kernels::data::bytes_of;
use crate::{Bound, Case, Plan, Unit};
use lsra_exec::Weights;
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::gemm::Precision;
use lsra_kernels::{Isa, work};
use lsra_model::{Model, ModelConfig};

/// Tokens of a source and of a translation.
const LENGTH: usize = 30;
/// Whom a user might take instead: the Transformers of nearest multiply-adds and of nearest quality, and the one of peers' records.
const RIVALS: [&str; 3] = ["transformer-128-256", "transformer-192-384", "transformer-128-512"];

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for precision in Precision::ALL {
        for [batch, beam] in [[1, 1], [1, 4], [32, 1], [32, 4]] {
            let stem = format!("decode/iwslt-160/{precision}/batch{batch}/beam{beam}/1-thread");
            plans.push(Plan::new(stem.clone(), move |isa| speed(isa, precision, batch, beam)));
            // The same again beside each rival: a figure has one baseline.
            for rival in if precision == Precision::Bf16 { &[][..] } else { &RIVALS } {
                let peer = format!("decode/{rival}/{precision}/batch{batch}/beam{beam}");
                plans.push(Plan::new(format!("{stem}/against/{rival}"), move |isa| {
                    speed(isa, precision, batch, beam).peer(peer, 1.0)
                }));
            }
        }
    }
    for length in [10, 20, 40, 80, 160] {
        let name = format!("scaling/decode/length/{length}");
        plans.push(Plan::new(name, move |isa| cost(isa, &config("iwslt-160"), length)));
    }
    for width in [80, 160, 320, 640] {
        plans.push(Plan::new(format!("scaling/decode/width/{width}"), move |isa| cost(isa, &widened(width), LENGTH)));
    }
    plans
}

/// Greedy or beam search whose translations all have this length, `</s>` not counted.
fn search(beam: usize, length: usize) -> GeneratorConfig {
    GeneratorConfig { beam, min_len: length, max_len_a: 0.0, max_len_b: length, ..GeneratorConfig::default() }
}

struct Job {
    isa: Isa,
    model: Model,
    weights: Weights,
    sources: Vec<Vec<u32>>,
    search: GeneratorConfig,
}

impl Job {
    fn new(isa: Isa, config: &ModelConfig, batch: usize, beam: usize, length: usize) -> Job {
        let (model, weights) = with_weights(config);
        let sources = sentences(batch, length, config.source_vocabulary, 3);
        Job { isa, model, weights, sources, search: search(beam, length - 1) }
    }

    /// One translation of all, its answer checked.
    fn case(self, precision: Precision, unit: Unit, bounded: bool) -> Case {
        // A translator borrows its model; there are few, and the process ends soon.
        let job: &'static Job = Box::leak(Box::new(self));
        let translator = Translator::new(job.isa, &job.model, &job.weights, precision);
        let before = work::multiply_adds();
        let all = translator.translate(&job.sources, &job.search, 1);
        let products = (work::multiply_adds() - before) as f64;
        // The answer: as long as asked for, and the same as of each sentence alone.
        for (source, together) in job.sources.iter().zip(&all) {
            assert_eq!(together[0].tokens.len(), job.search.min_len + 1, "tokens of a translation");
            let alone = translator.translate(std::slice::from_ref(source), &job.search, 1);
            assert_eq!(&alone[0], together, "a sentence alone and among others");
        }
        // Every step reads all of the decoder's weights: with few rows that is the bound.
        let bytes = decoder_weights(&job.model) * bytes_of(precision);
        let reads = Bound::Bytes { within: bytes, moved: (bytes * (job.search.min_len + 1)) as f64 };
        let bounds = if bounded { vec![Bound::MultiplyAdds(precision, products), reads] } else { Vec::new() };
        Case::new(unit, bounds, move || {
            translator.translate(&job.sources, &job.search, 1);
        })
    }
}

/// Weights that a step of decoding multiplies by: the decoder's, less those that make keys and values of the source, which are made once.
fn decoder_weights(model: &Model) -> usize {
    let source = |name: &str| name.contains("encoder_attn.k_proj") || name.contains("encoder_attn.v_proj");
    let stepped = |name: &str| name.starts_with("decoder.") && !source(name);
    let linears = model.linears();
    linears.iter().filter(|l| stepped(&model.params.get(l.weight).name)).map(|l| l.inputs * l.outputs).sum()
}

fn speed(isa: Isa, precision: Precision, batch: usize, beam: usize) -> Case {
    let unit = match batch {
        1 => Unit::Milliseconds { each_of: 1.0 },
        _ => Unit::Rate { amount: (batch * LENGTH) as f64, name: "tokens/s" },
    };
    Job::new(isa, &config("iwslt-160"), batch, beam, LENGTH).case(precision, unit, true)
}

/// Milliseconds of one sentence, greedily.
fn cost(isa: Isa, config: &ModelConfig, length: usize) -> Case {
    Job::new(isa, config, 1, 1, length).case(Precision::F32, Unit::Milliseconds { each_of: 1.0 }, false)
}
