//! Reverse-mode differentiation of the one forward pass.
//!
//! A [`Tape`] is an [`Exec`] whose values are nodes: it runs each operation with the training kernels, keeps
//! what the adjoint needs, and `backward` walks the nodes from last to first. A lane of a batch has a tape of its own over
//! weights that all lanes share; what it writes are its own [`Gradients`].

mod agreement;
mod backward;
mod distilled;
mod forward;
mod gradients;
mod node;

pub use gradients::Gradients;
pub use node::NodeId;

use crate::teacher::Lesson;
use lsra_exec::{Packed, Weights};
use lsra_kernels::Isa;
use lsra_kernels::attention::AttentionScratch;
use lsra_kernels::cross_entropy::{ComparedLosses, LossScratch};
use lsra_kernels::distil::Distillation;
use lsra_kernels::dropout::{DropoutKey, in_pass};
use lsra_kernels::gemm::GemmScratch;
use lsra_kernels::trace;
use lsra_model::layers::Dropout;
use lsra_model::{Exec, Losses, Model, Sequences, Tokens, decode, encode, remember};
use lsra_tensor::Tensor;
use node::{Node, Op};
use serde::{Deserialize, Serialize};

/// What a tape reads: the weights of this update, and what its dropout masks depend on.
pub struct TapeContext<'a> {
    /// The instruction set to run on.
    pub isa: Isa,
    /// The model.
    pub model: &'a Model,
    /// Its parameters.
    pub weights: &'a Weights,
    /// Its linear layers, packed in both directions.
    pub packed: &'a Packed,
    /// Of the run.
    pub seed: u64,
    /// Which update this is.
    pub update: u64,
    /// Which of the update's batches.
    pub batch: u64,
}

/// Sentence pairs; sequence i of each side is the same sentence.
#[derive(Clone, Debug)]
pub struct PairBatch {
    /// Source ids, each sentence with its end.
    pub source: Tokens,
    /// Target ids shifted right: each sentence starts with the end symbol.
    pub target_input: Tokens,
    /// What is to be predicted at each row of `target_input`.
    pub target_output: Vec<u32>,
}

/// Sums over the tokens of a batch, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LossSums {
    /// Label-smoothed loss.
    pub smoothed: f64,
    /// Negative log-likelihood.
    pub nll: f64,
    /// How far two passes are apart, where R-Drop has them agree, or a student from its teacher; not part of the loss above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub divergence: f64,
    /// Target tokens.
    pub tokens: usize,
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

impl LossSums {
    /// Sums in token order.
    pub fn of(losses: &Losses) -> LossSums {
        let [smoothed, nll] = [&losses.smoothed, &losses.nll].map(|values| sum(values));
        LossSums { smoothed, nll, divergence: 0.0, tokens: losses.nll.len() }
    }
}

/// What a loss that compares two distributions finds of each row.
struct Compared([Vec<f32>; 3]);

impl Compared {
    fn new(rows: usize) -> Compared {
        Compared([(); 3].map(|()| vec![0.0; rows]))
    }

    fn losses(&mut self) -> ComparedLosses<'_> {
        let [loss, nll, divergence] = &mut self.0;
        ComparedLosses { loss, nll, divergence }
    }

    fn sums(&self) -> LossSums {
        let [loss, nll, divergence] = &self.0;
        LossSums { smoothed: sum(loss), nll: sum(nll), divergence: sum(divergence), tokens: loss.len() }
    }
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x)).sum()
}

impl std::ops::AddAssign for LossSums {
    fn add_assign(&mut self, other: LossSums) {
        self.smoothed += other.smoothed;
        self.nll += other.nll;
        self.divergence += other.divergence;
        self.tokens += other.tokens;
    }
}

/// What the output projection reads of every target token, `[tokens, channels]`, by any executor.
pub fn pair_outputs<E: Exec>(e: &mut E, model: &Model, batch: &PairBatch) -> E::T {
    let encoded = encode(e, model, &batch.source);
    let memory = remember(e, model, &encoded, &batch.source.sequences);
    let owners: Vec<usize> = (0..batch.target_input.sequences.len()).collect();
    decode(e, model, &batch.target_input, &memory, &owners, None)
}

/// The losses of every target token, by any executor.
pub fn pair_losses<E: Exec>(e: &mut E, model: &Model, batch: &PairBatch, smoothing: f32) -> Losses {
    let x = pair_outputs(e, model, batch);
    e.loss(&x, &model.decoder.output, &batch.target_output, smoothing)
}

