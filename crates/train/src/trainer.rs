//! One update after another.

use crate::checkpoint::{self, CheckpointError, CheckpointFile, Identity, Saved};
use crate::config::TrainingConfig;
use crate::ema::Ema;
use crate::error::TrainError;
use crate::lanes::Cutting;
use crate::optimizer::{Optimizer, Step, sum_lanes};
use crate::progress::{Progress, Validation};
use crate::schedule::Schedule;
use crate::setup::Setup;
use crate::tape::{
    Gradients, LossSums, TapeContext, lane_agreement_gradients, lane_distilled_gradients, lane_gradients, pair_losses,
};
use crate::teacher::{Lesson, Teacher};
use crate::{lanes, threads};
use lsra_exec::{Directions, Eager, Packed, Weights};
use lsra_kernels::{Isa, trace};
use lsra_model::Model;
use lsra_text::{Batch, BatchLimits, Batches, Corpus, Recut};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::path::Path;
use std::time::{Duration, Instant};

/// A model under training, at some position in its data.
pub struct Trainer<'d> {
    isa: Isa,
    threads: ThreadPool,
    seed: u64,
    model: Model,
    config: TrainingConfig,
    schedule: Schedule,
    train: &'d Corpus,
    valid: &'d Corpus,
    /// There where text is cut anew.
    recut: Option<Recut<'d>>,
    /// There where one is followed, with a number that tells it from others.
    teacher: Option<(Teacher, u64)>,
    train_batches: Batches,
    valid_batches: Batches,
    fingerprint: u64,
    /// The digest of the weights it started from, where these were not drawn.
    from: Option<u64>,
    weights: Weights,
    packed: Packed,
    optimizer: Optimizer,
    ema: Option<Ema>,
    gradients: Vec<Gradients>,
    progress: Progress,
    /// The order of the batches in the epoch under way.
    order: Vec<u32>,
}

/// What one update was like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Updates so far, this one included.
    pub updates: u64,
    /// The epoch, from 1.
    pub epoch: u64,
    /// Losses of its batches before it, with dropout.
    pub losses: LossSums,
    /// Pairs in its batches.
    pub sentences: usize,
    /// The learning rate and the gradient's norm.
    pub step: Step,
    /// Wall time of the whole update.
    pub time: Duration,
    /// The part of it that lanes took: all but summing, stepping and packing.
    pub lanes_time: Duration,
}

