//! `train`: from a folder of sentence pairs to one model file.

mod adapt;
mod config;
mod decoding;
mod finish;
mod job;
mod progress;
mod reporter;
mod sampler;
mod settings;
mod task;
mod teacher;
mod translations;

pub use adapt::Base;
pub use config::TrainConfig;
pub use decoding::{ByValid, Decoding, LengthPenalty};
pub use finish::{Scores, SplitScores};
pub use job::{Job, JobEnd, Trained};
pub use sampler::Watch;
pub use settings::{Preset, Settings, SettingsError};

use crate::Error;
use crate::options::MOST_THREADS;
use crate::tell::tell;
use crate::trace::UpdateTraceArgs;
use clap::{Args, ValueEnum};
use lsra_kernels::{Isa, peak};
use lsra_text::{Corpus, Languages, UNK};
use lsra_train::{PrecisionKind, Start};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use task::Task;

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
///
/// From a folder that `lsra prepare` made (--data), from raw files by a configuration (--config), or by a recipe: its corpus is
/// fetched and prepared as the literature does, or is a folder of text that is tokenised already. It shows loss, perplexity,
/// tokens a second and the time left, validates each epoch, writes metrics.jsonl, a page of it, report.html, and checkpoints, and
/// ends with BLEU and one file, model.safetensors, for `lsra translate`. Ctrl-C saves and ends it; --resume goes on.
/// `lsra watch` shows a run from elsewhere.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// A corpus of the literature, fetched and prepared in --data-dir unless --data has it
    #[arg(value_enum, conflicts_with = "config")]
    pub recipe: Option<Recipe>,
    /// A prepared folder; with a recipe one with train, valid and test, a file a language, and bpe.codes and dictionaries where
    /// there are any
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// Where a recipe fetches its corpus to and prepares it, once [default: data/ and the recipe's name]
    #[arg(long, value_name = "DIR", requires = "recipe", conflicts_with = "data")]
    pub data_dir: Option<PathBuf>,
    /// Where a recipe gets its corpus instead of its publisher's address: a mirror's, or a file that was fetched before
    #[arg(long, value_name = "URL|FILE", requires = "recipe", conflicts_with = "data")]
    pub archive: Option<String>,
    /// A TOML file with the tables corpus (files, folder, languages, …), prepare, distil, back-translation, model, training,
    /// decoding and watch: prepares the corpus where that is not done yet, and trains
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A preset, or the path of a TOML file like one [default: the recipe's; else iwslt-160 with tied embeddings, smaller batches and larger steps, ended when it learns no more]
    #[arg(long, value_name = "NAME|FILE")]
    pub preset: Option<String>,
    /// Where the model, its checkpoints, metrics.jsonl and report.html go [default: runs/ and the name of the preset or of the folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Start from the weights of this model instead of random ones, on text cut by its tokenisers and vocabularies; its dimensions
    /// are taken where no preset is named, and smaller steps where there is no recipe either. With --resume too: it cuts the text, and may lie elsewhere by then
    #[arg(long, value_name = "MODEL")]
    pub from: Option<PathBuf>,
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
    let threads = threads(args.threads)?;
    let time_limit = time_limit(args.max_minutes)?;
    let Task { name, corpus, mut settings, text, out, from } = Task::of(args)?;
    if let Some(updates) = args.max_updates {
        settings.training.max_updates = updates;
    }
    if let Some(precision) = args.precision {
        settings.training.precision = precision;
    }
    let chosen = args.resume || args.precision.is_some();
    let slow = settings.training.precision == PrecisionKind::F32 && !chosen && bf16_is_faster(isa);
    let hint = slow.then_some("this CPU multiplies bf16 faster: --precision bf16 learns as well in clearly less time");
    let (languages, mut prepared) = text.read(isa, threads)?;
    if let Some(base) = &from {
        prepared = base.cut(prepared, &languages)?;
        let [source, target] = unknown_percent(&prepared.train);
        tell!(
            "starting from {}, whose pieces and vocabularies cut the text; <unk> is {source:.2}% of the source's tokens \
             and {target:.2}% of the target's",
            base.file()
        );
    }
    let job = Job {
        name,
        corpus,
        languages,
        settings,
        isa,
        threads,
        seed: args.seed,
        out,
        from,
        start: if args.resume { Start::Resume } else { Start::Fresh },
        time_limit,
        trace: args.trace.clone(),
        hint,
    };
    match job.run(&prepared)? {
        JobEnd::Trained(trained) => {
            tell!("go on with: lsra translate --model {} \"...\"", trained.file.display());
            Ok(ExitCode::SUCCESS)
        }
        // As a shell reports a program that Ctrl-C ended: 128 + SIGINT.
        JobEnd::Interrupted => Ok(ExitCode::from(130)),
    }
}

/// How much of each side has no piece.
fn unknown_percent(corpus: &Corpus) -> [f64; 2] {
    [&corpus.source, &corpus.target].map(|side| {
        let unknown = side.iter().flatten().filter(|&&id| id == UNK).count();
        100.0 * unknown as f64 / side.iter().map(Vec::len).sum::<usize>().max(1) as f64
    })
}

pub(crate) fn threads(asked: Option<usize>) -> Result<usize, Error> {
    match asked {
        Some(n) if !(1..=MOST_THREADS).contains(&n) => Err(Error::Option {
            option: "threads",
            value: n.to_string(),
            expected: format!("must be from 1 to {MOST_THREADS}"),
        }),
        Some(n) => Ok(n),
        None => Ok(lsra_train::threads::available()),
    }
}

/// Whether products take clearly less time in bf16, measured now, in some 20 ms: there are CPUs whose bf16 instructions do half of
/// what their f32 does in the same time (Granite Rapids, outside its tiles), and others where they do twice as much (Zen 4 and 5), or, in tiles, 15 times.
fn bf16_is_faster(isa: Isa) -> bool {
    // Half as fast or twice as fast, so any bound between tells them apart.
    isa.has_bf16() && peak::bf16_gflops(isa) > 1.5 * peak::fma_gflops(isa)
}

fn time_limit(minutes: Option<f64>) -> Result<Option<Duration>, Error> {
    let limit = |minutes: f64| {
        let limit = Duration::try_from_secs_f64(minutes * 60.0).ok().filter(|limit| !limit.is_zero());
        limit.ok_or_else(|| Error::Option {
            option: "max-minutes",
            value: minutes.to_string(),
            expected: "must be a number of minutes above 0".to_owned(),
        })
    };
    minutes.map(limit).transpose()
}
