//! What a training is made of, and whether it fits together.

use crate::config::TrainingConfig;
use crate::error::TrainError;
use crate::teacher::Teacher;
use lsra_exec::Weights;
use lsra_kernels::Isa;
use lsra_model::{Model, Params};
use lsra_text::{Corpus, Recut};

/// What a trainer is made of.
pub struct Setup<'d> {
    /// The instruction set to run on; results differ in the last bits from one to another.
    pub isa: Isa,
    /// How many threads; no result depends on it.
    pub threads: usize,
    /// What everything random is drawn from.
    pub seed: u64,
    /// The model.
    pub model: Model,
    /// How to train it.
    pub config: TrainingConfig,
    /// What to learn from.
    pub train: &'d Corpus,
    /// What to validate on.
    pub valid: &'d Corpus,
    /// The text of `train`, where it is to be cut anew; needed with BPE-dropout alone.
    pub recut: Option<Recut<'d>>,
    /// The weights to start from, of the model's shapes, where these are not to be drawn.
    pub weights: Option<Weights>,
    /// Whom to follow; needed where the settings name a teacher alone.
    pub teacher: Option<Teacher>,
}

impl Setup<'_> {
    /// Errors: a setting out of range or that has nothing to work on, a teacher of other vocabularies, or weights of another model.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let Setup { model, config, .. } = self;
        config.validate()?;
        if config.bpe_dropout > 0.0 && self.recut.is_none() {
            return Err(TrainError::NothingToRecut { rate: config.bpe_dropout });
        }
        if config.teachers_share().is_some() {
            self.teacher.as_ref().ok_or(TrainError::NoTeacher)?.check(&model.config)?;
        }
        config.check_model(&model.config)?;
        self.weights.as_ref().map_or(Ok(()), |weights| check_fit(weights, &model.params))
    }
}

/// Errors: these are no weights of such parameters.
fn check_fit(weights: &Weights, params: &Params) -> Result<(), TrainError> {
    if weights.len() != params.len() {
        let tensors = |n: usize| format!("{n} tensors");
        let (found, expected) = (tensors(weights.len()), tensors(params.len()));
        return Err(TrainError::WeightsMisfit { what: "the whole".to_owned(), found, expected });
    }
    let shape = |(rows, columns): (usize, usize)| format!("{rows} x {columns}");
    for ((_, spec), tensor) in params.iter().zip(weights.iter()) {
        let found = (tensor.rows(), tensor.columns());
        if found != spec.matrix() {
            let what = format!("tensor {}", spec.name);
            return Err(TrainError::WeightsMisfit { what, found: shape(found), expected: shape(spec.matrix()) });
        }
    }
    Ok(())
}
