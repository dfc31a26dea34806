//! What the `lsra` program and `cargo xtask` do: one function a command.
#![forbid(unsafe_code)]

pub mod profile;
