//! Training: differentiation, losses, optimisers, schedules, the trainer and its checkpoints.
#![forbid(unsafe_code)]

pub mod tape;

pub use tape::{Gradients, LossSums, PairBatch, Tape, TapeContext, lane_gradients, pair_losses};
