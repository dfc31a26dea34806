//! Why a run cannot be looked at.

use std::io;

/// A folder that holds no run that can be read.
#[derive(Debug, thiserror::Error)]
pub enum RunLogError {
    /// Nothing is there.
    #[error("{folder}: no such folder; give the folder of a run, as --out of lsra train named it")]
    NoFolder {
        /// As it was given.
        folder: String,
    },
    /// No log is there.
    #[error(
        "{folder}: holds no metrics.jsonl, which lsra train writes from its first update on; give the folder of a run, or \
         look again when it has begun"
    )]
    NoLog {
        /// As it was given.
        folder: String,
    },
    /// The log cannot be read.
    #[error("{path}: cannot be read ({cause}); check that it is a file and that you may read it")]
    Unreadable {
        /// The log.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// The log holds nothing of a run.
    #[error(
        "{path}: holds no line of a run ({lines} lines are not understood); give the folder of a run of lsra train"
    )]
    NothingUnderstood {
        /// The log.
        path: String,
        /// Lines that are not understood.
        lines: u64,
    },
}
