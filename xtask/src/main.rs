//! `cargo xtask`: the project's own commands, each a call of the `lsra` library.

mod bench;
mod peak;

use bench::BenchArgs;
use clap::{Parser, Subcommand};
use lsra::demo::{self, DemoArgs};
use lsra::profile::{self, ProfileArgs};
use lsra::train::{self, TrainArgs};
use peak::PeakArgs;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Profile, train and time Lite Transformers")]
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
    /// Measure what this machine can do at most: multiply-adds, and bytes out of each cache
    Peak(PeakArgs),
    /// Time kernels and whole jobs against this machine's peaks, and against peers
    Bench(BenchArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Profile(args) => profile::run(&args).map(ExitCode::from).map_err(lsra::Error::from),
        Command::Demo(args) => demo::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Peak(args) => peak::run(&args),
        Command::Bench(args) => bench::run(&args),
    };
    lsra::exit(result)
}
