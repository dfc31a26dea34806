//! Inference in f32 against the same model in f64 through the oracles.

use lsra_exec::{Directions, Eager, Packed, Reference};
use lsra_kernels::Isa;
use lsra_model::forward::begin;
use lsra_model::{Model, ModelConfig, Tokens, decode, encode, remember};
use lsra_tests::small;
use lsra_train::pair_losses;
use proptest::prelude::*;

/// What rounding may come to in the logits, for values of order `largest`: at most one half eps at each rounding on the longest way
/// from the embeddings to a logit, which every norm starts anew with values of order 1.
fn tolerance(config: &ModelConfig, longest: usize, largest: f64) -> f64 {
    let products = 6 * config.channels + config.feed_forward + 2 * longest + 9 * config.convolution_heads;
    let elementwise = 64;
    let layers = config.encoder_layers + config.decoder_layers;
    f64::from(f32::EPSILON) / 2.0 * (layers * (products + elementwise)) as f64 * largest.max(1.0)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, x| x.abs().max(m))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f32_is_f64_rounded(config in small::configs(), batch in small::batches(), seed in 0u64..1 << 32) {
        let model = Model::new(&config).unwrap();
        let weights = small::weights(&model, seed);
        let mut reference = Reference::new(&model, &weights);
        pair_losses(&mut reference, &model, &batch, 0.1);
        let longest = batch.source.sequences.lengths().chain(batch.target_input.sequences.lengths()).max().unwrap();
        let most = tolerance(&config, longest, largest(&reference.losses().nll));
        for isa in Isa::available() {
            let packed = Packed::new(isa, &model, &weights, Directions::Forward);
            let found = pair_losses(&mut Eager::new(isa, &model, &weights, &packed), &model, &batch, 0.1);
            for (found, expected) in [(found.smoothed, &reference.losses().smoothed), (found.nll, &reference.losses().nll)] {
                prop_assert_eq!(found.len(), expected.len());
                for (&f, &e) in found.iter().zip(expected) {
                    prop_assert!((f64::from(f) - e).abs() <= most, "{isa:?}: {f}, not {e}, within {most:e}");
                }
            }
        }
    }

    /// Step by step, with the beam's reordering, as the whole sequence at once.
    #[test]
    fn remembered_steps_are_the_whole(config in small::configs(), batch in small::batches(), seed in 0u64..1 << 32) {
        let model = Model::new(&config).unwrap();
        let mut e = Reference::new(&model, &small::weights(&model, seed));
        let encoded = encode(&mut e, &model, &batch.source);
        let memory = remember(&mut e, &model, &encoded, &batch.source.sequences);
        let target = &batch.target_input;
        for i in 0..target.sequences.len() {
            let ids = &target.ids[target.sequences.range(i)];
            let whole = decode(&mut e, &model, &Tokens::from_sequences(&[ids]), &memory, &[i], None);
            // Two hypotheses; the first goes astray at each step and is dropped for a copy of the second.
            let mut past = begin(&mut e, &model, 2);
            for (t, &id) in ids.iter().enumerate() {
                let step = Tokens::from_sequences(&[[4], [id]]);
                let y = decode(&mut e, &model, &step, &memory, &[i, i], Some(&mut past));
                prop_assert_eq!(y.row(1), whole.row(t));
                past.history.reorder(&[1, 1]);
            }
        }
    }
}
