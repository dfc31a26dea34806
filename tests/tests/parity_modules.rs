//! Parts of a model by themselves, forward and backward, against the original implementation.

use lsra_exec::{Directions, Eager, Packed, Weights};
use lsra_kernels::Isa;
use lsra_kernels::embedding::sinusoids;
use lsra_model::config::ConvolutionKind;
use lsra_model::exec::Mask;
use lsra_model::forward::lsra;
use lsra_model::layers::{Attention, Branch, Taps};
use lsra_model::{Exec, Model, ModelConfig, Sequences};
use lsra_tensor::Tensor;
use lsra_tests::golden::{self, Golden};
use lsra_tests::small;
use lsra_train::{Gradients, LossSums, Tape, TapeContext};
use serde_json::Value;

/// What the reference states of outputs of order 1; predicted taps pass through one more product.
const OUTPUT: f32 = 2e-6;
const OUTPUT_OF_DYNAMIC: f32 = 5e-6;
/// Of the largest entry of a gradient.
const GRADIENT: f32 = 1e-5;
/// Where a gradient is 0 because terms cancel, as a query's and a key's that have one key to choose: each term is a product over a
/// head's 8 channels at most, of order 8, and keeps half an eps of each of its roundings.
const CANCELLED: f32 = 8.0 * 8.0 / 2.0 * f32::EPSILON;

/// A part of a model of one layer a side.
#[derive(Clone, Copy)]
enum Part {
    EncoderLsra,
    DecoderLsra,
    /// A convolution without the linear layers around it.
    EncoderConvolution,
    DecoderConvolution,
    /// Of the second input by the first.
    CrossAttention,
    Glu,
    Norm,
}

impl Part {
    fn run<E: Exec>(self, e: &mut E, m: &Model, inputs: &[E::T], sequences: &[Sequences]) -> E::T {
        let (encoder, decoder) = (&m.encoder.layers[0], &m.decoder.layers[0]);
        let (x, s) = (&inputs[0], &sequences[0]);
        match self {
            Part::EncoderLsra => lsra(e, &encoder.lsra, x, Mask::None, s, None),
            Part::DecoderLsra => lsra(e, &decoder.lsra, x, Mask::Causal, s, None),
            Part::EncoderConvolution => convolution(e, &encoder.lsra.branches[0], x, s),
            Part::DecoderConvolution => convolution(e, &decoder.lsra.branches[0], x, s),
            Part::CrossAttention => cross_attention(e, &decoder.cross, [x, &inputs[1]], [s, &sequences[1]]),
            Part::Glu => e.glu(x.clone()),
            Part::Norm => e.norm(x, &encoder.lsra.residual.norm),
        }
    }
}

fn convolution<E: Exec>(e: &mut E, branch: &Branch, x: &E::T, s: &Sequences) -> E::T {
    let Branch::Convolution { convolution: c, .. } = branch else { panic!("the only branch convolves") };
    match &c.taps {
        Taps::Fixed(_) => e.light_conv(x, c, s, None),
        Taps::Predicted(predict) => {
            let taps = e.linear(x, predict);
            e.dynamic_conv(x, &taps, c, s, None)
        }
    }
}

fn cross_attention<E: Exec>(
    e: &mut E,
    a: &Attention,
    [x, source]: [&E::T; 2],
    [targets, sources]: [&Sequences; 2],
) -> E::T {
    let (q, k, v) = (e.linear(x, &a.query), e.linear(source, &a.key), e.linear(source, &a.value));
    let owners: Vec<usize> = (0..targets.len()).collect();
    let keys = e.keys(k, v, sources);
    let y = e.cross_attention(&q, &keys, a, targets, sources, &owners);
    e.linear(&y, &a.output)
}

/// A tensor of `[time, batch, channels]` sentence after sentence, without what is padded (`[batch, time]`).
fn ragged(golden: &Golden, name: &str, padded: Option<&[bool]>) -> (Tensor, Sequences) {
    let shape = golden.shape(name);
    let [time, batch, channels] = shape[..] else { panic!("{name} is {shape:?}") };
    let values = golden.values(name);
    let mut rows = Vec::new();
    let mut lengths = vec![0; batch];
    for b in 0..batch {
        for t in (0..time).filter(|t| !padded.is_some_and(|p| p[b * time + t])) {
            rows.extend_from_slice(&values[(t * batch + b) * channels..][..channels]);
            lengths[b] += 1;
        }
    }
    (Tensor::from_slice(rows.len() / channels, channels, &rows), Sequences::from_lengths(lengths))
}

