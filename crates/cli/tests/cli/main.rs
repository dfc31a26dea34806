//! The `lsra` program as its users run it.

mod bad_input;
mod commands;
mod evaluating;
mod program;
mod text_rules;
mod watching;
