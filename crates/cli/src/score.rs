//! `lsra score`: how probable a model holds given translations to be.

use crate::Error;
use crate::options::{Format, RunArgs};
use crate::pairs::{PairArgs, Pairs};
use crate::sink::Sink;
use crate::text_model::TextModel;
use crate::trace::traced;
use clap::Args;
use lsra_infer::Translator;
use lsra_kernels::Isa;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the log-probability of given translations, per sentence and per token.
///
/// As text, a line has three fields with tabs between them: the log-probability of the translation, its tokens, and the
/// log-probability of each. Natural logarithms; the end of the sentence, `</s>`, is a token.
#[derive(Args, Clone, Debug)]
pub struct ScoreArgs {
    #[command(flatten)]
    pairs: PairArgs,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    run: RunArgs,
}

/// Pairs worked on together, a thread.
const WINDOW: usize = 128;

/// Scores. All pairs are checked before the first is scored.
///
/// Errors: whatever is wrong with the model file, the text or the place for the output.
pub fn run(args: &ScoreArgs) -> Result<ExitCode, Error> {
    let isa = Isa::from_env()?;
    let model = TextModel::load(&args.model)?;
    let pairs = Pairs::read(&args.pairs)?;
    let sources = pairs.encode_source(&model, args.run.form())?;
    let targets = pairs.encode_target(&model, args.run.form())?;
    let mut sink = Sink::open(args.output.as_deref())?;
    let translator = Translator::new(isa, &model.model, &model.weights, args.run.precision);
    let window = WINDOW * args.run.threads();
    let mut lines = pairs.text.source.iter().zip(&pairs.text.target);
    traced(args.run.trace.as_deref(), || {
        for (sources, targets) in sources.chunks(window).zip(targets.chunks(window)) {
            let scored = translator.log_probs(sources, targets, args.run.threads());
            for ((log_probs, ids), (source, target)) in scored.iter().zip(targets).zip(lines.by_ref()) {
                let tokens = model.pieces(ids);
                sink.line(
                    &Shown { source, target, tokens, log_prob: log_probs.iter().sum(), log_probs }
                        .line(args.run.format),
                )?;
            }
            sink.flush()?;
        }
        sink.finish()?;
        Ok(ExitCode::SUCCESS)
    })
}

#[derive(Serialize)]
struct Shown<'a> {
    source: &'a str,
    target: &'a str,
    tokens: Vec<&'a str>,
    log_prob: f32,
    log_probs: &'a [f32],
}

impl Shown<'_> {
    fn line(&self, format: Format) -> String {
        match format {
            Format::Text => {
                let each: Vec<String> = self.log_probs.iter().map(|p| format!("{p:.4}")).collect();
                format!("{:.4}\t{}\t{}", self.log_prob, self.tokens.join(" "), each.join(" "))
            }
            Format::Json => serde_json::to_string(self).expect("strings and numbers"),
        }
    }
}