/// One case: a part, and the names of its tensors.
struct Case<'a> {
    golden: &'a Golden,
    name: &'a str,
    part: Part,
    config: ModelConfig,
    /// The model's name of a parameter without the case's own.
    prefix: &'a str,
    /// The inputs' names, the name of their gradients, and what of them is padded.
    inputs: Vec<(&'a str, &'a str, Option<Vec<bool>>)>,
    tolerance: f32,
    gradients: Compare,
}

/// Whether a case's gradients are those of its sentences without padding.
#[derive(Clone, Copy, PartialEq)]
enum Compare {
    Gradients,
    /// The loss has a part at padded positions.
    ForwardOnly,
}

impl Case<'_> {
    fn tensor(&self, name: &str) -> String {
        format!("{}/{name}", self.name)
    }

    /// The parameters that the case has: their ids, and their names there.
    fn parameters(&self, model: &Model) -> Vec<(lsra_model::ParamId, String)> {
        let own = model.params.iter().filter_map(|(id, spec)| Some((id, spec.name.strip_prefix(self.prefix)?)));
        own.map(|(id, name)| (id, name.to_owned())).filter(|(_, n)| self.golden.has(&self.tensor(n))).collect()
    }

    fn check(&self) {
        let model = Model::new(&self.config).unwrap();
        let mut weights = Weights::init(&model.params, 1);
        let parameters = self.parameters(&model);
        for (id, name) in &parameters {
            weights.get_mut(*id).data_mut().copy_from_slice(&self.golden.values(&self.tensor(name)));
        }
        let (inputs, sequences): (Vec<Tensor>, Vec<Sequences>) =
            self.inputs.iter().map(|(x, _, padded)| ragged(self.golden, &self.tensor(x), padded.as_deref())).unzip();
        let padded = self.inputs[0].2.as_deref();
        let (expected, _) = ragged(self.golden, &self.tensor("y"), padded);
        for isa in Isa::available() {
            let packed = Packed::new(isa, &model, &weights, Directions::ForwardAndBackward);
            let mut eager = Eager::new(isa, &model, &weights, &packed);
            let y = self.part.run(&mut eager, &model, &inputs, &sequences);
            let what = |tensor: &str| format!("{isa:?}, {}: {tensor}", self.name);
            golden::assert_close(&y.to_vec(), expected.data(), self.tolerance, &what("y"));
            if self.gradients == Compare::ForwardOnly {
                continue;
            }
            let cx =
                TapeContext { isa, model: &model, weights: &weights, packed: &packed, seed: 1, update: 1, batch: 0 };
            let mut gradients = Gradients::zeros(&model.params);
            let mut tape = Tape::new(&cx, &mut gradients);
            let nodes: Vec<_> = inputs.iter().map(|x| tape.input(x.clone())).collect();
            let y = self.part.run(&mut tape, &model, &nodes, &sequences);
            tape.add_gradient(y, ragged(self.golden, &self.tensor("grad_y"), padded).0);
            for (found, (_, name, padded)) in tape.backward().iter().zip(&self.inputs) {
                let (expected, _) = ragged(self.golden, &self.tensor(name), padded.as_deref());
                assert_gradient(found.data(), expected.data(), &what(name));
            }
            for (id, name) in &parameters {
                // A key's bias moves all scores of a query alike: its gradient is 0, and what the original found is rounding.
                if !name.ends_with("k_proj.bias") {
                    let expected = self.golden.values(&self.tensor(&format!("grad.{name}")));
                    assert_gradient(gradients.get(*id), &expected, &what(name));
                }
            }
        }
    }
}

fn assert_gradient(found: &[f32], expected: &[f32], what: &str) {
    let most = expected.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    golden::assert_close(found, expected, (GRADIENT * most).max(CANCELLED), what);
}

/// Runs over the cases of a file: of the part that lies here, and of all where they are.
fn each(file: &str, check: impl Fn(&Golden, &str, &Value)) {
    for folder in golden::folders("modules") {
        let golden = Golden::open(&folder.join(format!("{file}.safetensors")));
        let cases = golden::json(&folder.join(format!("{file}.json")));
        for case in cases["cases"].as_array().unwrap() {
            check(&golden, case["case"].as_str().unwrap(), case);
        }
    }
}

fn number(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap_or_else(|| panic!("{key} of {case}")) as usize
}

