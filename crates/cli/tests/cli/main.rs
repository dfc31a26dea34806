//! The `lsra` program as its users run it.

mod bad_input;
mod commands;
mod evaluating;
mod learnt;
mod long_runs;
mod program;
mod real_text;
mod text_rules;
mod watching;
