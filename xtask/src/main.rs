//! `cargo xtask`: the project's own commands, each a call of the `lsra` library.

use clap::{Parser, Subcommand};
use lsra::demo::{self, DemoArgs};
use lsra::profile::{self, ProfileArgs};
use lsra::train::{self, TrainArgs};
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
    /// Train a small model on a corpus made on the spot, in minutes
    Demo(DemoArgs),
    /// Train a model on sentence pairs
    Train(TrainArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Profile(args) => profile::run(&args).map(ExitCode::from).map_err(lsra::Error::from),
        Command::Demo(args) => demo::run(&args),
        Command::Train(args) => train::run(&args),
    };
    lsra::exit(result)
}
