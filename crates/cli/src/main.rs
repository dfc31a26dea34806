//! The `lsra` program.

use clap::{Parser, Subcommand};
use lsra::compare_runs::{self, CompareRunsArgs};
use lsra::evaluate::{self, EvaluateArgs};
use lsra::prepare::{self, PrepareArgs};
use lsra::profile::{self, ProfileArgs};
use lsra::score::{self, ScoreArgs};
use lsra::synthesis::{self, BackTranslateArgs, DistilArgs};
use lsra::text::{self, TextArgs};
use lsra::train::{self, TrainArgs};
use lsra::translate::{self, TranslateArgs};
use lsra::watch::{self, WatchArgs};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "lsra", version, about = "Train Lite Transformers and translate with them")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each command's help is the documentation of its arguments.
#[derive(Subcommand)]
enum Command {
    Prepare(PrepareArgs),
    Train(TrainArgs),
    Watch(WatchArgs),
    CompareRuns(CompareRunsArgs),
    Distil(DistilArgs),
    BackTranslate(BackTranslateArgs),
    Translate(TranslateArgs),
    Score(ScoreArgs),
    Evaluate(EvaluateArgs),
    Text(TextArgs),
    Profile(ProfileArgs),
}

fn main() -> ExitCode {
    lsra::exit(match Cli::parse().command {
        Command::Prepare(args) => prepare::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::CompareRuns(args) => compare_runs::run(&args),
        Command::Distil(args) => synthesis::distil(&args),
        Command::BackTranslate(args) => synthesis::back_translate(&args),
        Command::Translate(args) => translate::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Text(args) => text::run(&args),
        Command::Profile(args) => profile::run(&args).map(ExitCode::from).map_err(lsra::Error::from),
    })
}
