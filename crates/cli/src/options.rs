//! Options that several commands share.

use crate::Error;
use crate::text_model::Form;
use crate::train::Decoding;
use clap::{Args, ValueEnum};
use lsra_infer::{GeneratorConfig, available_threads};
use lsra_kernels::gemm::Precision;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How a model is run and its results are shown.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The text is cut into the model's pieces already, as in `foo@@ bar` or `▁foo bar`
    #[arg(long)]
    tokenized: bool,
    /// How to show results
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What operands of matrix products are rounded to: f32, bf16 or int8, which is the fastest; bf16 is faster than f32 on some CPUs: Zen 4 and later, and those with AMX
    #[arg(long, value_name = "TYPE", default_value_t)]
    pub precision: Precision,
    /// Sentences worked on at a time [default: the processors that this process may use]
    #[arg(long, value_name = "N", value_parser = at_most::<MOST_THREADS>)]
    threads: Option<NonZeroUsize>,
    /// Write what ran when, the first 500,000 kernels and operations, as a Chrome trace, and show where time went
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

impl RunArgs {
    /// Whether text still has to be cut.
    pub fn form(&self) -> Form {
        if self.tokenized { Form::Pieces } else { Form::Words }
    }

    /// As asked for, or as many as this process may use.
    pub fn threads(&self) -> usize {
        self.threads.map_or_else(available_threads, NonZeroUsize::get)
    }
}

/// More threads than any machine here has; each costs memory.
pub const MOST_THREADS: usize = 1024;

/// A whole number from 1 to `MOST`.
pub fn at_most<const MOST: usize>(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|n| n.get() <= MOST);
    number.ok_or_else(|| format!("must be a whole number from 1 to {MOST}"))
}

/// How results are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Plain lines.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// How to search.
#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// Hypotheses kept at each step; 1 is greedy search [default: as the model was scored, as all of these]
    #[arg(long, value_name = "N")]
    beam: Option<usize>,
    /// P of a translation's score, its log-probability / tokens^P; higher favours longer ones
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    length_penalty: Option<f32>,
    /// Translations have at most A x source tokens + B tokens, the end of the source counted; B is --max-length
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    max_length_ratio: Option<f64>,
    /// B of the same [default: 0 where a ratio is given]
    #[arg(long, value_name = "B")]
    max_length: Option<usize>,
    /// The fewest tokens of a translation
    #[arg(long, value_name = "N")]
    min_length: Option<usize>,
    /// No N tokens in a row come twice in a translation; 0 allows all
    #[arg(long, value_name = "N")]
    no_repeat_ngram: Option<usize>,
}

impl SearchArgs {
    /// The options that are given, and for the others what the model says of itself.
    ///
    /// Errors: an option out of range.
    pub fn config(&self, model: &Decoding) -> Result<GeneratorConfig, Error> {
        let without_ratio = if self.max_length_ratio.is_some() { 0 } else { model.max_length };
        let config = GeneratorConfig {
            beam: self.beam.unwrap_or(model.beam),
            length_penalty: self.length_penalty.unwrap_or(model.length_penalty.value()),
            max_len_a: self.max_length_ratio.unwrap_or(0.0),
            max_len_b: self.max_length.unwrap_or(without_ratio),
            min_len: self.min_length.unwrap_or(model.min_length),
            no_repeat_ngram: self.no_repeat_ngram.unwrap_or(model.no_repeat_ngram),
        };
        config.validate().map_err(|e| {
            let option = match e.name {
                "max_len_a" => "max-length-ratio",
                "length_penalty" => "length-penalty",
                other => other,
            };
            Error::Option { option, value: e.value, expected: e.expected.to_owned() }
        })?;
        Ok(config)
    }
}
