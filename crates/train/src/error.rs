//! What ends a training run before its time.

use crate::checkpoint::CheckpointError;
use crate::config::TrainingConfigError;
use lsra_text::TextError;
use std::io;

/// Why training cannot begin or go on. Each message is one line for a user.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting out of range.
    #[error(transparent)]
    Config(#[from] TrainingConfigError),
    /// A corpus that cannot be trained on.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Text that cannot be cut anew.
    #[error(
        "training.bpe_dropout = {rate} needs text that is cut into pieces here, and this text came cut; give words and \
         bpe.codes or a folder that lsra prepare made, or set it to 0"
    )]
    NothingToRecut {
        /// The setting.
        rate: f32,
    },
    /// A share of the loss for a teacher, and no teacher.
    #[error("training.teacher is set, and the trainer was given no model of it")]
    NoTeacher,
    /// A teacher for another student.
    #[error(
        "training.teacher: its {what} is {there}, expected {expected}; a teacher reads and writes its student's pieces"
    )]
    TeacherMisfit {
        /// What differs.
        what: &'static str,
        /// The teacher's.
        there: usize,
        /// What the student needs.
        expected: String,
    },
    /// Two passes that are the same.
    #[error(
        "training.r_drop = {alpha} has two passes with other dropout agree, and nothing is dropped; set model.dropout above 0, \
         or training.r_drop to 0"
    )]
    NothingToAgree {
        /// The setting.
        alpha: f32,
    },
    /// Weights to start from that are of another model.
    #[error(
        "the weights to start from are not this model's: {what} is {found}, expected {expected}; give those of one like it"
    )]
    WeightsMisfit {
        /// A tensor's name, or all of them.
        what: String,
        /// Its shape, or how many there are.
        found: String,
        /// As the model has it.
        expected: String,
    },
    /// A checkpoint that cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A loss or a gradient has left the numbers.
    #[error(
        "update {update}: {what} is {value} at a learning rate of {lr:.3e}; try a lower training.lr, more \
         training.warmup_updates, or training.clip_norm = 1.0; the checkpoints before it are kept"
    )]
    NotANumber {
        /// Loss, divergence or norm.
        what: &'static str,
        /// Infinite, or none.
        value: f64,
        /// Which update, from 1.
        update: u64,
        /// Its learning rate.
        lr: f64,
    },
    /// The folder holds another run.
    #[error(
        "{folder}: holds the checkpoints of an earlier run; add --resume to go on with it, or choose another --out"
    )]
    FolderInUse {
        /// The folder.
        folder: String,
    },
    /// A file or folder cannot be written.
    #[error("{path}: cannot be written ({cause}); check that there is room and that you may write there")]
    Unwritable {
        /// The path.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
}
