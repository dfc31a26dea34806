//! `lsra evaluate`: BLEU of a model's translations, and how fast they come.

use crate::Error;
use crate::options::{Format, RunArgs, SearchArgs};
use crate::pairs::{PairArgs, Pairs};
use crate::sink::Sink;
use crate::text_model::{Form, TextModel};
use clap::Args;
use lsra_infer::Translator;
use lsra_kernels::Isa;
use lsra_text::{Bleu, Spelling};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Instant;

/// Translate sentences and compare with reference translations: BLEU as multi-bleu.perl counts it, of words; in raw text, marks
/// count as words of their own.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pairs: PairArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    search: SearchArgs,
}

/// Evaluates; the clock runs from the first sentence to the last, text to text, without the loading of the model.
///
/// Errors: whatever is wrong with the model file, an option or the text.
pub fn run(args: &EvaluateArgs) -> Result<ExitCode, Error> {
    let isa = Isa::from_env()?;
    let model = TextModel::load(&args.run.model)?;
    let config = args.search.config(&model.decoding())?;
    let pairs = Pairs::read(&args.pairs)?;
    let translator = Translator::new(isa, &model.model, &model.weights, args.run.precision);

    let start = Instant::now();
    let sources = pairs.encode_source(&model, args.run.form())?;
    let found = translator.translate(&sources, &config, args.run.threads());
    let outputs: Vec<String> = found.iter().map(|h| h.first().map_or(String::new(), |h| model.text(h, &[]))).collect();
    let seconds = start.elapsed().as_secs_f64();

    let spelling = model.target_spelling();
    let references: Vec<String> = pairs.text.target.iter().map(|line| words(line, args.run.form(), spelling)).collect();
    let tokens: usize = found.iter().filter_map(|h| h.first()).map(|h| h.tokens.len()).sum();
    let bleu = Bleu::of_text(&outputs, &references, spelling);
    let report = Report {
        bleu: bleu.score(),
        bleu_line: bleu.to_string(),
        sentences: outputs.len(),
        tokens,
        seconds,
        sentences_per_second: outputs.len() as f64 / seconds,
        tokens_per_second: tokens as f64 / seconds,
        threads: args.run.threads(),
        isa: isa.tier().name(),
        precision: args.run.precision.name(),
    };
    let mut sink = Sink::open(None)?;
    report.show(&mut sink, args.run.format)?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// A reference as words.
fn words(line: &str, form: Form, spelling: Spelling) -> String {
    match form {
        Form::Words => line.to_owned(),
        Form::Pieces => spelling.join(&line.split_whitespace().collect::<Vec<_>>()),
    }
}

#[derive(Serialize)]
struct Report {
    bleu: f64,
    bleu_line: String,
    sentences: usize,
    /// Of the translations, `</s>` counted.
    tokens: usize,
    seconds: f64,
    sentences_per_second: f64,
    tokens_per_second: f64,
    threads: usize,
    isa: &'static str,
    precision: &'static str,
}

impl Report {
    fn show(&self, sink: &mut Sink, format: Format) -> Result<(), Error> {
        match format {
            Format::Json => sink.line(&serde_json::to_string(self).expect("strings and numbers")),
            Format::Text => {
                sink.line(&self.bleu_line)?;
                sink.line(&format!(
                    "{} sentences, {} tokens in {:.2} s: {:.1} sentences/s, {:.0} tokens/s ({} threads, {}, {})",
                    self.sentences,
                    self.tokens,
                    self.seconds,
                    self.sentences_per_second,
                    self.tokens_per_second,
                    self.threads,
                    self.isa,
                    self.precision,
                ))
            }
        }
    }
}
