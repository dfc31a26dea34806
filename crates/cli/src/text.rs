//! `lsra text`: Moses's rules, line for line, as its scripts apply them.

use crate::Error;
use crate::lines::{Lines, LongLines};
use crate::sink::Sink;
use clap::{Args, Subcommand};
use lsra_text::moses::{Detokeniser, Escapes, Hyphens, Language, Normaliser, Quotes, Tokeniser};
use std::path::PathBuf;
use std::process::ExitCode;

/// Cut, join or normalise text by Moses's rules, a line at a time.
#[derive(Args, Clone, Debug)]
pub struct TextArgs {
    #[command(subcommand)]
    command: Rules,
}

#[derive(Subcommand, Clone, Debug)]
enum Rules {
    /// Cut sentences into tokens, as tokenizer.perl does
    #[command(alias = "tokenize")]
    Tokenise {
        #[command(flatten)]
        on: OnArgs,
        /// Leave &, |, <, >, ', ", [ and ] as they are, where Moses writes &amp; and so on
        #[arg(long)]
        no_escapes: bool,
        /// Cut at hyphens, a-b into a @-@ b, as Moses does with -a
        #[arg(long)]
        split_hyphens: bool,
    },
    /// Join tokens into sentences, as detokenizer.perl does
    #[command(alias = "detokenize")]
    Detokenise {
        #[command(flatten)]
        on: OnArgs,
    },
    /// Bring punctuation to one form, as normalize-punctuation.perl does
    #[command(alias = "normalize")]
    Normalise {
        #[command(flatten)]
        on: OnArgs,
        /// Treat quotation marks as the Perl script does, not as sacremoses
        #[arg(long)]
        perl_quotes: bool,
    },
}

/// Which text, by whose rules.
#[derive(Args, Clone, Debug)]
struct OnArgs {
    /// Whose rules: de, en or fr
    #[arg(long, value_name = "CODE")]
    language: Language,
    /// The lines of this file [default: those of standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Lines held at a time.
const WINDOW: usize = 1024;

/// Applies rules to each line.
///
/// Errors: whatever is wrong with the text or the place for the output.
pub fn run(args: &TextArgs) -> Result<ExitCode, Error> {
    match &args.command {
        Rules::Tokenise { on, no_escapes, split_hyphens } => {
            let escapes = if *no_escapes { Escapes::Off } else { Escapes::Entities };
            let hyphens = if *split_hyphens { Hyphens::Split } else { Hyphens::Keep };
            let tokeniser = Tokeniser::new(on.language).escapes(escapes).hyphens(hyphens);
            on.each_line(|line| tokeniser.tokenise(line))
        }
        Rules::Detokenise { on } => {
            let detokeniser = Detokeniser::new(on.language);
            on.each_line(|line| detokeniser.detokenise(line))
        }
        Rules::Normalise { on, perl_quotes } => {
            let quotes = if *perl_quotes { Quotes::Perl } else { Quotes::Sacremoses };
            let normaliser = Normaliser::new(on.language).quotes(quotes);
            on.each_line(|line| normaliser.normalise(line))
        }
    }
}

impl OnArgs {
    fn each_line(&self, rules: impl Fn(&str) -> String) -> Result<ExitCode, Error> {
        let mut lines = match &self.input {
            Some(path) => Lines::file(path, WINDOW, LongLines::Whole)?,
            None => Lines::standard_input(WINDOW, LongLines::Whole),
        };
        let mut sink = Sink::open(self.output.as_deref())?;
        loop {
            let window = lines.window(WINDOW)?;
            if window.is_empty() {
                sink.finish()?;
                return Ok(ExitCode::SUCCESS);
            }
            window.iter().try_for_each(|line| sink.line(&rules(&line.text)))?;
            sink.flush()?;
        }
    }
}
