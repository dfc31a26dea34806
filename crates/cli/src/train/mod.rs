//! `train`: from a folder of sentence pairs to one model file.

mod finish;
mod job;
mod progress;
mod settings;

pub use finish::{Scores, SplitScores};
pub use job::{Job, JobEnd, Trained};
pub use settings::{Decoding, Settings, SettingsError};

use crate::Error;
use crate::trace::UpdateTraceArgs;
use clap::{Args, ValueEnum};
use lsra_kernels::Isa;
use lsra_text::{Languages, Prepared};
use lsra_train::{PrecisionKind, Start};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What to train on, and with which settings unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// IWSLT'14 German to English: talks, tokenised and lowercased
    Iwslt14,
}

impl Recipe {
    fn name(self) -> &'static str {
        match self {
            Recipe::Iwslt14 => "iwslt14",
        }
    }

    fn preset(self) -> &'static str {
        match self {
            Recipe::Iwslt14 => "iwslt-160",
        }
    }

    fn languages(self) -> Languages {
        match self {
            Recipe::Iwslt14 => Languages { source: "de".to_owned(), target: "en".to_owned() },
        }
    }
}

/// Train a model.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// What to train on
    #[arg(value_enum)]
    pub recipe: Recipe,
    /// A folder with train, valid and test, a file a language, and bpe.codes and dictionaries where there are any
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// A preset, or the path of a TOML file like one [default: the recipe's]
    #[arg(long, value_name = "NAME|FILE")]
    pub preset: Option<String>,
    /// Where the model, its checkpoints and metrics.jsonl go [default: runs/PRESET]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the newest checkpoint in --out
    #[arg(long)]
    pub resume: bool,
    /// End after so many updates [default: the preset's]
    #[arg(long, value_name = "N")]
    pub max_updates: Option<u64>,
    /// End after so many minutes, scores not counted
    #[arg(long, value_name = "MINUTES")]
    pub max_minutes: Option<f64>,
    /// What operands of matrix products are rounded to: f32 or bf16; weights and sums are f32 [default: the preset's]
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<PrecisionKind>,
    /// What everything random is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads; no result depends on it [default: as many as this process may use]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Change a setting of the preset, as in --set training.lr=1e-3; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// What to record
    #[command(flatten)]
    pub trace: UpdateTraceArgs,
}

/// Trains, scores and writes the model file.
///
/// Errors: whatever is wrong with the text, the settings or the folder to write to, or a loss that is not a number.
pub fn run(args: &TrainArgs) -> Result<ExitCode, Error> {
    let isa = Isa::from_env()?;
    let preset = args.preset.as_deref().unwrap_or(args.recipe.preset());
    let mut settings = Settings::load(preset, &args.settings)?;
    if let Some(updates) = args.max_updates {
        settings.training.max_updates = updates;
    }
    if let Some(precision) = args.precision {
        settings.training.precision = precision;
    }
    let name = PathBuf::from(preset).file_stem().map_or(preset.to_owned(), |s| s.to_string_lossy().into_owned());
    let job = Job {
        out: args.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&name)),
        name,
        corpus: args.recipe.name().to_owned(),
        languages: args.recipe.languages(),
        settings,
        isa,
        threads: threads(args.threads)?,
        seed: args.seed,
        start: if args.resume { Start::Resume } else { Start::Fresh },
        time_limit: time_limit(args.max_minutes)?,
        trace: args.trace.clone(),
    };
    let prepared = Prepared::read(&args.data, &job.languages)?;
    match job.run(&prepared)? {
        JobEnd::Trained(_) => Ok(ExitCode::SUCCESS),
        // As a shell reports a program that Ctrl-C ended: 128 + SIGINT.
        JobEnd::Interrupted => Ok(ExitCode::from(130)),
    }
}

pub(crate) fn threads(asked: Option<usize>) -> Result<usize, Error> {
    match asked {
        Some(n) if !(1..=1024).contains(&n) => Err(Error::Option {
            option: "threads",
            value: n.to_string(),
            expected: "must be from 1 to 1024".to_owned(),
        }),
        Some(n) => Ok(n),
        None => Ok(lsra_train::threads::available()),
    }
}

fn time_limit(minutes: Option<f64>) -> Result<Option<Duration>, Error> {
    let limit = |minutes: f64| {
        Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| Error::Option {
            option: "max-minutes",
            value: minutes.to_string(),
            expected: "must be a number of minutes".to_owned(),
        })
    };
    minutes.map(limit).transpose()
}
