//! The `train` command as a program of its own, for tests that kill it, starve it of disk and give it bad input.

use clap::Parser;
use lsra::train::{TrainArgs, run};
use std::process::ExitCode;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: TrainArgs,
}

fn main() -> ExitCode {
    lsra::exit(run(&Cli::parse().args))
}
