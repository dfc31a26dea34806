//! Decoding asks the system for no memory once it is warm: whatever a translation's length, it allocates its result and what reading
//! the sources takes.

mod counting;

use counting::allocations;
use lsra_exec::Weights;
use lsra_infer::{GeneratorConfig, Hypothesis, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_model::config::ConvolutionKind;
use lsra_model::{Embeddings, Model, presets};
use lsra_tests::small;

const EOS: u32 = 2;
const WORDS: u32 = 503;

/// Allocations that a translation may make beside its result, for one chunk of sentences, however many and however long.
const BESIDE: u64 = 32;

/// The widths of the smallest preset with few words; or dynamic convolutions, gates and one matrix for all embeddings.
fn model(kind: ConvolutionKind) -> (Model, Weights) {
    let mut config = presets::preset("iwslt-160").unwrap().model;
    (config.source_vocabulary, config.target_vocabulary) = (WORDS as usize, WORDS as usize);
    (config.convolution, config.glu) = (kind, kind == ConvolutionKind::Dynamic);
    if config.glu {
        config.embeddings = Embeddings::AllShared;
    }
    let model = Model::new(&config).unwrap();
    let weights = small::weights(&model, 7);
    (model, weights)
}

/// `batch` sentences of `length` words, no two alike.
fn sources(batch: u32, length: u32) -> Vec<Vec<u32>> {
    let word = |s: u32, i: u32| 4 + (s * 131 + i * 17) % (WORDS - 4);
    (0..batch).map(|s| (1..length).map(|i| word(s, i)).chain([EOS]).collect()).collect()
}

/// Translations of exactly `length` tokens, `</s>` counted.
fn exactly(beam: usize, length: usize) -> GeneratorConfig {
    GeneratorConfig { beam, min_len: length - 1, max_len_b: length - 1, ..GeneratorConfig::default() }
}

/// Vectors of a result: that of sentences, one a sentence of hypotheses, and two a hypothesis.
fn vectors(found: &[Vec<Hypothesis>]) -> u64 {
    1 + found.iter().map(|hypotheses| 1 + 2 * hypotheses.len() as u64).sum::<u64>()
}

/// Every case: what is computed how, for how many sentences, with which beam.
fn each(check: impl Fn(&str, &Translator<'_>, u32, usize)) {
    for kind in [ConvolutionKind::Lightweight, ConvolutionKind::Dynamic] {
        let (model, weights) = model(kind);
        for precision in Precision::ALL {
            for (batch, beam) in [(1, 1), (1, 4), (8, 1), (8, 4), (8, 5)] {
                let translator = Translator::new(Isa::best(), &model, &weights, precision);
                check(&format!("{kind:?} {precision} batch {batch} beam {beam}"), &translator, batch, beam);
            }
        }
    }
}

#[test]
fn steps_allocate_nothing_after_one_translation() {
    each(|case, translator, batch, beam| {
        let sources = sources(batch, 30);
        let warm = translator.translate(&sources, &exactly(beam, 40), 1);
        // What is allocated beside the result: for reading the sources, and cutting them into chunks.
        let others = |length| {
            let (count, found) = allocations(|| translator.translate(&sources, &exactly(beam, length), 1));
            assert_eq!(found[0][0].tokens.len(), length, "{case}");
            (count - vectors(&found), found)
        };
        let (at_forty, again) = others(40);
        assert_eq!(again, warm, "{case}");
        assert!(at_forty <= BESIDE, "{case}: {at_forty} allocations beside the result");
        // Of steps that allocated, forty would have to do so as often as one.
        for length in [1, 2, 20, 39] {
            assert_eq!(others(length).0, at_forty, "{case}: {length} steps and 40");
        }
    });
}

#[test]
fn a_smaller_translation_fits_the_room_of_a_larger() {
    each(|case, translator, batch, beam| {
        translator.translate(&sources(batch, 30), &exactly(beam, 40), 1);
        // Fewer sentences, shorter, with ends wherever the model likes: hypotheses become fewer step by step.
        let free = GeneratorConfig { beam, max_len_b: 39, no_repeat_ngram: 3, ..GeneratorConfig::default() };
        for (batch, length) in [(batch, 11), (batch.div_ceil(2), 30), (1, 2), (batch, 30)] {
            let mut sources = sources(batch, length);
            // As many tokens, otherwise divided: every second sentence gives the one after it a word.
            for pair in sources.chunks_exact_mut(2).filter(|_| length == 30) {
                let word = pair[0].remove(0);
                pair[1].insert(0, word);
            }
            let (count, found) = allocations(|| translator.translate(&sources, &free, 1));
            let others = count - vectors(&found);
            assert!(others <= BESIDE, "{case}: {others} allocations beside the result of {batch} x {length}");
        }
    });
}