impl<'d> Trainer<'d> {
    /// At the beginning, with initial weights.
    ///
    /// Errors: a setting out of range or that has nothing to work on, weights of another model, or a corpus of which no sentence fits the
    /// model or a batch.
    pub fn new(setup: Setup<'d>) -> Result<Trainer<'d>, TrainError> {
        setup.check()?;
        let Setup { isa, threads, seed, model, config, train, valid, recut, weights, teacher } = setup;
        let teacher = teacher.filter(|_| config.teachers_share().is_some());
        let teacher = teacher.map(|teacher| {
            let fingerprint = teacher.fingerprint();
            (teacher, fingerprint)
        });
        let from = weights.as_ref().map(checkpoint::weights_digest);
        let positions = model.config.max_positions;
        let limits = BatchLimits {
            max_tokens: config.max_tokens,
            max_sentences: None,
            multiple: config.sentences_multiple,
            max_source: positions,
            max_target: positions,
        };
        let train_batches = Batches::shuffled(train, &limits, seed)?;
        // About a lane's tokens, so that validating needs no more memory than training.
        let anything = BatchLimits { max_tokens: (config.max_tokens / config.lanes).max(positions), ..limits };
        let valid_batches = Batches::in_order(valid, &anything)?;
        // Those of a file, or shared with somebody, cannot be written to.
        let weights = weights.map_or_else(|| Weights::init(&model.params, seed), |there| there.to_owned_copy());
        let packed =
            Packed::with_precision(isa, &model, &weights, Directions::ForwardAndBackward, config.precision.into());
        Ok(Trainer {
            isa,
            threads: threads::pool(threads),
            seed,
            schedule: config.schedule(),
            fingerprint: checkpoint::fingerprint([train, valid]),
            from,
            optimizer: Optimizer::new(&config, &model.params),
            ema: (config.ema > 0.0).then(|| Ema::new(config.ema, &weights)),
            gradients: (0..config.lanes).map(|_| Gradients::zeros(&model.params)).collect(),
            order: train_batches.epoch_order(1),
            progress: Progress::default(),
            recut: recut.filter(|_| config.bpe_dropout > 0.0),
            teacher,
            model,
            config,
            train,
            valid,
            train_batches,
            valid_batches,
            weights,
            packed,
        })
    }

    /// One update on the next batches. Panics at the end of an epoch, where [`Trainer::next_epoch`] goes on.
    ///
    /// Errors: a loss or a gradient that is not a number; the weights are then those of the update before.
    pub fn update(&mut self) -> Result<Update, TrainError> {
        assert!(!self.at_epoch_end(), "no batch is left in this epoch");
        let start = Instant::now();
        let _step = trace::step("update", []);
        let end = (self.progress.batch + self.config.accumulate).min(self.order.len());
        let group: Vec<&Batch> =
            self.order[self.progress.batch..end].iter().map(|&b| &self.train_batches.batches[b as usize]).collect();
        let sentences = group.iter().map(|b| b.sentences.len()).sum();
        let first = TapeContext {
            isa: self.isa,
            model: &self.model,
            weights: &self.weights,
            packed: &self.packed,
            seed: self.seed,
            update: self.progress.updates,
            batch: 0,
        };
        let mut losses = LossSums::default();
        let (train, smoothing, alpha) = (self.train, self.config.label_smoothing, self.config.r_drop);
        let cutting = self.recut.as_ref().map(|recut| Cutting {
            recut,
            rate: self.config.bpe_dropout,
            seed: self.seed,
            epoch: self.progress.epoch,
            longest: self.model.config.max_positions,
        });
        let lesson = self.teacher.as_ref().zip(self.config.teachers_share()).map(|((teacher, _), share)| Lesson {
            teacher,
            share,
            temperature: self.config.distil_temperature,
        });
        let gradients = &mut self.gradients;
        let waiting = trace::wait("wait for lanes");
        self.threads.install(|| {
            let _span = trace::phase("lanes", [gradients.len()]);
            gradients.par_iter_mut().for_each(|g| {
                let _span = trace::phase("clear gradients", []);
                g.clear();
            });
            for (i, batch) in group.into_iter().enumerate() {
                let context = TapeContext { batch: i as u64, ..first };
                let parts = lanes::cut(train, &batch.sentences, gradients.len());
                let lane = |(part, gradients): (&Vec<u32>, &mut Gradients)| {
                    let pairs = match &cutting {
                        Some(cutting) => lanes::recut_pairs(train, part, cutting),
                        None => lanes::pairs(train, part),
                    };
                    match lesson {
                        Some(lesson) => lane_distilled_gradients(&context, &pairs, smoothing, lesson, gradients),
                        None if alpha > 0.0 => lane_agreement_gradients(&context, &pairs, smoothing, alpha, gradients),
                        None => lane_gradients(&context, &pairs, smoothing, gradients),
                    }
                };
                let sums: Vec<LossSums> =
                    parts.par_iter().zip(gradients.par_iter_mut()).with_max_len(1).map(lane).collect();
                sums.into_iter().for_each(|s| losses += s);
            }
        });
        drop(waiting);
        let lanes_time = start.elapsed();
        if let Some((what, value)) = losses.not_finite() {
            return Err(self.not_a_number(what, value, self.progress.updates + 1));
        }

        let (isa, updates) = (self.isa, self.progress.updates);
        let (optimizer, schedule, weights, packed, ema) =
            (&mut self.optimizer, &self.schedule, &mut self.weights, &mut self.packed, &mut self.ema);
        let waiting = trace::wait("wait for the optimiser");
        let step = self.threads.install(|| {
            let sum = {
                let _span = trace::phase("reduce gradients", [gradients.len()]);
                sum_lanes(isa, gradients)
            };
            let step = {
                let _span = trace::phase("optimiser", []);
                optimizer.step(isa, schedule, updates, sum, losses.tokens, weights)
            };
            if let Some(ema) = ema.as_mut().filter(|_| step.gradient_norm.is_finite()) {
                let _span = trace::phase("average weights", []);
                ema.add(isa, updates + 1, weights);
            }
            let _span = trace::phase("pack weights", []);
            packed.refresh(weights);
            step
        });
        drop(waiting);
        if !step.gradient_norm.is_finite() {
            return Err(self.not_a_number("the gradient's norm", step.gradient_norm, self.progress.updates + 1));
        }
        let per_epoch = self.updates_per_epoch();
        self.progress.forget_validations_within_epochs(per_epoch);
        self.progress.updates += 1;
        self.progress.batch = end;
        self.progress.epoch_losses += losses;
        let (updates, epoch) = (self.progress.updates, self.progress.epoch);
        Ok(Update { updates, epoch, losses, sentences, step, time: start.elapsed(), lanes_time })
    }

    /// Losses on the validation set, remembered in the progress. A mean over updates is packed anew each time, and dropped after.
    pub fn validate(&mut self) -> Validation {
        self.rest();
        let valid = match &self.ema {
            Some(ema) => self.losses_on_valid(ema.mean()),
            None => self.losses_packed(&self.weights, &self.packed),
        };
        let Progress { epoch, updates, epoch_losses: train, .. } = self.progress;
        let validation = Validation { epoch, updates, train, valid };
        self.progress.validations.push(validation);
        validation
    }

    /// Losses of these weights on the validation set; nothing is remembered of them.
    pub fn losses_on_valid(&self, weights: &Weights) -> LossSums {
        let precision = self.config.precision.into();
        let packed = Packed::with_precision(self.isa, &self.model, weights, Directions::Forward, precision);
        self.losses_packed(weights, &packed)
    }

    fn losses_packed(&self, weights: &Weights, packed: &Packed) -> LossSums {
        let batch_losses = |batch: &Batch| {
            let _span = trace::phase("validate", [batch.sentences.len()]);
            let mut eager = Eager::new(self.isa, &self.model, weights, packed);
            let pairs = lanes::pairs(self.valid, &batch.sentences);
            let losses = LossSums::of(&pair_losses(&mut eager, &self.model, &pairs, self.config.label_smoothing));
            drop(eager);
            lsra_tensor::trim();
            losses
        };
        let batches = &self.valid_batches.batches;
        let sums: Vec<LossSums> =
            self.threads.install(|| batches.par_iter().with_max_len(1).map(batch_losses).collect());
        let mut valid = LossSums::default();
        sums.into_iter().for_each(|s| valid += s);
        valid
    }

    /// Gives back to the system what threads keep for the next update, before something else that takes memory.
    pub fn rest(&self) {
        self.threads.broadcast(|_| lsra_tensor::empty());
    }

    /// Whether all batches of the epoch are done.
    pub fn at_epoch_end(&self) -> bool {
        self.progress.batch == self.order.len()
    }

    /// Goes on to the next epoch's first batch.
    pub fn next_epoch(&mut self) {
        self.progress.epoch += 1;
        self.progress.batch = 0;
        self.progress.epoch_losses = LossSums::default();
        self.order = self.train_batches.epoch_order(self.progress.epoch);
    }

    /// Writes all of the run to a file, or nothing.
    ///
    /// Errors: the file cannot be written; what was there before is as it was.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let saved = Saved { identity: self.identity(), progress: self.progress.clone() };
        let mean = self.ema.as_ref().map(Ema::mean);
        checkpoint::write(path, &saved, &self.model.params, &self.weights, mean, self.optimizer.moments())
    }

