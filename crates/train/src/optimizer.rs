//! From the lanes' gradients to new weights: sum, norm, clip, step.
//!
//! Parameters are worked on in pieces of a fixed size, so that threads can share a large one and no result depends on how many
//! threads there are.

use crate::config::{OptimizerKind, TrainingConfig};
use crate::schedule::Schedule;
use crate::tape::Gradients;
use lsra_exec::Weights;
use lsra_kernels::Isa;
use lsra_kernels::elementwise::{add_assign, sum_squares};
use lsra_kernels::optim::{AdamStep, NesterovStep, adam, nesterov};
use lsra_model::Params;
use rayon::prelude::*;

/// Values of a piece: 64 KiB of each operand, so that the five of Adam's stay in a second-level cache.
pub(crate) const PIECE: usize = 1 << 14;

/// What an optimiser remembers between updates: means or velocities, as many values as the parameters have.
pub struct Optimizer {
    rule: Rule,
    weight_decay: f64,
    clip_norm: f64,
    moments: Vec<Moments>,
}

enum Rule {
    Adam { betas: [f64; 2], eps: f64 },
    Nesterov { momentum: f64 },
}

/// One remembered value for each value of each parameter.
pub struct Moments {
    /// What it is, as checkpoints name it.
    pub name: &'static str,
    /// One vector a parameter, in their order.
    pub values: Vec<Vec<f32>>,
}

/// What one update was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The learning rate it used.
    pub lr: f64,
    /// The norm of the gradient per target token, before clipping.
    pub gradient_norm: f64,
}

impl Optimizer {
    /// With nothing to remember yet.
    pub fn new(config: &TrainingConfig, params: &Params) -> Optimizer {
        let zeros = |name| Moments { name, values: params.iter().map(|(_, s)| vec![0.0; s.len()]).collect() };
        let (rule, moments) = match config.optimizer {
            OptimizerKind::Adam => {
                (Rule::Adam { betas: config.betas, eps: config.eps }, vec![zeros("mean"), zeros("square")])
            }
            OptimizerKind::Nesterov => (Rule::Nesterov { momentum: config.momentum }, vec![zeros("velocity")]),
        };
        Optimizer { rule, weight_decay: config.weight_decay, clip_norm: config.clip_norm, moments }
    }

    /// What it remembers, to be saved.
    pub fn moments(&self) -> &[Moments] {
        &self.moments
    }

    /// The same, to be restored.
    pub fn moments_mut(&mut self) -> &mut [Moments] {
        &mut self.moments
    }

    /// Update number `updates`, from 0. `gradients` is of a loss summed over `tokens`; the step is by its mean.
    ///
    /// Returns what the step was like; where the gradient's norm is not a number, the weights are as before.
    pub fn step(
        &mut self,
        isa: Isa,
        schedule: &Schedule,
        updates: u64,
        gradients: &Gradients,
        tokens: usize,
        weights: &mut Weights,
    ) -> Step {
        let lr = schedule.lr(updates);
        let mean = 1.0 / tokens as f64;
        let gradient_norm = norm(gradients) * mean;
        if !gradient_norm.is_finite() {
            return Step { lr, gradient_norm };
        }
        // The original's clip_grad_norm, whose 1e-6 keeps a zero norm from dividing.
        let clip = if self.clip_norm > 0.0 { (self.clip_norm / (gradient_norm + 1e-6)).min(1.0) } else { 1.0 };
        let scale = (mean * clip) as f32;
        let g = gradients.values().par_iter();
        let p = weights.tensors_mut().par_iter_mut().map(|t| t.data_mut());
        match (&self.rule, self.moments.as_mut_slice()) {
            (&Rule::Adam { betas: [beta1, beta2], eps }, [mean, square]) => {
                let s = AdamStep { lr, beta1, beta2, eps, weight_decay: self.weight_decay, step: updates + 1 };
                let moments = mean.values.par_iter_mut().zip(&mut square.values);
                p.zip(g).zip(moments).for_each(|((p, g), (m, v))| {
                    let pieces = p.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE));
                    let pieces = pieces.zip(m.par_chunks_mut(PIECE)).zip(v.par_chunks_mut(PIECE));
                    pieces.for_each(|(((p, g), m), v)| adam(isa, &s, scale, p, g, m, v));
                });
            }
            (&Rule::Nesterov { momentum }, [velocity]) => {
                let last_lr = schedule.lr(updates.saturating_sub(1));
                let s = NesterovStep { lr, last_lr, momentum, weight_decay: self.weight_decay };
                p.zip(g).zip(&mut velocity.values).for_each(|((p, g), u)| {
                    let pieces = p.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).zip(u.par_chunks_mut(PIECE));
                    pieces.for_each(|((p, g), u)| nesterov(isa, &s, scale, p, g, u));
                });
            }
            _ => unreachable!("an optimiser is made with its own moments"),
        }
        Step { lr, gradient_norm }
    }
}

/// Adds the other lanes' gradients to the first lane's, lane by lane in order. Panics where there is no lane.
pub fn sum_lanes(isa: Isa, lanes: &mut [Gradients]) -> &Gradients {
    let (first, rest) = lanes.split_first_mut().expect("at least one lane");
    first.values_mut().par_iter_mut().enumerate().for_each(|(i, sum)| {
        sum.par_chunks_mut(PIECE).enumerate().for_each(|(piece, sum)| {
            for lane in rest.iter() {
                add_assign(isa, sum, &lane.values()[i][piece * PIECE..][..sum.len()]);
            }
        });
    });
    first
}

/// The Euclidean norm over all parameters, summed piece by piece in order.
fn norm(gradients: &Gradients) -> f64 {
    let pieces: Vec<&[f32]> = gradients.values().iter().flat_map(|g| g.chunks(PIECE)).collect();
    let squares: Vec<f64> = pieces.par_iter().map(|piece| sum_squares(piece)).collect();
    squares.iter().sum::<f64>().sqrt()
}
