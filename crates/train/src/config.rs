//! How a model is trained, as a user writes it in the `[training]` table of a preset.

use crate::error::TrainError;
use crate::schedule::Schedule;
use lsra_kernels::gemm::Precision;
use lsra_model::ModelConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::str::FromStr;

/// The rule that turns gradients into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay.
    Adam,
    /// Nesterov's accelerated gradient.
    Nesterov,
}

/// How the learning rate changes after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// lr x sqrt(warmup / update).
    InverseSqrt,
    /// From `lr` to `final_lr` along half a cosine, once or in periods.
    Cosine,
}

/// What operands of matrix products are rounded to. Weights, sums, norms, attention, convolutions and the optimiser are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrecisionKind {
    /// Nothing is rounded.
    #[default]
    F32,
    /// 8 significant bits: faster where the CPU multiplies it faster (Zen 4 and later; tiles), and the same result, slower, where it has no
    /// instructions for it.
    Bf16,
}

impl From<PrecisionKind> for Precision {
    fn from(kind: PrecisionKind) -> Precision {
        match kind {
            PrecisionKind::F32 => Precision::F32,
            PrecisionKind::Bf16 => Precision::Bf16,
        }
    }
}

impl FromStr for PrecisionKind {
    type Err = String;

    /// Errors: not the name of a precision to train in.
    fn from_str(name: &str) -> Result<PrecisionKind, String> {
        match name {
            "f32" => Ok(PrecisionKind::F32),
            "bf16" => Ok(PrecisionKind::Bf16),
            _ => Err(format!("{name}: training is in f32 or bf16")),
        }
    }
}

/// The `[training]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The rule that turns gradients into steps.
    pub optimizer: OptimizerKind,
    /// Adam's decays of the means of gradients and of their squares.
    #[serde(default = "betas")]
    pub betas: [f64; 2],
    /// Adam's addend outside the root.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Nesterov's decay of the velocity.
    #[serde(default = "momentum")]
    pub momentum: f64,
    /// Each update first takes lr x weight_decay of every parameter away.
    #[serde(default)]
    pub weight_decay: f64,
    /// What operands of matrix products are rounded to.
    #[serde(default)]
    pub precision: PrecisionKind,
    /// The share of the target's probability that is spread over all words.
    #[serde(default)]
    pub label_smoothing: f32,
    /// Text is cut anew each epoch with merges left out with this probability, 0.1 in the paper (BPE-dropout, Provilkov et al. 2020);
    /// 0 cuts it once. Batches stay those of the plain cut, so they hold more tokens than `max_tokens` says. What is
    /// validated is cut plainly.
    #[serde(default)]
    pub bpe_dropout: f32,
    /// R-Drop's alpha, 5 for IWSLT in the paper (Liang et al. 2021); 0 trains without. Every sentence passes twice with other dropout, and the
    /// two are to agree: the loss is that of the paper and its code, halved (see `lsra_kernels::agreement`). An update takes twice
    /// as long, and what its passes keep for the gradient about twice the memory; `max_tokens` counts a sentence once. A model
    /// without dropout is refused.
    #[serde(default)]
    pub r_drop: f32,
    /// A model file of any size to learn from besides the text, word by word (Hinton et al. 2015; Kim and Rush 2016): its distribution over the
    /// target's words is followed as the target is. It has the same vocabularies, text form and languages. It runs without dropout, in
    /// `precision`, and costs its forward pass. Not together with `r_drop`.
    #[serde(default)]
    pub teacher: Option<PathBuf>,
    /// The share a of the loss that is the teacher's, from 0 to 1; 0.5 unless given, and 0 leaves the teacher aside. The loss is (1 - a) x the
    /// label-smoothed loss + a x `distil_temperature`^2 x KL(teacher || student) (see `lsra_kernels::distil`).
    #[serde(default)]
    pub distil: Option<f32>,
    /// What both models' logits are divided by where they are compared: above 1, improbable words count for more.
    #[serde(default = "plain_temperature")]
    pub distil_temperature: f32,
    /// Where it is above 0, the weights that are validated and kept are an exponential mean over updates: update n moves it by
    /// (1 - `ema`) / (1 - `ema`^n) of the way to its weights: nearly 1 / n at first, about 1 - `ema` once n is well above 1 / (1 - `ema`).
    /// It costs a second set of weights, and while it is validated a packed copy of that. With it, `average_checkpoints = 1` takes the best mean as it is.
    #[serde(default)]
    pub ema: f64,
    /// Gradients of a longer norm are scaled to this one; 0 leaves all as they are.
    #[serde(default)]
    pub clip_norm: f64,
    /// Most tokens of a batch, counted as sentences x longest side.
    pub max_tokens: usize,
    /// Full batches hold a multiple of so many sentences.
    #[serde(default = "sentences_multiple")]
    pub sentences_multiple: usize,
    /// Batches whose gradients make one update.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// How the learning rate changes after the warm-up.
    pub schedule: ScheduleKind,
    /// The highest learning rate, reached at the end of the warm-up.
    pub lr: f64,
    /// Updates over which the learning rate rises.
    pub warmup_updates: u64,
    /// The learning rate of the first update.
    #[serde(default)]
    pub warmup_from: f64,
    /// Cosine: the lowest learning rate.
    #[serde(default)]
    pub final_lr: f64,
    /// Cosine: updates of the first period; 0 makes one period of all that follow the warm-up.
    #[serde(default)]
    pub period_updates: u64,
    /// Cosine: how many times longer each period is than the one before.
    #[serde(default = "unchanged")]
    pub period_growth: f64,
    /// Cosine: what both ends of the range are multiplied by from one period to the next.
    #[serde(default = "unchanged")]
    pub period_shrink: f64,
    /// Training ends after so many updates.
    pub max_updates: u64,
    /// Training ends after so many epochs; 0 sets no limit.
    #[serde(default)]
    pub max_epochs: u64,
    /// Training ends when so many epochs in a row brought no lower loss on valid; 0 never ends it.
    #[serde(default)]
    pub patience: usize,
    /// The final weights are the mean of so many last epochs' checkpoints; 1 takes the best one as it is.
    #[serde(default = "one")]
    pub average_checkpoints: usize,
    /// The final weights are, of the best checkpoint and the means of the last 2, 3, … `average_checkpoints`, those of the least loss on valid:
    /// a run that ended while it still learnt fast is better than its mean with what it was before.
    #[serde(default)]
    pub average_by_valid: bool,
    /// Epochs' checkpoints kept beside the best one; never fewer than are averaged.
    #[serde(default = "one")]
    pub keep_checkpoints: usize,
    /// Minutes between checkpoints within an epoch.
    #[serde(default = "checkpoint_minutes")]
    pub checkpoint_minutes: f64,
    /// Parts that a batch is cut into, whatever the number of threads that work on them.
    #[serde(default = "lanes")]
    pub lanes: usize,
}