    /// Takes up a run where a checkpoint left it.
    ///
    /// Errors: no checkpoint of this run; the trainer may then hold parts of it and is not to be used.
    pub fn restore(&mut self, file: &CheckpointFile) -> Result<(), CheckpointError> {
        let saved = file.saved();
        saved.identity.check_same_run(&self.identity(), file.path())?;
        let order = self.train_batches.epoch_order(saved.progress.epoch);
        if saved.progress.batch >= order.len() {
            let (path, batch) = (file.path().display().to_string(), saved.progress.batch);
            let reason = format!("it stands at batch {batch} of an epoch that has {}", order.len());
            return Err(CheckpointError::NotACheckpoint { path, reason });
        }
        self.weights = file.weights(&self.model.params)?;
        file.moments(&self.model.params, self.optimizer.moments_mut())?;
        if let (Some(ema), Some(mean)) = (&mut self.ema, file.ema(&self.model.params)?) {
            ema.set(mean);
        }
        self.order = order;
        self.progress = saved.progress.clone();
        let (packed, weights) = (&mut self.packed, &self.weights);
        self.threads.install(|| packed.refresh(weights));
        Ok(())
    }

    /// What makes two runs the same run.
    pub fn identity(&self) -> Identity {
        Identity {
            model: self.model.config.clone(),
            training: self.config.clone(),
            seed: self.seed,
            data: self.fingerprint,
            teacher: self.teacher.as_ref().map(|(_, fingerprint)| *fingerprint),
            from: self.from,
        }
    }

    /// Where it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How it is trained.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its parameters as they are now.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The parameters that are validated: their mean over updates, where `ema` asks for one.
    pub fn validated_weights(&self) -> &Weights {
        self.ema.as_ref().map_or(&self.weights, Ema::mean)
    }

    /// What it learns from.
    pub fn train_corpus(&self) -> &Corpus {
        self.train
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// How many threads work on lanes.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Batches of an epoch.
    pub fn batches(&self) -> usize {
        self.train_batches.len()
    }

    /// Updates of an epoch.
    pub fn updates_per_epoch(&self) -> u64 {
        self.batches().div_ceil(self.config.accumulate) as u64
    }

    /// Pairs left out because they are too long for the model: of the training and of the validation set.
    pub fn too_long(&self) -> [usize; 2] {
        [self.train_batches.too_long.len(), self.valid_batches.too_long.len()]
    }

    /// That an update, from 1, has led to a value that is no number.
    pub(crate) fn not_a_number(&self, what: &'static str, value: f64, update: u64) -> TrainError {
        TrainError::NotANumber { what, value, update, lr: self.schedule.lr(update.saturating_sub(1)) }
    }
}
