//! Every gradient, and optimiser steps, against the original implementation.

use lsra_exec::{Directions, Packed, weights_from_safetensors};
use lsra_kernels::Isa;
use lsra_model::Tokens;
use lsra_tests::golden::{self, Golden};
use lsra_train::{Gradients, LossSums, PairBatch, TapeContext, lane_gradients};

/// `</s>`.
const END: u32 = 2;

/// One sentence pair from its ids, both with their end.
fn pair(source: &[u32], target: &[u32]) -> PairBatch {
    let mut input = vec![END];
    input.extend_from_slice(&target[..target.len() - 1]);
    PairBatch {
        source: Tokens::from_sequences(&[source]),
        target_input: Tokens::from_sequences(&[input]),
        target_output: target.to_vec(),
    }
}

/// Several pairs as one ragged batch.
fn batch(pairs: &[(Vec<u32>, Vec<u32>)]) -> PairBatch {
    let sources: Vec<&[u32]> = pairs.iter().map(|(s, _)| s.as_slice()).collect();
    let inputs: Vec<Vec<u32>> = pairs.iter().map(|(_, t)| [&[END], &t[..t.len() - 1]].concat()).collect();
    PairBatch {
        source: Tokens::from_sequences(&sources),
        target_input: Tokens::from_sequences(&inputs),
        target_output: pairs.iter().flat_map(|(_, t)| t.iter().copied()).collect(),
    }
}

#[test]
fn gradients_and_losses_of_sentences_alone() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let model = golden::model(&folder);
    let path = folder.join("model.safetensors");
    let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
    let alone = Golden::open(&folder.join("alone.safetensors"));
    let expected = Golden::open(&folder.join("alone_grads.safetensors"));
    let losses = golden::json(&folder.join("alone.json"));
    let count = losses["losses"]["per_sentence"].as_array().unwrap().len();
    let pairs: Vec<(Vec<u32>, Vec<u32>)> =
        (0..count).map(|i| (alone.ids(&format!("{i}/src_tokens")), alone.ids(&format!("{i}/target")))).collect();
    for isa in Isa::available() {
        let packed = Packed::new(isa, &model, &weights, Directions::ForwardAndBackward);
        let cx = TapeContext { isa, model: &model, weights: &weights, packed: &packed, seed: 1, update: 1, batch: 0 };
        // As one ragged batch, and sentence by sentence: the same sums.
        let mut together = Gradients::zeros(&model.params);
        let sums = lane_gradients(&cx, &batch(&pairs), 0.1, &mut together);
        let mut apart = Gradients::zeros(&model.params);
        let mut total = LossSums::default();
        for (i, (s, t)) in pairs.iter().enumerate() {
            let one = lane_gradients(&cx, &pair(s, t), 0.1, &mut apart);
            let expected = &losses["losses"]["per_sentence"][i];
            golden::assert_relative(one.smoothed, expected["loss_sum"].as_f64().unwrap(), 1e-6, "loss_sum");
            golden::assert_relative(one.nll, expected["nll_sum"].as_f64().unwrap(), 1e-6, "nll_sum");
            total += one;
        }
        assert_eq!(sums.tokens, losses["losses"]["ntokens"].as_u64().unwrap() as usize);
        golden::assert_relative(sums.smoothed, losses["losses"]["loss_sum_f64"].as_f64().unwrap(), 1e-6, "sum");
        golden::assert_relative(total.smoothed, sums.smoothed, 1e-12, "apart and together");
        for gradients in [&together, &apart] {
            for (id, spec) in model.params.iter() {
                if spec.name.ends_with("k_proj.bias") {
                    continue; // exactly zero: what the reference holds is rounding noise
                }
                let expected = expected.values(&spec.name);
                let most = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
                golden::assert_close(gradients.get(id), &expected, 5e-5 * most, &format!("{isa:?} {}", spec.name));
            }
        }
    }
}
