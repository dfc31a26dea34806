//! Training: differentiation, losses, optimisers, schedules, the trainer and its checkpoints.
//!
//! A [`Trainer`] makes one update after another: a batch is cut into a fixed number of lanes, threads differentiate lanes, the
//! lanes' gradients are summed in order, and the optimiser steps. [`run()`] adds validations, checkpoints and the log. Everything
//! random is drawn from counters, so that a run's numbers depend on its [`Identity`](checkpoint::Identity) and the instruction set
//! alone: not on the number of threads, and not on how often it was stopped.
#![forbid(unsafe_code)]

mod average;
pub mod checkpoint;
mod config;
mod ema;
mod error;
pub mod lanes;
mod machine;
mod metrics;
pub mod optimizer;
mod progress;
mod run;
mod schedule;
mod setup;
pub mod tape;
mod teacher;
pub mod threads;
mod trainer;

pub use average::{FinalWeights, best_final_weights, final_weights};
pub use config::{OptimizerKind, PrecisionKind, ScheduleKind, TrainingConfig, TrainingConfigError};
pub use error::TrainError;
pub use machine::machine;
pub use metrics::{Metrics, as_written};
pub use progress::{Progress, Validation};
pub use run::{Ending, Observer, Run, RunOptions, Start, run};
pub use schedule::Schedule;
pub use setup::Setup;
pub use tape::{
    Gradients, LossSums, PairBatch, Tape, TapeContext, lane_agreement_gradients, lane_distilled_gradients,
    lane_gradients, pair_losses, pair_outputs,
};
pub use teacher::{Lesson, Teacher};
pub use trainer::{Trainer, Update};
