//! `lsra translate`: text in, translations out, line for line.

use crate::Error;
use crate::lines::{Line, Lines, check_file};
use crate::options::{Format, RunArgs, SearchArgs};
use crate::sink::Sink;
use crate::text_model::TextModel;
use crate::trace::traced;
use clap::Args;
use lsra_infer::{GeneratorConfig, Hypothesis, Translator};
use lsra_kernels::Isa;
use lsra_text::{Encoded, Unknown};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Translate sentences, one a line.
#[derive(Args, Clone, Debug)]
pub struct TranslateArgs {
    /// Sentences [default: the lines of --input, or of standard input]
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    text: Vec<String>,
    /// Translate the lines of this file
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many translations of each sentence, best first; as text, each takes a line
    #[arg(long, value_name = "N", default_value_t = 1)]
    n_best: usize,
    /// Put the n-th unknown piece of the source in place of the n-th `<unk>` of a translation
    #[arg(long)]
    copy_unknown: bool,
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    search: SearchArgs,
}

/// Lines worked on together, a thread: enough for chunks of sentences of similar length, few enough to come out soon.
const WINDOW: usize = 128;

/// Translates. An empty line gives an empty line.
///
/// Errors: whatever is wrong with the model file, an option, the text or the place for the output. Of an ordinary file
/// every line is checked before the first is translated.
pub fn run(args: &TranslateArgs) -> Result<ExitCode, Error> {
    let isa = Isa::from_env()?;
    let model = TextModel::load(&args.model)?;
    let config = args.search.config(&model.decoding())?;
    if !(1..=config.beam).contains(&args.n_best) {
        return Err(Error::Option {
            option: "n-best",
            value: args.n_best.to_string(),
            expected: format!("must be from 1 to the beam, {}", config.beam),
        });
    }
    let window = WINDOW * args.run.threads();
    let mut lines = match &args.input {
        Some(path) => {
            if path.is_file() {
                let origin = path.display().to_string();
                check_file(path, |line| encode(&model, args, &origin, line).map(|_| ()))?;
            }
            Lines::file(path, window)?
        }
        None if args.text.is_empty() => Lines::standard_input(window),
        None => Lines::given(&args.text),
    };
    let mut sink = Sink::open(args.output.as_deref())?;
    let translator = Translator::new(isa, &model.model, &model.weights, args.run.precision);
    traced(args.run.trace.as_deref(), || {
        loop {
            let batch = lines.window(window)?;
            if batch.is_empty() {
                sink.finish()?;
                return Ok(ExitCode::SUCCESS);
            }
            translate_window(&translator, &model, args, &config, &lines.origin, &batch, &mut sink)?;
            sink.flush()?;
        }
    })
}

fn translate_window(
    translator: &Translator<'_>,
    model: &TextModel,
    args: &TranslateArgs,
    config: &GeneratorConfig,
    origin: &str,
    batch: &[Line],
    sink: &mut Sink,
) -> Result<(), Error> {
    let encoded = batch.iter().map(|l| encode(model, args, origin, l)).collect::<Result<Vec<_>, _>>()?;
    let sources: Vec<Vec<u32>> = encoded.iter().map(|e| e.ids.clone()).filter(|ids| !is_blank(ids)).collect();
    let mut found = translator.translate(&sources, config, args.run.threads()).into_iter();
    for (line, encoded) in batch.iter().zip(&encoded) {
        let hypotheses = if is_blank(&encoded.ids) { Vec::new() } else { found.next().expect("one result a sentence") };
        let copies = if args.copy_unknown { encoded.unknown.as_slice() } else { &[] };
        show(sink, model, args, line, &hypotheses, copies)?;
    }
    Ok(())
}

fn encode(model: &TextModel, args: &TranslateArgs, origin: &str, line: &Line) -> Result<Encoded, Error> {
    let encoded = model.encode_source(&line.text, args.run.form());
    Error::check_length(origin, line.number, encoded.ids.len(), model.max_positions())?;
    Ok(encoded)
}

/// Whether there is nothing but `</s>`.
fn is_blank(ids: &[u32]) -> bool {
    ids.len() == 1
}

fn show(
    sink: &mut Sink,
    model: &TextModel,
    args: &TranslateArgs,
    line: &Line,
    hypotheses: &[Hypothesis],
    copies: &[Unknown],
) -> Result<(), Error> {
    match args.run.format {
        // As many lines for each sentence, so that they can be told apart.
        Format::Text => (0..args.n_best)
            .try_for_each(|n| sink.line(&hypotheses.get(n).map_or(String::new(), |h| model.text(h, copies)))),
        Format::Json => {
            let shown = hypotheses.iter().take(args.n_best).map(|h| ShownHypothesis {
                text: model.text(h, copies),
                tokens: model.pieces(&h.tokens),
                score: h.score,
                log_probs: &h.log_probs,
            });
            let object = Shown { source: &line.text, hypotheses: shown.collect() };
            sink.line(&serde_json::to_string(&object).expect("strings and numbers"))
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    source: &'a str,
    hypotheses: Vec<ShownHypothesis<'a>>,
}

#[derive(Serialize)]
struct ShownHypothesis<'a> {
    text: String,
    tokens: Vec<&'a str>,
    score: f32,
    log_probs: &'a [f32],
}