fn config(attention: usize, convolution: usize, kernel: usize) -> ModelConfig {
    ModelConfig {
        channels: attention + convolution,
        attention_channels: attention,
        convolution_channels: convolution,
        cross_attention_heads: 1,
        encoder_kernels: vec![kernel],
        decoder_kernels: vec![kernel],
        ..small::config()
    }
}

#[test]
fn convolutions() {
    each("conv", |golden, name, case| {
        let kind = case["kind"].as_str().unwrap();
        let causal = case["causal"].as_bool().unwrap();
        let dynamic = kind.starts_with("dynamic");
        let alone = ["light", "dynamic"].contains(&kind);
        let config = ModelConfig {
            convolution_heads: number(case, "H"),
            convolution: if dynamic { ConvolutionKind::Dynamic } else { ConvolutionKind::Lightweight },
            glu: kind == "dynamic_glu",
            ..config(0, number(case, "C"), number(case, "K"))
        };
        let (part, prefix) = match (causal, alone) {
            (false, true) => (Part::EncoderConvolution, "encoder.layers.0.self_attn."),
            (false, false) => (Part::EncoderLsra, "encoder.layers.0.self_attn."),
            (true, true) => (Part::DecoderConvolution, "decoder.layers.0.self_attn."),
            (true, false) => (Part::DecoderLsra, "decoder.layers.0.self_attn."),
        };
        let inputs = vec![("x", "grad_x", None)];
        let tolerance = if dynamic { OUTPUT_OF_DYNAMIC } else { OUTPUT };
        Case { golden, name, part, config, prefix, inputs, tolerance, gradients: Compare::Gradients }.check();
    });
}

#[test]
fn both_branches() {
    each("multibranch", |golden, name, case| {
        if !case["padding"].is_null() {
            return; // there, padding changes what its neighbours are
        }
        let dynamic = case["kind"] == "dynamic_glu";
        let config = ModelConfig {
            attention_heads: number(case, "attn_heads"),
            convolution_heads: number(case, "conv_heads"),
            convolution: if dynamic { ConvolutionKind::Dynamic } else { ConvolutionKind::Lightweight },
            glu: dynamic,
            ..config(
                case["branch_dims"][0].as_u64().unwrap() as usize,
                case["branch_dims"][1].as_u64().unwrap() as usize,
                number(case, "K"),
            )
        };
        let (part, prefix) = match case["causal"].as_bool().unwrap() {
            false => (Part::EncoderLsra, "encoder.layers.0.self_attn."),
            true => (Part::DecoderLsra, "decoder.layers.0.self_attn."),
        };
        let inputs = vec![("x", "grad_x", None)];
        let tolerance = if dynamic { OUTPUT_OF_DYNAMIC } else { OUTPUT };
        Case { golden, name, part, config, prefix, inputs, tolerance, gradients: Compare::Gradients }.check();
    });
}

#[test]
fn attention() {
    each("attention", |golden, name, case| {
        let [cross, causal] = ["cross", "causal"].map(|key| case[key].as_bool().unwrap());
        let heads = number(case, "num_heads");
        let config = ModelConfig {
            attention_heads: heads,
            cross_attention_heads: heads,
            encoder_kernels: vec![],
            decoder_kernels: vec![],
            ..config(number(case, "embed_dim"), 0, 1)
        };
        let padded = (!case["padding"].is_null()).then(|| golden.flags(&format!("{name}/key_padding_mask")));
        let (part, prefix) = match (cross, causal) {
            (true, _) => (Part::CrossAttention, "decoder.layers.0.encoder_attn."),
            (false, true) => (Part::DecoderLsra, "decoder.layers.0.self_attn."),
            (false, false) => (Part::EncoderLsra, "encoder.layers.0.self_attn."),
        };
        // Queries at padded positions, which exist there and not here, have a gradient.
        let forward_only = !cross && padded.as_ref().is_some_and(|p| p.contains(&true));
        let gradients = if forward_only { Compare::ForwardOnly } else { Compare::Gradients };
        let inputs = match cross {
            true => vec![("query", "grad_query", None), ("key_value", "grad_key_value", padded)],
            false => vec![("query", "grad_query", padded)],
        };
        Case { golden, name, part, config, prefix, inputs, tolerance: OUTPUT, gradients }.check();
    });
}

#[test]
fn glu_and_norm() {
    each("misc", |golden, name, case| {
        let (part, prefix) = match name {
            "glu" => (Part::Glu, "none."),
            "layer_norm" => (Part::Norm, "encoder.layers.0.self_attn_layer_norm."),
            _ => return,
        };
        let config = config(0, number(case, "C"), 1);
        let inputs = vec![("x", "grad_x", None)];
        Case { golden, name, part, config, prefix, inputs, tolerance: OUTPUT, gradients: Compare::Gradients }.check();
    });
}

