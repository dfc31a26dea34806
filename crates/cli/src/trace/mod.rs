//! `--trace FILE`: what ran when, as a file for a viewer and as tables of where time went.

mod chrome;
mod profile;
mod table;
mod updates;

pub use chrome::write_chrome;
pub use profile::{Cost, Phase, Profile, Step, unrecorded_share};
pub use updates::{TracedUpdates, UpdateTraceArgs};

use crate::Error;
use crate::sink::Sink;
use crate::tell::tell;
use lsra_kernels::trace::{self, Trace};
use std::path::{Path, PathBuf};

/// Events of a recording at most: some 80 MB of JSON, which viewers still open with ease, and 40 MB of memory until it is written.
pub const MOST_EVENTS: usize = 500_000;

/// A recording and the file that it will be.
pub struct TraceFile {
    path: PathBuf,
    sink: Sink,
}

impl TraceFile {
    /// Makes sure of the file's place before there is anything to lose.
    ///
    /// Errors: the file cannot be made there.
    pub fn prepare(path: &Path) -> Result<TraceFile, Error> {
        Ok(TraceFile { path: path.to_owned(), sink: Sink::open(Some(path))? })
    }

    /// Writes a recording, and shows its profile on standard error.
    ///
    /// Errors: the disk is full.
    pub fn finish(mut self, trace: &Trace) -> Result<(), Error> {
        write_chrome(trace, &mut self.sink)?;
        self.sink.finish()?;
        tell!("{}", Profile::of(trace));
        tell!("trace: {} (open it in ui.perfetto.dev or chrome://tracing)", self.path.display());
        Ok(())
    }
}

/// Runs `work`, recorded into a file where one is given.
///
/// Errors: those of `work`, and a file that cannot be written; then nothing is run.
pub(crate) fn traced<R>(file: Option<&Path>, work: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    let Some(file) = file.map(TraceFile::prepare).transpose()? else { return work() };
    trace::start(MOST_EVENTS);
    let result = work();
    let trace = trace::stop();
    result.and_then(|result| file.finish(&trace).map(|()| result))
}
