//! `profile`: what each preset costs, by the paper's rule and truly.

mod budget;
mod chart;
mod count;
mod groups;
mod json;
mod numbers;
mod output;
mod page;
mod table;

pub use budget::Budget;
pub use count::{Profile, Sentence, Vocabulary};
pub use numbers::{grouped, millions};

use crate::tell::tell;
use clap::{Args, ValueEnum};
use lsra_model::ConfigError;
use lsra_model::presets::{self, PresetFile};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Count parameters and multiply-adds.
#[derive(Args, Clone, Debug, Default)]
pub struct ProfileArgs {
    /// A preset, or the path of a TOML file like one; may be repeated. Adds the breakdown per layer and kind of operation
    #[arg(long = "preset", value_name = "NAME|FILE")]
    pub presets: Vec<String>,
    /// Source tokens, the end symbol included [default: 30, or what the preset's paper figure is for]
    #[arg(long, value_name = "N")]
    pub src_len: Option<usize>,
    /// Target tokens, the end symbol included [default: 30, or what the preset's paper figure is for]
    #[arg(long, value_name = "N")]
    pub tgt_len: Option<usize>,
    /// Words of both vocabularies, or SOURCE,TARGET [default: the preset's]
    #[arg(long, value_name = "WORDS")]
    pub vocab: Option<String>,
    /// Exit with status 1 if a preset named with --preset costs more multiply-adds by the paper's rule: 100M, 0.5G, 54144000
    #[arg(long, value_name = "MULTIPLY-ADDS")]
    pub budget: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How a profile is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text, aligned in columns.
    #[default]
    Table,
    /// A list of objects, one a preset. Its `layers` sum to `macs_total` and `params_total`.
    Json,
    /// One page with charts that needs no network.
    Html,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither a preset nor a file.
    #[error("no preset is named {name:?} and no file is there; presets are {known}")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A file that is no preset.
    #[error("{file}{line}: {message}")]
    File {
        /// The file.
        file: String,
        /// Where in it, as in `, line 3`; empty where that is not known.
        line: String,
        /// What is wrong.
        message: String,
    },
    /// `--vocab` fits no model.
    #[error("--vocab {value}: {message}")]
    Vocabulary {
        /// What was given.
        value: String,
        /// What is wrong.
        message: String,
    },
    /// `--budget` is no number of multiply-adds.
    #[error("--budget {0:?}: give a number of multiply-adds above 0, as in 100M, 0.5G or 54144000")]
    Budget(String),
    /// A sentence that is empty or longer than the model's positions.
    #[error("{option} {length}: {preset} takes from 1 to {most} tokens")]
    Length {
        /// `--src-len` or `--tgt-len`.
        option: &'static str,
        /// What was given.
        length: usize,
        /// Whose limit.
        preset: String,
        /// The limit.
        most: usize,
    },
    /// The report cannot be written.
    #[error("cannot write {file}: {cause}")]
    Write {
        /// The file, or standard output.
        file: String,
        /// Why not.
        cause: io::Error,
    },
}

/// How a profile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No budget, or every named preset keeps it.
    Within,
    /// A named preset exceeds the budget.
    Over,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> ExitCode {
        match verdict {
            Verdict::Within => ExitCode::SUCCESS,
            Verdict::Over => ExitCode::from(1),
        }
    }
}

/// Counts, writes the report, and says on standard error which named presets exceed the budget, and by how much.
///
/// Errors: an unknown preset, a file that is none, an option out of range, or a report that cannot be written.
pub fn run(args: &ProfileArgs) -> Result<Verdict, ProfileError> {
    let budget = args.budget.as_deref().map(Budget::parse).transpose()?;
    let sentence = Sentence { source: args.src_len, target: args.tgt_len };
    let vocabulary = args.vocab.as_deref().map(Vocabulary::parse).transpose()?;
    let named = named_presets(&args.presets)?;
    let profiles = named
        .iter()
        .map(|(name, file)| Profile::of(name, file, sentence, vocabulary))
        .collect::<Result<Vec<_>, _>>()?;
    let text = match args.format {
        Format::Table if args.presets.is_empty() => table::render(&profiles, budget),
        Format::Table => table::render_breakdown(&profiles, budget),
        Format::Json => json::render(&profiles),
        Format::Html => page::render(&profiles, &rivals(&profiles)),
    };
    output::write(args.out.as_deref(), &text)?;
    let mut verdict = Verdict::Within;
    if let Some(budget) = budget.filter(|_| !args.presets.is_empty()) {
        for excess in profiles.iter().filter_map(|p| budget.excess(p)) {
            tell!("{excess}");
            verdict = Verdict::Over;
        }
    }
    Ok(verdict)
}

/// The presets of these names, or all. Errors: an unknown name, or a file that is no preset.
fn named_presets(names: &[String]) -> Result<Vec<(String, PresetFile)>, ProfileError> {
    if names.is_empty() {
        return Ok(built_in());
    }
    names.iter().map(|name| Ok((name.clone(), preset_or_file(name)?))).collect()
}

/// Every preset of the program.
fn built_in() -> Vec<(String, PresetFile)> {
    let parse = |text| PresetFile::parse(text).expect("the program's presets are valid");
    presets::ALL.iter().map(|(name, text)| (name.to_string(), parse(text))).collect()
}

/// For each profile of a Lite Transformer, the program's plain Transformer that costs most nearly as much for
/// the same sentence and vocabulary.
fn rivals(profiles: &[Profile]) -> Vec<Option<Profile>> {
    let plain: Vec<_> = built_in().into_iter().filter(|(_, f)| f.model.convolution_channels == 0).collect();
    let rival = |p: &Profile| {
        let same = Sentence { source: Some(p.source_len), target: Some(p.target_len) };
        let candidates = plain.iter().filter_map(|(name, file)| Profile::of(name, file, same, Some(p.vocabulary)).ok());
        let distance = |q: &Profile| (q.macs_paper_rule as f64 / p.macs_paper_rule as f64).ln().abs();
        candidates.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    profiles.iter().map(|p| if p.lite { rival(p) } else { None }).collect()
}

fn preset_or_file(name: &str) -> Result<PresetFile, ProfileError> {
    match presets::preset(name) {
        Ok(preset) => return Ok(preset),
        Err(ConfigError::UnknownPreset { known, .. }) if !Path::new(name).exists() => {
            return Err(ProfileError::UnknownPreset { name: name.to_owned(), known });
        }
        Err(_) => {}
    }
    let refuse = |line, message| ProfileError::File { file: name.to_owned(), line, message };
    let text = std::fs::read_to_string(name).map_err(|e| refuse(String::new(), e.to_string()))?;
    PresetFile::parse(&text).map_err(|e| match e {
        ConfigError::Toml(e) => {
            let line = e.span().map(|s| format!(", line {}", 1 + text[..s.start].matches('\n').count()));
            refuse(line.unwrap_or_default(), e.message().to_owned())
        }
        other => refuse(String::new(), other.to_string()),
    })
}

#[cfg(test)]
mod tests;
