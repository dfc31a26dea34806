//! Sentences with their translations on their way in: from two files, arguments or a pipe.

use crate::Error;
use crate::lines::{Lines, LongLines};
use crate::text_model::{Form, TextModel};
use clap::Args;
use lsra_text::{TextError, TextPair};
use std::path::PathBuf;

/// Which pairs.
#[derive(Args, Clone, Debug)]
pub struct PairArgs {
    /// Sentences, one a line [default: lines `sentence<TAB>translation` of standard input]
    #[arg(value_name = "SOURCE", requires = "target")]
    source: Option<PathBuf>,
    /// Their translations, line for line
    #[arg(value_name = "TARGET")]
    target: Option<PathBuf>,
    /// A sentence and its translation, in place of files; may be repeated
    #[arg(long, num_args = 2, value_names = ["SENTENCE", "TRANSLATION"], conflicts_with = "source")]
    text: Vec<String>,
}

impl PairArgs {
    /// Of two files, or of sentences with translations after each, or of neither: then of standard input.
    pub fn new(files: Option<(PathBuf, PathBuf)>, text: Vec<String>) -> PairArgs {
        let (source, target) = files.unzip();
        PairArgs { source, target, text }
    }
}

/// Pairs with the names that messages give their two sides.
pub struct Pairs {
    /// The lines.
    pub text: TextPair,
    source: String,
    target: String,
}

impl Pairs {
    /// Errors: a file or pipe is missing, empty or not UTF-8, the sides differ in number, or a line of a pipe has no tab.
    pub fn read(args: &PairArgs) -> Result<Pairs, Error> {
        match (&args.source, &args.target) {
            (Some(source), Some(target)) => Ok(Pairs {
                text: TextPair::read_files(source, target)?,
                source: source.display().to_string(),
                target: target.display().to_string(),
            }),
            _ if args.text.is_empty() => Pairs::from_pipe(),
            _ => {
                let side = |first: usize| args.text.iter().skip(first).step_by(2).cloned().collect();
                let text = TextPair { source: side(0), target: side(1) };
                Ok(Pairs { text, source: "--text".to_owned(), target: "--text".to_owned() })
            }
        }
    }

    /// Ids of the sentences.
    ///
    /// Errors: a sentence is longer than the model's positions.
    pub fn encode_source(&self, model: &TextModel, form: Form) -> Result<Vec<Vec<u32>>, Error> {
        encode(&self.source, &self.text.source, model, |line| model.encode_source(line, form))
    }

    /// Ids of their translations.
    ///
    /// Errors: as [`Pairs::encode_source`].
    pub fn encode_target(&self, model: &TextModel, form: Form) -> Result<Vec<Vec<u32>>, Error> {
        encode(&self.target, &self.text.target, model, |line| model.encode_target(line, form))
    }

    fn from_pipe() -> Result<Pairs, Error> {
        const AHEAD: usize = 1024;
        let mut lines = Lines::standard_input(AHEAD, LongLines::Whole);
        let origin = lines.origin.clone();
        let mut text = TextPair::default();
        loop {
            let window = lines.window(AHEAD)?;
            if window.is_empty() && text.source.is_empty() {
                return Err(TextError::Empty { file: origin, expected: "sentence, tab and translation a line" }.into());
            }
            if window.is_empty() {
                return Ok(Pairs { text, source: origin.clone(), target: origin });
            }
            for line in window {
                let (source, target) = line
                    .text
                    .split_once('\t')
                    .ok_or_else(|| Error::Unpaired { origin: origin.clone(), line: line.number })?;
                text.source.push(source.to_owned());
                text.target.push(target.to_owned());
            }
        }
    }
}

fn encode(
    origin: &str,
    lines: &[String],
    model: &TextModel,
    ids_of: impl Fn(&str) -> Vec<u32>,
) -> Result<Vec<Vec<u32>>, Error> {
    let mut encoded = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        let ids = ids_of(line);
        Error::check_length(origin, i + 1, ids.len(), model.max_positions())?;
        encoded.push(ids);
    }
    Ok(encoded)
}
