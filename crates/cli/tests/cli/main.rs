//! The `lsra` program as its users run it.

mod bad_input;
mod commands;
mod program;
