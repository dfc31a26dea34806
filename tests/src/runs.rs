//! Trainers of [`tiny`]'s preset, and runs of them that are watched and stopped.

use crate::tiny;
use lsra::train::Settings;
use lsra_exec::Weights;
use lsra_kernels::Isa;
use lsra_model::{Model, ModelConfig};
use lsra_text::{Prepared, Recut};
use lsra_train::checkpoint::CheckpointError;
use lsra_train::{
    Observer, RunOptions, Setup, Start, Teacher, TrainError, Trainer, TrainingConfig, Update, Validation,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A trainer of the tiny preset with these changes.
pub fn trainer<'d>(isa: Isa, threads: usize, text: &'d Prepared, changes: &[&str]) -> Trainer<'d> {
    trainer_from(None, isa, threads, text, changes).unwrap()
}

/// The same, from these weights where there are any.
pub fn trainer_from<'d>(
    weights: Option<Weights>,
    isa: Isa,
    threads: usize,
    text: &'d Prepared,
    changes: &[&str],
) -> Result<Trainer<'d>, TrainError> {
    let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
    let Settings { model, training, .. } = Settings::parse("tiny", tiny::PRESET, &changes).unwrap();
    let (source_vocabulary, target_vocabulary) = (text.source_vocabulary.len(), text.target_vocabulary.len());
    let model = Model::new(&ModelConfig { source_vocabulary, target_vocabulary, ..model }).unwrap();
    let teacher = training.teachers_share().map(|_| teacher(isa, &model, &training, 9));
    let setup = Setup {
        isa,
        threads,
        seed: 1,
        model,
        config: training,
        train: &text.train,
        valid: &text.valid,
        recut: Recut::new(text),
        weights,
        teacher,
    };
    Trainer::new(setup)
}

/// A larger model of the same words, whose weights are drawn.
pub fn teacher(isa: Isa, student: &Model, training: &TrainingConfig, seed: u64) -> Teacher {
    let config = ModelConfig { channels: 24, attention_channels: 16, feed_forward: 32, ..student.config.clone() };
    let model = Model::new(&config).unwrap();
    let weights = Weights::init(&model.params, seed);
    Teacher::new(isa, model, weights, training.precision.into())
}

/// Of the weights, and of their mean where there is one.
pub fn bits(trainer: &Trainer<'_>) -> Vec<u32> {
    let both = trainer.weights().iter().chain(trainer.validated_weights().iter());
    both.flat_map(|t| t.data().iter().map(|x| x.to_bits())).collect()
}

/// Sees losses, and asks to stop after some updates.
pub struct Watcher<'a> {
    /// Bits of each update's loss.
    pub losses: Vec<u64>,
    /// Of each epoch.
    pub validations: Vec<Validation>,
    stop_after: usize,
    stop: &'a AtomicBool,
}

impl<'a> Watcher<'a> {
    /// Of a flag that it sets after so many updates.
    pub fn new(stop: &'a AtomicBool, stop_after: usize) -> Watcher<'a> {
        stop.store(false, Ordering::Relaxed);
        Watcher { losses: Vec::new(), validations: Vec::new(), stop_after, stop }
    }
}

impl Observer for Watcher<'_> {
    fn started(&mut self, _: &Trainer<'_>, _: Option<&Path>, _: &[CheckpointError]) {}

    fn updated(&mut self, _: &Trainer<'_>, update: &Update) {
        self.losses.push(update.losses.smoothed.to_bits());
        if self.losses.len() == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn validated(&mut self, _: &Trainer<'_>, validation: &Validation) {
        self.validations.push(*validation);
    }
}

/// A run's options, of the folder it writes to.
pub fn options<'a>(out: &Path, start: Start, interrupted: &'a AtomicBool) -> RunOptions<'a> {
    RunOptions { out: out.to_owned(), start, time_limit: None, interrupted, about: Default::default() }
}