/// The loss of logits: of rows under an output matrix that is the identity.
#[test]
fn label_smoothing() {
    const PAD: u32 = 1;
    each("misc", |golden, name, case| {
        if !name.starts_with("label_smoothing") {
            return;
        }
        let words = number(case, "V");
        let smoothing = case["eps"].as_f64().unwrap() as f32;
        let values = |tensor: &str| golden.values(&format!("{name}/{tensor}"));
        let targets = golden.ids(&format!("{name}/target"));
        let kept = |tensor: &str| -> Vec<f32> {
            let all = values(tensor);
            let rows = all.chunks(words).zip(&targets).filter(|(_, target)| **target != PAD);
            rows.flat_map(|(row, _)| row.to_vec()).collect()
        };
        let (logits, gradient) = (kept("logits"), kept("grad_logits"));
        let targets: Vec<u32> = targets.iter().copied().filter(|&t| t != PAD).collect();
        let heads = ModelConfig { convolution_heads: 1, target_vocabulary: words, ..config(0, words, 1) };
        let model = Model::new(&heads).unwrap();
        let output = &model.decoder.output;
        let mut weights = Weights::init(&model.params, 1);
        for (i, w) in weights.get_mut(output.weight).data_mut().iter_mut().enumerate() {
            *w = if i % words == i / words { 1.0 } else { 0.0 };
        }
        for isa in Isa::available() {
            let packed = Packed::new(isa, &model, &weights, Directions::ForwardAndBackward);
            let cx =
                TapeContext { isa, model: &model, weights: &weights, packed: &packed, seed: 1, update: 1, batch: 0 };
            let x = Tensor::from_slice(targets.len(), words, &logits);
            let eager = Eager::new(isa, &model, &weights, &packed).loss(&x, output, &targets, smoothing);
            let mut gradients = Gradients::zeros(&model.params);
            let mut tape = Tape::new(&cx, &mut gradients);
            let node = tape.input(x);
            let taped = tape.loss(&node, output, &targets, smoothing);
            for losses in [eager, taped] {
                let sums = LossSums::of(&losses);
                golden::assert_relative(sums.smoothed, f64::from(values("loss_sum")[0]), 1e-6, name);
                golden::assert_relative(sums.nll, f64::from(values("nll_sum")[0]), 1e-6, name);
            }
            assert_gradient(tape.backward()[0].data(), &gradient, &format!("{isa:?}, {name}"));
        }
    });
}

#[test]
fn positions() {
    /// Rows of the table: these many from 0 on, then these many from 1000 on.
    const ROWS: [(usize, usize); 2] = [(0, 64), (1000, 10)];
    /// The padding symbol's row is zero there and has no use here.
    const PAD: usize = 1;
    each("misc", |golden, name, case| {
        if !name.starts_with("sinusoid") {
            return;
        }
        let channels = number(case, "dim");
        let table = golden.values(&format!("{name}/table"));
        let numbers = ROWS.iter().flat_map(|&(first, count)| first..first + count);
        for (position, expected) in numbers.zip(table.chunks(channels)).filter(|(p, _)| *p != PAD) {
            // One rounding of the frequency and one of the angle, then sine and cosine, whose slope is at most 1.
            let tolerance = f32::EPSILON * (position as f32 + 1.0);
            let found = sinusoids(1, channels, position);
            golden::assert_close(&found, expected, tolerance, &format!("{name}, position {position}"));
        }
        // A sentence's first word stands at position 2, whichever side is padded.
        for side in ["left_padded", "right_padded"] {
            let ids = golden.ids(&format!("{name}/tokens_{side}"));
            let out = golden.values(&format!("{name}/out_{side}"));
            let width = golden.shape(&format!("{name}/tokens_{side}"))[1];
            for (ids, out) in ids.chunks(width).zip(out.chunks(width * channels)) {
                let words = ids.iter().zip(out.chunks(channels)).filter(|(id, _)| **id != PAD as u32);
                for (t, (_, expected)) in words.enumerate() {
                    let found = sinusoids(1, channels, t + 2);
                    let tolerance = f32::EPSILON * (t as f32 + 3.0);
                    golden::assert_close(&found, expected, tolerance, &format!("{name}, {side}, word {t}"));
                }
            }
        }
    });
}
