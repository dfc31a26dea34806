//! What a run has told of itself: its `metrics.jsonl`, read as it grows.
//!
//! A [`Follower`] reads what was added to the file, a [`Record`] holds what it says, and [`curve`] draws numbers over updates, tokens
//! or time out of it. The file may be anything: lines that are not understood are counted and left out, keys that are missing
//! leave gaps.

mod curve;
mod error;
mod follower;
mod outlook;
mod record;
mod rows;

pub use curve::{Across, Quantity, curve};
pub use error::RunLogError;
pub use follower::Follower;
pub use outlook::{Outlook, Phase};
pub use record::Record;
pub use rows::{Sample, Translation, UpdateRow, ValidationRow};

/// The log's name in a run's folder.
pub const FILE: &str = "metrics.jsonl";