/// The losses of a lane, and the gradient of their smoothed sum **added to** `gradients`.
pub fn lane_gradients(cx: &TapeContext, batch: &PairBatch, smoothing: f32, gradients: &mut Gradients) -> LossSums {
    differentiate(cx, batch, gradients, |tape| LossSums::of(&pair_losses(tape, cx.model, batch, smoothing)))
}

/// The losses of a lane that passes twice with dropout of its own, means of the two, and the gradient of their smoothed sum and
/// alpha / 2 x the divergence **added to** `gradients`.
pub fn lane_agreement_gradients(
    cx: &TapeContext,
    batch: &PairBatch,
    smoothing: f32,
    alpha: f32,
    gradients: &mut Gradients,
) -> LossSums {
    differentiate(cx, batch, gradients, |tape| {
        let first = pair_outputs(tape, cx.model, batch);
        tape.pass = 1;
        let second = pair_outputs(tape, cx.model, batch);
        tape.agreement([first, second], &cx.model.decoder.output, &batch.target_output, smoothing, alpha)
    })
}

/// The losses of a lane whose model also follows a teacher, and the gradient of (1 - share) x their smoothed sum + share x temperature^2 x
/// the divergence **added to** `gradients`. The teacher reads the same pieces, without dropout.
pub fn lane_distilled_gradients(
    cx: &TapeContext,
    batch: &PairBatch,
    smoothing: f32,
    lesson: Lesson<'_>,
    gradients: &mut Gradients,
) -> LossSums {
    let Lesson { teacher, share, temperature } = lesson;
    differentiate(cx, batch, gradients, |tape| {
        let taught = teacher.outputs(batch);
        let x = pair_outputs(tape, cx.model, batch);
        let to = Distillation { smoothing, share, temperature, scale: 1.0 };
        tape.distilled(x, &cx.model.decoder.output, teacher.rows(&taught), &batch.target_output, to)
    })
}

fn differentiate(
    cx: &TapeContext,
    batch: &PairBatch,
    gradients: &mut Gradients,
    forward: impl FnOnce(&mut Tape) -> LossSums,
) -> LossSums {
    if batch.target_output.is_empty() {
        return LossSums::default();
    }
    let tokens = [batch.source.ids.len(), batch.target_output.len()];
    let mut tape = Tape::new(cx, gradients);
    let losses = {
        let _span = trace::phase("forward", tokens);
        forward(&mut tape)
    };
    let _span = trace::phase("backward", tokens);
    tape.backward();
    // Lanes are alike in tokens, but not in how these divide into source and target.
    lsra_tensor::trim();
    losses
}

/// One forward pass, recorded.
pub struct Tape<'a> {
    cx: &'a TapeContext<'a>,
    nodes: Vec<Node>,
    gradients: &'a mut Gradients,
    scratch: Scratch,
    /// How often this update has passed its sentences before: masks are others each time.
    pass: u64,
}

/// Room that kernels work in; one set serves the whole tape.
#[derive(Default)]
struct Scratch {
    gemm: GemmScratch,
    attention: AttentionScratch,
    loss: LossScratch,
}

impl<'a> Tape<'a> {
    /// An empty tape that will add to `gradients`.
    pub fn new(cx: &'a TapeContext<'a>, gradients: &'a mut Gradients) -> Tape<'a> {
        Tape { cx, nodes: Vec::new(), gradients, scratch: Scratch::default(), pass: 0 }
    }

    /// A value from outside the model, whose gradient [`Tape::backward`] returns.
    pub fn input(&mut self, value: Tensor) -> NodeId {
        self.push(value, Op::Input)
    }

    /// Adds d(loss) / d(value) where the loss is computed outside, as [`Exec::loss`] does for its own.
    pub fn add_gradient(&mut self, of: NodeId, gradient: Tensor) {
        self.give(of, gradient);
    }

    /// One mask a sentence at this place; none where nothing is dropped.
    fn keys(&self, d: &Dropout, sequences: &Sequences) -> Vec<DropoutKey> {
        if d.rate == 0.0 {
            return Vec::new();
        }
        sequences.sentences().iter().map(|&s| self.key(d, s)).collect()
    }

    fn key(&self, d: &Dropout, sentence: u64) -> DropoutKey {
        DropoutKey::new(self.cx.seed, self.cx.update, d.site, in_pass(sentence, self.pass))
    }
}
