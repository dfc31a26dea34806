//! A whole run: updates, validations, checkpoints, until a limit or a wish to stop.

use crate::checkpoint::{CheckpointError, CheckpointFolder};
use crate::error::TrainError;
use crate::metrics::Metrics;
use crate::progress::Validation;
use crate::trainer::{Trainer, Update};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where a run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the beginning; the folder must hold no checkpoints.
    Fresh,
    /// At the beginning; checkpoints that the folder holds are removed.
    Replace,
    /// At the newest checkpoint that is whole, or at the beginning where there is none.
    Resume,
}

/// What a run is to do besides training.
pub struct RunOptions<'a> {
    /// Where checkpoints and metrics go.
    pub out: PathBuf,
    /// Where to start.
    pub start: Start,
    /// When to end at the latest, counted from now.
    pub time_limit: Option<Duration>,
    /// Set from outside to save and leave.
    pub interrupted: &'a AtomicBool,
    /// What the log is to tell of this run beside its settings: names, the machine. Nothing that is learnt depends on it.
    pub about: Map<String, Value>,
}

/// Why a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The settings' number of updates or epochs is reached.
    Complete,
    /// Validations have stopped improving.
    Converged,
    /// The time is up.
    OutOfTime,
    /// Somebody wished it; the position is saved, but the weights are not validated.
    Interrupted,
}

impl Ending {
    /// As the log has it.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Complete => "complete",
            Ending::Converged => "converged",
            Ending::OutOfTime => "out of time",
            Ending::Interrupted => "interrupted",
        }
    }
}

