//! What the `lsra` program and `cargo xtask` do, as a library: one module a command, each with its arguments and its `run`,
//! whose errors are one line for a user.
#![forbid(unsafe_code)]

pub mod clock;
pub mod columns;
pub mod compare_runs;
pub mod demo;
pub mod document;
pub mod error;
pub mod evaluate;
pub mod fetch;
pub mod line_chart;
pub mod lines;
pub mod options;
pub mod pairs;
pub mod prepare;
pub mod profile;
pub mod report;
pub mod run_log;
pub mod same_text;
pub mod score;
pub mod sink;
pub mod synthesis;
mod tell;
pub mod text;
pub mod text_model;
mod toml_fault;
pub mod trace;
pub mod train;
pub mod translate;
pub mod watch;

pub use error::{Error, exit};
