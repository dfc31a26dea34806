//! `cargo xtask`: the project's own commands, each a call of the `lsra` library.

use clap::{Parser, Subcommand};
use lsra::profile::{self, ProfileArgs};
use std::fmt::Display;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Profile and train Lite Transformers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Count parameters and multiply-adds of presets
    Profile(ProfileArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Profile(args) => profile::run(&args).map_or_else(|e| refuse(&e), ExitCode::from),
    }
}

/// What went wrong in one line; bad input ends with status 2.
fn refuse(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}
