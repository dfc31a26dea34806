//! A run in one file: weights, moments, position, history, and what the run was told to do.
//!
//! A checkpoint is a safetensors file. Tensors are `weights.NAME`, `MOMENT.NAME` and, where an exponential mean over updates is kept, `ema.NAME`
//! for every parameter; the metadata holds the rest as JSON. Schedules and random numbers follow from the settings, the seed and the count of updates.

mod file;
mod folder;
mod identity;

pub use file::{CheckpointFile, Saved, read, write};
pub use folder::{CheckpointFolder, Entry};
pub use identity::{Identity, fingerprint, weights_digest};

use std::io;

/// What can be wrong with a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Their folder cannot be made or read.
    #[error(
        "{path}: the folder cannot be made or read ({cause}); choose another --out, or check that you may write there"
    )]
    NoFolder {
        /// The path.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "{path}: the checkpoint cannot be written ({cause}); make room or choose another --out; earlier checkpoints are as they were"
    )]
    Unwritable {
        /// The path.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// The file cannot be read.
    #[error("{path}: the checkpoint cannot be read ({cause}); check that the file is there and that you may read it")]
    Unreadable {
        /// The path.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// The file is not a whole checkpoint.
    #[error("{path}: is no checkpoint of this program ({reason}); remove it, and --resume takes the one before")]
    NotACheckpoint {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor is missing or has another shape.
    #[error(
        "{path}: tensor {tensor} is {found}, expected {expected}; remove the file, and --resume takes the one before"
    )]
    Tensor {
        /// The path.
        path: String,
        /// Its name.
        tensor: String,
        /// Its shape, or that it is missing.
        found: String,
        /// The shape that the model gives it.
        expected: String,
    },
    /// The checkpoint is of a run on other text, or its text was prepared anew in another way.
    #[error(
        "{path}: that run had other text to train and validate on, or its folder was prepared in another way since; give that text, \
         prepared as it was, or choose another --out to begin anew"
    )]
    OtherText {
        /// The path.
        path: String,
    },
    /// The checkpoint is of a run with other settings.
    #[error(
        "{path}: that run had {what} {then}, this one has {now}; give the same again, or choose another --out to begin anew"
    )]
    AnotherRun {
        /// The path.
        path: String,
        /// What differs.
        what: String,
        /// In the checkpoint.
        then: String,
        /// In this run.
        now: String,
    },
}