/// Somebody who watches a run.
pub trait Observer {
    /// The run begins, or goes on from a checkpoint, past newer ones that are broken.
    fn started(&mut self, trainer: &Trainer<'_>, from: Option<&Path>, broken: &[CheckpointError]);
    /// One more update.
    fn updated(&mut self, trainer: &Trainer<'_>, update: &Update);
    /// One more validation.
    fn validated(&mut self, trainer: &Trainer<'_>, validation: &Validation);
    /// The validation is in the log, where more may be told of the same weights, as a `sample`.
    ///
    /// Errors: the log cannot be written.
    fn logged(&mut self, trainer: &Trainer<'_>, validation: &Validation, log: &mut Metrics) -> Result<(), TrainError> {
        let _ = (trainer, validation, log);
        Ok(())
    }
}

/// A run that has ended.
pub struct Run {
    /// Why.
    pub ending: Ending,
    /// Its checkpoints.
    pub checkpoints: CheckpointFolder,
    /// Its log, to go on with.
    pub metrics: Metrics,
}

/// Trains until something ends it. Wherever it is stopped, a run that resumes computes the same bits as one that never was.
///
/// Errors: a folder in use or not to be written, a loss that is not a number.
pub fn run(
    trainer: &mut Trainer<'_>,
    options: &RunOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<Run, TrainError> {
    let begun = Instant::now();
    let checkpoints = CheckpointFolder::open(options.out.join("checkpoints"))?;
    let metrics = begin(trainer, options, &checkpoints, observer)?;
    let mut session = Session { trainer, observer, run: Run { ending: Ending::Complete, checkpoints, metrics } };
    match session.train(options, begun) {
        Ok(ending) => {
            session.run.metrics.ended(ending)?;
            session.run.ending = ending;
            Ok(session.run)
        }
        Err(error) => {
            // The first error is the one to tell; the log may be what failed.
            let _ = session.run.metrics.failed(&error);
            Err(error)
        }
    }
}

fn begin(
    trainer: &mut Trainer<'_>,
    options: &RunOptions<'_>,
    checkpoints: &CheckpointFolder,
    observer: &mut dyn Observer,
) -> Result<Metrics, TrainError> {
    let log = options.out.join("metrics.jsonl");
    match options.start {
        Start::Fresh if !checkpoints.entries()?.is_empty() => {
            return Err(TrainError::FolderInUse { folder: options.out.display().to_string() });
        }
        Start::Fresh => (),
        Start::Replace => checkpoints.clear()?,
        Start::Resume => match checkpoints.newest()? {
            (Some(file), broken) => {
                trainer.restore(&file)?;
                let metrics = Metrics::resume(&log, trainer, &options.about)?;
                observer.started(trainer, Some(file.path()), &broken);
                return Ok(metrics);
            }
            // All are broken: going on from nothing would hide that.
            (None, mut broken) if !broken.is_empty() => return Err(broken.swap_remove(0).into()),
            (None, _) => (),
        },
    }
    let metrics = Metrics::create(&log, trainer, &options.about)?;
    observer.started(trainer, None, &[]);
    Ok(metrics)
}

/// Why there is nothing left to train, if so.
fn limit(trainer: &Trainer<'_>) -> Option<Ending> {
    let (config, progress) = (trainer.config(), trainer.progress());
    let epochs_over = config.max_epochs > 0 && progress.epoch > config.max_epochs;
    if progress.updates >= config.max_updates || epochs_over {
        Some(Ending::Complete)
    } else if config.patience > 0 && progress.epochs_since_best(trainer.updates_per_epoch()) >= config.patience {
        Some(Ending::Converged)
    } else {
        None
    }
}

struct Session<'s, 'd> {
    trainer: &'s mut Trainer<'d>,
    observer: &'s mut dyn Observer,
    run: Run,
}

impl Session<'_, '_> {
    fn train(&mut self, options: &RunOptions<'_>, begun: Instant) -> Result<Ending, TrainError> {
        let interval = Duration::from_secs_f64(self.trainer.config().checkpoint_minutes * 60.0);
        let mut saved = Instant::now();
        let ending = loop {
            if let Some(ending) = limit(self.trainer) {
                break ending;
            }
            if options.interrupted.load(Ordering::Relaxed) {
                self.save(None)?;
                return Ok(Ending::Interrupted);
            }
            if options.time_limit.is_some_and(|limit| begun.elapsed() >= limit) {
                break Ending::OutOfTime;
            }
            self.update()?;
            if self.trainer.at_epoch_end() {
                self.end_epoch()?;
            } else if saved.elapsed() >= interval {
                self.save(None)?;
            } else {
                continue;
            }
            saved = Instant::now();
        };
        // A limit within an epoch: what was learnt since the last validation counts too.
        if self.trainer.progress().updates > 0 && !self.trainer.progress().is_validated() {
            let validation = self.validate()?;
            self.save(Some(validation.epoch))?;
        }
        Ok(ending)
    }

    fn update(&mut self) -> Result<(), TrainError> {
        let update = self.trainer.update()?;
        self.run.metrics.update(&update)?;
        self.observer.updated(self.trainer, &update);
        Ok(())
    }

    fn validate(&mut self) -> Result<Validation, TrainError> {
        let start = Instant::now();
        let validation = self.trainer.validate();
        if let Some((_, value)) = validation.valid.not_finite() {
            // Before it is kept anywhere: a checkpoint that is right is not to make room for one that is not.
            return Err(self.trainer.not_a_number("the loss on valid", value, validation.updates));
        }
        self.run.metrics.validation(&validation, start.elapsed().as_secs_f64())?;
        self.observer.validated(self.trainer, &validation);
        self.observer.logged(self.trainer, &validation, &mut self.run.metrics)?;
        Ok(validation)
    }

    fn end_epoch(&mut self) -> Result<(), TrainError> {
        let validation = self.validate()?;
        self.trainer.next_epoch();
        self.save(Some(validation.epoch))
    }

    fn save(&mut self, epoch: Option<u64>) -> Result<(), TrainError> {
        self.run.metrics.sync()?;
        let progress = self.trainer.progress();
        let path = self.run.checkpoints.path(progress.updates, epoch);
        self.trainer.save(&path)?;
        let (kept, per_epoch) = (self.trainer.config().kept_checkpoints(), self.trainer.updates_per_epoch());
        // The best within an epoch counts only if the run ends there for good; if it goes on, the best end of an epoch does.
        let bests = [progress.best(), progress.best_epoch(per_epoch)];
        let bests: Vec<u64> = bests.into_iter().flatten().map(|b| b.updates).collect();
        Ok(self.run.checkpoints.tidy(&path, kept, per_epoch, &bests)?)
    }
}
