//! What a user says of a synthesis: as arguments, or in a configuration file.

use super::{Kind, Synthesis};
use crate::Error;
use crate::options::{MOST_THREADS, SearchArgs, at_most};
use crate::train::Decoding;
use clap::{Args, ValueEnum};
use lsra_infer::{GeneratorConfig, available_threads};
use lsra_kernels::gemm::Precision;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What becomes of train's own pairs where a teacher's stand for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Originals {
    /// They go, but where a source has no translation.
    #[default]
    Drop,
    /// They stay, before the teacher's.
    Keep,
}

/// What both commands take.
#[derive(Args, Clone, Debug)]
pub struct SynthesisArgs {
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A folder to train on, as lsra prepare makes it or as a recipe takes it; it stays as it is
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The folder to make: valid, test, dictionaries and tokenisers of --data, and another train
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    search: SearchArgs,
    /// What operands of matrix products are rounded to: f32, bf16 or int8, which is the fastest; bf16 is faster than f32 on some CPUs: Zen 4 and later, and those with AMX
    #[arg(long, value_name = "TYPE", default_value_t)]
    precision: Precision,
    /// Sentences worked on at a time; no result depends on it [default: the processors that this process may use]
    #[arg(long, value_name = "N", value_parser = at_most::<MOST_THREADS>)]
    threads: Option<NonZeroUsize>,
}

/// Translate a corpus's train with a teacher, for a smaller model to learn from (Kim and Rush 2016).
///
/// Train's targets become the model's translations of its sources; valid and test stay as they are. A source that has none (it
/// is empty, longer than the model's positions, or its translation is empty or holds an unknown word) keeps its target. The
/// model takes the same text, and may have other pieces. What was stopped goes on where it was; the same files give the same
/// folder, byte for byte, on any number of threads.
#[derive(Args, Clone, Debug)]
pub struct DistilArgs {
    #[command(flatten)]
    common: SynthesisArgs,
    /// What becomes of train's own pairs
    #[arg(long, value_enum, default_value_t)]
    originals: Originals,
}

/// Add sentences of the target language to a corpus, with sources that a model gives them (Sennrich et al. 2016).
///
/// The model is one of the opposite direction. Sentences go through what the corpus went through; those that are broken, empty,
/// doubled, or sentences of valid or test but for case and marks are dropped, as are those that get no source. They follow
/// train's own pairs; valid and test stay as they are. What was stopped goes on where it was; the same files give the same
/// folder, byte for byte, on any number of threads.
#[derive(Args, Clone, Debug)]
pub struct BackTranslateArgs {
    #[command(flatten)]
    common: SynthesisArgs,
    /// Sentences of the target language, one a line; .gz and .zst too
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    monolingual: Vec<PathBuf>,
}

/// The `[distil]` table of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistilConfig {
    /// The teacher.
    pub model: PathBuf,
    /// The folder to make.
    pub folder: PathBuf,
    /// What becomes of train's own pairs.
    #[serde(default)]
    pub originals: Originals,
    /// Hypotheses kept at each step, unless as the model was scored.
    pub beam: Option<usize>,
}

/// The `[back-translation]` table of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackTranslationConfig {
    /// A model of the opposite direction.
    pub model: PathBuf,
    /// Files of sentences of the target language.
    pub monolingual: Vec<PathBuf>,
    /// The folder to make.
    pub folder: PathBuf,
    /// Hypotheses kept at each step, unless as the model was scored.
    pub beam: Option<usize>,
}

impl SynthesisArgs {
    fn synthesis(&self, kind: Kind) -> Synthesis {
        Synthesis {
            kind,
            model: self.model.clone(),
            data: self.data.clone(),
            out: self.out.clone(),
            search: Search::Asked(self.search.clone()),
            precision: self.precision,
        }
    }

    fn threads(&self) -> usize {
        self.threads.map_or_else(available_threads, NonZeroUsize::get)
    }
}

impl DistilArgs {
    pub(super) fn synthesis(&self) -> Synthesis {
        self.common.synthesis(Kind::Distilled(self.originals))
    }

    pub(super) fn threads(&self) -> usize {
        self.common.threads()
    }
}

impl BackTranslateArgs {
    pub(super) fn synthesis(&self) -> Synthesis {
        self.common.synthesis(Kind::BackTranslated { monolingual: self.monolingual.clone() })
    }

    pub(super) fn threads(&self) -> usize {
        self.common.threads()
    }
}

impl DistilConfig {
    /// Of this folder.
    pub(crate) fn synthesis(&self, data: &Path) -> Synthesis {
        configured(Kind::Distilled(self.originals), &self.model, data, &self.folder, self.beam)
    }
}

impl BackTranslationConfig {
    /// For this folder.
    pub(crate) fn synthesis(&self, data: &Path) -> Synthesis {
        let kind = Kind::BackTranslated { monolingual: self.monolingual.clone() };
        configured(kind, &self.model, data, &self.folder, self.beam)
    }
}

fn configured(kind: Kind, model: &Path, data: &Path, out: &Path, beam: Option<usize>) -> Synthesis {
    Synthesis {
        kind,
        model: model.to_owned(),
        data: data.to_owned(),
        out: out.to_owned(),
        search: beam.map_or(Search::AsScored, Search::Beam),
        precision: Precision::F32,
    }
}

/// How a model that was read is to search.
#[derive(Clone, Debug)]
pub enum Search {
    /// As it was scored.
    AsScored,
    /// With so many hypotheses at each step, as a configuration says.
    Beam(usize),
    /// As options say.
    Asked(SearchArgs),
}

impl Search {
    /// Errors: out of range.
    pub(super) fn config(&self, decoding: &Decoding) -> Result<GeneratorConfig, Error> {
        match self {
            Search::AsScored => Ok(decoding.search(decoding.beam)),
            Search::Asked(options) => options.config(decoding),
            Search::Beam(beam) => {
                let search = decoding.search(*beam);
                let refused = |e: lsra_infer::GeneratorConfigError| Error::Option {
                    option: "config",
                    value: format!("{} = {}", e.name, e.value),
                    expected: e.expected.to_owned(),
                };
                search.validate().map_err(refused)?;
                Ok(search)
            }
        }
    }
}
