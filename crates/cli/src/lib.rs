//! What the `lsra` program and `cargo xtask` do, as a library: one module a command, each with its arguments and its `run`,
//! whose errors are one line for a user.
#![forbid(unsafe_code)]

pub mod error;
pub mod profile;

pub use error::{Error, exit};