fn betas() -> [f64; 2] {
    [0.9, 0.98]
}
fn eps() -> f64 {
    1e-8
}
fn momentum() -> f64 {
    0.99
}
fn sentences_multiple() -> usize {
    8
}
fn one() -> usize {
    1
}
fn plain_temperature() -> f32 {
    1.0
}
fn unchanged() -> f64 {
    1.0
}
fn checkpoint_minutes() -> f64 {
    5.0
}
fn lanes() -> usize {
    4
}

/// A setting that no training can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("training.{key} = {value}: {expected}")]
pub struct TrainingConfigError {
    /// The key.
    pub key: &'static str,
    /// What it holds.
    pub value: String,
    /// What it may hold.
    pub expected: &'static str,
}

impl TrainingConfig {
    /// Errors: the first setting out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), TrainingConfigError> {
        let below_one = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        check("betas", self.betas[0], below_one(self.betas[0]), "both must be at least 0 and below 1")?;
        check("betas", self.betas[1], below_one(self.betas[1]), "both must be at least 0 and below 1")?;
        check("eps", self.eps, positive(self.eps), "must be above 0")?;
        check("momentum", self.momentum, below_one(self.momentum), "must be at least 0 and below 1")?;
        check("weight_decay", self.weight_decay, not_negative(self.weight_decay), "must be a number not below 0")?;
        let smoothing = f64::from(self.label_smoothing);
        check("label_smoothing", smoothing, below_one(smoothing), "must be at least 0 and below 1")?;
        let rate = f64::from(self.bpe_dropout);
        check("bpe_dropout", rate, below_one(rate), "must be at least 0 and below 1; 0.1 is usual")?;
        let alpha = f64::from(self.r_drop);
        check("r_drop", alpha, not_negative(alpha), "must be a number not below 0; 5 is usual for small corpora")?;
        self.validate_teacher()?;
        check("ema", self.ema, below_one(self.ema), "must be at least 0 and below 1; 0.999 is usual")?;
        check("clip_norm", self.clip_norm, not_negative(self.clip_norm), "must be a number not below 0")?;
        check("max_tokens", self.max_tokens, self.max_tokens > 0, "must be at least 1")?;
        check("sentences_multiple", self.sentences_multiple, self.sentences_multiple > 0, "must be at least 1")?;
        check("accumulate", self.accumulate, self.accumulate > 0, "must be at least 1")?;
        check("lr", self.lr, positive(self.lr), "must be above 0")?;
        let starts = not_negative(self.warmup_from) && self.warmup_from <= self.lr;
        check("warmup_from", self.warmup_from, starts, "must be from 0 to training.lr")?;
        let ends = not_negative(self.final_lr) && self.final_lr <= self.lr;
        check("final_lr", self.final_lr, ends, "must be from 0 to training.lr")?;
        let grows = self.period_growth.is_finite() && self.period_growth >= 1.0;
        check("period_growth", self.period_growth, grows, "must be at least 1")?;
        let shrinks = positive(self.period_shrink) && self.period_shrink <= 1.0;
        check("period_shrink", self.period_shrink, shrinks, "must be above 0 and at most 1")?;
        self.validate_periods()?;
        check("max_updates", self.max_updates, self.max_updates > 0, "must be at least 1")?;
        check("average_checkpoints", self.average_checkpoints, self.average_checkpoints > 0, "must be at least 1")?;
        let minutes = self.checkpoint_minutes;
        check("checkpoint_minutes", minutes, positive(minutes) && minutes <= 1e6, "must be above 0, at most 1000000")?;
        check("lanes", self.lanes, (1..=1024).contains(&self.lanes), "must be from 1 to 1024")
    }

    fn validate_periods(&self) -> Result<(), TrainingConfigError> {
        let cosine = self.schedule == ScheduleKind::Cosine;
        check(
            "period_updates",
            self.period_updates,
            cosine || self.period_updates == 0,
            "needs training.schedule = \"cosine\"",
        )?;
        for (key, value) in [("period_growth", self.period_growth), ("period_shrink", self.period_shrink)] {
            let many = self.period_updates > 0;
            check(key, value, many || value == 1.0, "needs training.period_updates, the length of the first period")?;
        }
        Ok(())
    }

    fn validate_teacher(&self) -> Result<(), TrainingConfigError> {
        let there = self.teacher.is_some();
        if let Some(share) = self.distil {
            check("distil", share, (0.0..=1.0).contains(&share), "must be from 0 to 1; 0.5 is usual")?;
            check("distil", share, there || share == 0.0, "needs training.teacher, a model file")?;
        }
        let temperature = self.distil_temperature;
        let range = (1e-3..=1e3).contains(&temperature);
        check(
            "distil_temperature",
            temperature,
            range,
            "must be from 0.001 to 1000; 1 compares the models as they are",
        )?;
        check("distil_temperature", temperature, there || temperature == 1.0, "needs training.teacher, a model file")?;
        let apart = self.r_drop == 0.0 || self.teachers_share().is_none();
        check("r_drop", self.r_drop, apart, "does not go together with training.teacher: leave one of them out")
    }

    /// Errors: passes that are to agree, and a model in which nothing is dropped.
    pub fn check_model(&self, model: &ModelConfig) -> Result<(), TrainError> {
        match self.r_drop > 0.0 && !model.has_dropout() {
            true => Err(TrainError::NothingToAgree { alpha: self.r_drop }),
            false => Ok(()),
        }
    }

    /// The share of the loss that is a teacher's, where there is one to be followed.
    pub fn teachers_share(&self) -> Option<f32> {
        self.teacher.as_ref().map(|_| self.distil.unwrap_or(0.5)).filter(|share| *share > 0.0)
    }

    /// Whether a loss has a divergence: of two passes, or from a teacher.
    pub fn has_divergence(&self) -> bool {
        self.r_drop > 0.0 || self.teachers_share().is_some()
    }

    /// The learning rate of every update.
    pub fn schedule(&self) -> Schedule {
        Schedule::new(self)
    }

    /// How many epochs' checkpoints stay on disk beside the best one.
    pub fn kept_checkpoints(&self) -> usize {
        self.keep_checkpoints.max(self.average_checkpoints).max(1)
    }
}

fn check(
    key: &'static str,
    value: impl ToString,
    holds: bool,
    expected: &'static str,
) -> Result<(), TrainingConfigError> {
    if holds { Ok(()) } else { Err(TrainingConfigError { key, value: value.to_string(), expected }) }
}
