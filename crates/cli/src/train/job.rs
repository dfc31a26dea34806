//! One training from prepared text to a model file, as `train` and `demo` run it.

use super::adapt::Base;
use super::finish::{self, Scores};
use super::reporter::{Reporter, about};
use super::sampler::Sampler;
use super::settings::Settings;
use super::teacher;
use crate::Error;
use crate::tell::tell;
use crate::trace::{TracedUpdates, UpdateTraceArgs};
use lsra_exec::ModelFile;
use lsra_kernels::Isa;
use lsra_model::{Embeddings, Model};
use lsra_text::{Languages, Prepared, Recut};
use lsra_train::{Ending, RunOptions, Setup, Start, Trainer};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What to train, and where.
pub struct Job {
    /// The model's name.
    pub name: String,
    /// The corpus's name.
    pub corpus: String,
    /// Of its two sides.
    pub languages: Languages,
    /// Model, training and decoding. Vocabulary sizes are taken from the text.
    pub settings: Settings,
    /// The instruction set to run on.
    pub isa: Isa,
    /// How many threads.
    pub threads: usize,
    /// What everything random is drawn from.
    pub seed: u64,
    /// The folder that everything is written to.
    pub out: PathBuf,
    /// The model whose weights it starts from, if these are not to be drawn; the text is what its [`Base::cut`] gave.
    pub from: Option<Base>,
    /// Whether to go on with what is there.
    pub start: Start,
    /// When to end at the latest.
    pub time_limit: Option<Duration>,
    /// What to record.
    pub trace: UpdateTraceArgs,
    /// What to tell once training begins, when nothing has gone wrong.
    pub hint: Option<&'static str>,
}

/// How a job ended.
pub enum JobEnd {
    /// With a model file.
    Trained(Box<Trained>),
    /// Early, by the user's wish; the position is saved.
    Interrupted,
}

/// A finished model.
pub struct Trained {
    /// All that its file holds.
    pub model: ModelFile,
    /// Where it was written to.
    pub file: PathBuf,
    /// BLEU.
    pub scores: Scores,
}

impl Job {
    /// Trains, scores and writes the model file.
    ///
    /// Errors: a setting or a corpus that cannot be trained with, a folder that cannot be written, a loss that is not a number.
    pub fn run(&self, text: &Prepared) -> Result<JobEnd, Error> {
        let mut config = self.settings.model.clone();
        config.source_vocabulary = text.source_vocabulary.len();
        config.target_vocabulary = text.target_vocabulary.len();
        if config.embeddings == Embeddings::AllShared && text.source_vocabulary != text.target_vocabulary {
            return Err(Error::SeparateDictionaries);
        }
        if let Some(base) = &self.from {
            base.check_cut(text)?;
            base.check_config(&config)?;
        }
        let model = self.out.join(finish::MODEL);
        // Whoever resumes has checkpoints that the model came from, or it is another run's.
        let goes_on = self.start == Start::Resume
            && self.out.join("checkpoints").read_dir().is_ok_and(|mut d| d.next().is_some());
        if self.start != Start::Replace && !goes_on && model.exists() {
            return Err(Error::ModelThere { file: model.display().to_string() });
        }
        let bpe_dropout = self.settings.training.bpe_dropout;
        let setup = Setup {
            isa: self.isa,
            threads: self.threads,
            seed: self.seed,
            model: Model::new(&config)?,
            config: self.settings.training.clone(),
            train: &text.train,
            valid: &text.valid,
            recut: if bpe_dropout > 0.0 { Recut::new(text) } else { None },
            weights: self.from.as_ref().map(|base| base.model.weights.clone()),
            teacher: teacher::load(self, text)?,
        };
        let Settings { decoding, watch, .. } = &self.settings;
        let sampler = Sampler::new(text, watch, decoding, config.max_positions, self.threads);
        let mut reporter = Reporter::new(sampler, self);
        let mut traced = TracedUpdates::new(&self.trace, &mut reporter)?;
        let mut trainer = Trainer::new(setup)?;
        let running = Running::begin();
        let options = RunOptions {
            out: self.out.clone(),
            start: self.start,
            time_limit: self.time_limit,
            interrupted: &INTERRUPTED,
            about: about(self, text.train.len()),
        };
        let run = lsra_train::run(&mut trainer, &options, &mut traced);
        let recording = traced.into_recording();
        reporter.end();
        reporter.refresh();
        // All there is to save is saved: from here on the first Ctrl-C ends the program.
        drop(running);
        let mut run = run?;
        if let Some((file, trace)) = recording {
            file.finish(&trace)?;
        }
        let (updates, patience) = (trainer.progress().updates, trainer.config().patience);
        match run.ending {
            Ending::Complete => (),
            Ending::Converged => {
                tell!("ended after update {updates}: valid has not improved for {patience} epochs (training.patience)");
            }
            Ending::OutOfTime => tell!("ended after update {updates}: the time is up; --resume goes on from there"),
            Ending::Interrupted => {
                tell!("saved after update {updates} in {}; --resume goes on from there", self.out.display());
                return Ok(JobEnd::Interrupted);
            }
        }
        let trained = finish::finish(self, text, &trainer, &mut run)?;
        reporter.refresh();
        Ok(JobEnd::Trained(Box::new(trained)))
    }
}

/// Set by Ctrl-C while trainings run, until all of them have ended.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Trainings of this process that have something to save.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// A training that Ctrl-C asks to save and end, like all others of this process. A second Ctrl-C, or one where none runs, ends the program.
struct Running;

impl Running {
    fn begin() -> Running {
        static HANDLER: OnceLock<()> = OnceLock::new();
        HANDLER.get_or_init(|| {
            let handler = || {
                if RUNNING.load(Ordering::SeqCst) == 0 || INTERRUPTED.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            };
            // A host program may have a handler of its own: then it is the one to decide.
            let _ = ctrlc::set_handler(handler);
        });
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            INTERRUPTED.store(false, Ordering::SeqCst);
        }
    }
}
