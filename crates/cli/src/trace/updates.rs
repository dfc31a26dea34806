//! Some updates of a training, recorded.

use super::{MOST_EVENTS, TraceFile};
use crate::Error;
use clap::Args;
use lsra_kernels::trace::{self, Trace};
use lsra_train::checkpoint::CheckpointError;
use lsra_train::{Metrics, Observer, TrainError, Trainer, Update, Validation};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// Whether to record a training, and which part of it.
#[derive(Args, Clone, Debug, Default)]
pub struct UpdateTraceArgs {
    /// Write what ran when, every kernel and operation of some updates, as a Chrome trace, and show where time went
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Updates to record; validations and checkpoints between them are recorded too [default: 20]
    #[arg(long, value_name = "N", requires = "trace")]
    pub trace_updates: Option<NonZeroU64>,
    /// Updates before them, which warm caches and pools [default: 10]
    #[arg(long, value_name = "N", requires = "trace")]
    pub trace_skip: Option<u64>,
}

/// An observer that records, and passes on what it sees.
pub struct TracedUpdates<'a> {
    inner: &'a mut dyn Observer,
    file: Option<TraceFile>,
    /// Updates of this run until the recording starts and until it ends.
    window: [u64; 2],
    seen: u64,
    trace: Option<Trace>,
}

impl<'a> TracedUpdates<'a> {
    /// Makes sure of the file's place; without one, nothing is recorded.
    ///
    /// Errors: the file cannot be made there.
    pub fn new(args: &UpdateTraceArgs, inner: &'a mut dyn Observer) -> Result<TracedUpdates<'a>, Error> {
        let file = args.trace.as_deref().map(TraceFile::prepare).transpose()?;
        let skip = args.trace_skip.unwrap_or(10);
        let end = skip.saturating_add(args.trace_updates.map_or(20, NonZeroU64::get));
        Ok(TracedUpdates { inner, file, window: [skip, end], seen: 0, trace: None })
    }

    /// What was recorded and where it is to be written; also where the run has ended within its window.
    pub fn into_recording(self) -> Option<(TraceFile, Trace)> {
        let file = self.file?;
        Some((file, self.trace.unwrap_or_else(trace::stop)))
    }

    fn turn(&mut self) {
        if self.file.is_none() {
            return;
        }
        if self.seen == self.window[0] {
            trace::start(MOST_EVENTS);
        } else if self.seen == self.window[1] {
            self.trace = Some(trace::stop());
        }
    }
}

impl Observer for TracedUpdates<'_> {
    fn started(&mut self, trainer: &Trainer<'_>, from: Option<&Path>, broken: &[CheckpointError]) {
        self.inner.started(trainer, from, broken);
        self.turn();
    }

    fn updated(&mut self, trainer: &Trainer<'_>, update: &Update) {
        self.seen += 1;
        self.inner.updated(trainer, update);
        self.turn();
    }

    fn validated(&mut self, trainer: &Trainer<'_>, validation: &Validation) {
        self.inner.validated(trainer, validation);
    }

    fn logged(&mut self, trainer: &Trainer<'_>, validation: &Validation, log: &mut Metrics) -> Result<(), TrainError> {
        self.inner.logged(trainer, validation, log)
    }
}
