//! The `lsra` program.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Translate with Lite Transformers.
#[derive(Parser)]
#[command(name = "lsra", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {};
    lsra::exit(result)
}
