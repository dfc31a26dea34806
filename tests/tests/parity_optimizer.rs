//! Learning rates and optimiser steps against the original implementation.

use lsra::train::Settings;
use lsra_exec::{Directions, Packed, weights_from_safetensors};
use lsra_kernels::Isa;
use lsra_model::Tokens;
use lsra_tests::golden::{self, Golden};
use lsra_train::optimizer::Optimizer;
use lsra_train::{Gradients, LossSums, PairBatch, TapeContext, TrainingConfig, lane_gradients};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The training settings that the original's options amount to.
fn config(options: &Value) -> TrainingConfig {
    let mut config = Settings::load("iwslt-160", &[]).unwrap().training;
    let cosine = options.get("max_lr");
    config.lr = number(cosine.unwrap_or(&options["lr"][0]));
    config.warmup_updates = options["warmup_updates"].as_u64().unwrap();
    config.warmup_from = number(&options["warmup_init_lr"]);
    if cosine.is_some() {
        config.schedule = lsra_train::ScheduleKind::Cosine;
        config.final_lr = number(&options["lr"][0]);
        config.period_updates = number(&options["lr_period_updates"]) as u64;
        config.period_growth = number(&options["t_mult"]);
        config.period_shrink = number(&options["lr_shrink"]);
    }
    if let Some(clip) = options.get("clip_norm") {
        config.clip_norm = number(clip);
        config.weight_decay = number(&options["weight_decay"]);
        config.label_smoothing = number(&options["label_smoothing"]) as f32;
    }
    config.validate().unwrap();
    config
}

#[test]
fn learning_rates() {
    let folder = golden::folder("misc").expect("a copy lies in tests/golden");
    let schedules = golden::json(&folder.join("lr_schedules.json"));
    let mut compared = 0;
    for case in schedules["schedules"].as_array().unwrap() {
        let schedule = config(&case["settings"]).schedule();
        for (updates, expected) in case["lr_at_num_updates"].as_object().unwrap() {
            let (found, expected) = (schedule.lr(updates.parse().unwrap()), number(expected));
            assert!(
                (found - expected).abs() <= 1e-12,
                "{} after {updates}: {found}, not {expected}",
                case["scheduler"]
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 11 + 9 + 9);
}

/// Fills targets up in the original; a ragged batch has no place for it.
const PAD: u32 = 1;

/// The sentences of `batch0`, whose sources are all of one length.
fn batch(folder: &std::path::Path) -> PairBatch {
    let golden = Golden::open(&folder.join("batch0.safetensors"));
    let rows = |name: &str| -> Vec<Vec<u32>> {
        let width = golden.shape(name)[1];
        golden.ids(name).chunks(width).map(|row| row.iter().copied().filter(|&id| id != PAD).collect()).collect()
    };
    PairBatch {
        source: Tokens::from_sequences(&rows("src_tokens")),
        target_input: Tokens::from_sequences(&rows("prev_output_tokens")),
        target_output: rows("target").concat(),
    }
}

#[test]
fn adam_takes_the_originals_steps() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let model = golden::model(&folder);
    let path = folder.join("model.safetensors");
    let initial = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
    let batch = batch(&folder);
    let runs = golden::json(&folder.join("alone_adam.json"));
    for isa in Isa::available() {
        for run in runs["runs"].as_array().unwrap() {
            let config = config(&run["settings"]);
            let schedule = config.schedule();
            let mut weights = initial.to_owned_copy();
            let mut packed = Packed::new(isa, &model, &weights, Directions::ForwardAndBackward);
            let mut optimizer = Optimizer::new(&config, &model.params);
            for (i, expected) in run["steps"].as_array().unwrap().iter().enumerate() {
                let what = |name: &str| format!("{isa:?}, {}, update {}: {name}", run["name"], i + 1);
                let mut gradients = Gradients::zeros(&model.params);
                let cx = TapeContext {
                    isa,
                    model: &model,
                    weights: &weights,
                    packed: &packed,
                    seed: 1,
                    update: i as u64,
                    batch: 0,
                };
                let losses: LossSums = lane_gradients(&cx, &batch, config.label_smoothing, &mut gradients);
                // From 1e-5 at the first update to 1e-3 at the fifth: the second moments amplify rounding.
                let tolerance = 1e-5 * 100f64.powf(i as f64 / 4.0);
                let loss = number(&expected["train_loss_before_update_per_token_base2"]);
                golden::assert_relative(losses.loss(), loss, tolerance, &what("loss"));
                let step = optimizer.step(isa, &schedule, i as u64, &gradients, losses.tokens, &mut weights);
                assert!((step.lr - number(&expected["lr_used"])).abs() <= 1e-12, "{}", what("learning rate"));
                if i == 0 {
                    let norm = number(&expected["grad_norm_per_token_before_clip"]);
                    golden::assert_relative(step.gradient_norm, norm, tolerance, &what("gradient norm"));
                }
                packed.refresh(&weights);
            }
            // One more forward pass: the loss after the last update.
            let mut unused = Gradients::zeros(&model.params);
            let cx =
                TapeContext { isa, model: &model, weights: &weights, packed: &packed, seed: 1, update: 5, batch: 0 };
            let after = lane_gradients(&cx, &batch, config.label_smoothing, &mut unused);
            let expected = number(&run["steps"][4]["loss_per_token_base2_after"]);
            golden::assert_relative(after.loss(), expected, 1e-3, &format!("{isa:?}, {}: after", run["name"]));
        }
    }
}
