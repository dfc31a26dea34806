//! `lsra evaluate`: scores of a model's translations and how fast they come, or of translations at hand; and whether two
//! systems differ.

mod report;
mod scores;

use crate::Error;
use crate::options::{RunArgs, SearchArgs, at_most};
use crate::pairs::{PairArgs, Pairs};
use crate::sink::Sink;
use crate::text_model::{Form, TextModel};
use crate::trace::traced;
use clap::Args;
use lsra_infer::Translator;
use lsra_kernels::Isa;
use lsra_text::casing::Capitals;
use lsra_text::metrics::{MetricName, Resampling};
use lsra_text::moses::Language;
use lsra_text::{Spelling, TextPair};
use report::{Report, Speed};
use scores::{Outputs, Scored};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Options of running a model, which translations at hand have no use for.
const OF_A_MODEL: [&str; 10] = [
    "model",
    "precision",
    "threads",
    "trace",
    "beam",
    "length_penalty",
    "max_length_ratio",
    "max_length",
    "min_length",
    "no_repeat_ngram",
];

/// Compare translations with references: BLEU as multi-bleu.perl and as sacreBLEU count it, chrF, TER, ROUGE, each with a
/// 95% confidence interval by bootstrap.
///
/// With --model, sentences are translated and it is measured how fast. With --hypothesis, translations at hand are scored;
/// with two of them, the second is compared with the first by paired bootstrap and by approximate randomisation.
///
/// References are taken as they are, as sacreBLEU takes them, and a line is one sentence. Of a model of lowercased text,
/// translations get the capitals of their sentences where references have any, as `lsra translate` gives them, and scores of
/// small letters alone stand beside the others.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// With --model: sentences and their references, line for line [default: lines `sentence<TAB>reference` of standard
    /// input]. With --hypothesis: the references
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<PathBuf>,
    /// A sentence and its reference, in place of files; may be repeated
    #[arg(long, num_args = 2, value_names = ["SENTENCE", "REFERENCE"], conflicts_with_all = ["files", "hypothesis"])]
    text: Vec<String>,
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Translations at hand, line for line; twice to compare two systems
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_A_MODEL)]
    hypothesis: Vec<PathBuf>,
    #[command(flatten)]
    scores: ScoreArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    search: SearchArgs,
}

/// What is scored, and how.
#[derive(Args, Clone, Debug)]
struct ScoreArgs {
    /// Which scores: multi-bleu, bleu, bleu-intl, bleu-char, chrf, chrf++, ter, rouge-1, rouge-2, rouge-l, rouge-lsum (a
    /// line is one sentence); the last four also with -stem, multi-bleu, bleu, chrf and chrf++ also with -lc, of small
    /// letters alone [default: multi-bleu, bleu, chrf, ter]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    metrics: Vec<MetricName>,
    /// Join tokens by Moses's rules for this language (de, en, fr) before scoring, on both sides; multi-bleu has them as
    /// they are
    #[arg(long, alias = "detokenize", value_name = "CODE")]
    detokenise: Option<Language>,
    /// Corpora drawn for confidence intervals and for the paired bootstrap
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_most::<10_000_000>)]
    samples: NonZeroUsize,
    /// Exchanges of the approximate randomisation
    #[arg(long, value_name = "N", default_value = "10000", value_parser = at_most::<10_000_000>)]
    trials: NonZeroUsize,
    /// Names the random numbers of both
    #[arg(long, value_name = "N", default_value_t = Resampling::default().seed)]
    seed: u64,
}

/// Evaluates; the clock runs from the first sentence to the last, text to text, without the loading of the model.
///
/// Errors: whatever is wrong with the model file, an option or the text.
pub fn run(args: &EvaluateArgs) -> Result<ExitCode, Error> {
    let (outputs, usual, speed) = match &args.model {
        Some(model) => translated(args, model)?,
        None if args.hypothesis.is_empty() => return Err(Error::NothingToEvaluate),
        None => (at_hand(args)?, &MetricName::USUAL[..], None),
    };
    let metrics = if args.scores.metrics.is_empty() { usual } else { &args.scores.metrics };
    let report = Report { scored: Scored::of(&outputs, metrics, &args.scores), speed };
    let mut sink = Sink::open(None)?;
    report.show(&mut sink, args.run.format)?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Translations of a model, and by what they are told unless something else is asked for.
fn translated(
    args: &EvaluateArgs,
    file: &std::path::Path,
) -> Result<(Outputs, &'static [MetricName], Option<Speed>), Error> {
    let files = match &args.files[..] {
        [] => None,
        [source, reference] => Some((source.clone(), reference.clone())),
        _ => {
            return Err(Error::Option {
                option: "model",
                value: file.display().to_string(),
                expected: "needs two files after it, sentences and references, or none".to_owned(),
            });
        }
    };
    let isa = Isa::from_env()?;
    let model = TextModel::load(file)?;
    let config = args.search.config(&model.decoding())?;
    let pairs = Pairs::read(&PairArgs::new(files, args.text.clone()))?;
    let translator = Translator::new(isa, &model.model, &model.weights, args.run.precision);

    let (found, mut outputs, seconds) = traced(args.run.trace.as_deref(), || {
        let start = Instant::now();
        let sources = pairs.encode_source(&model, args.run.form())?;
        // A line without words has no translation, as for `lsra translate`.
        let mut found = vec![Vec::new(); sources.len()];
        let (asked, given): (Vec<usize>, Vec<Vec<u32>>) =
            sources.into_iter().enumerate().filter(|(_, ids)| ids.len() > 1).unzip();
        for (line, hypotheses) in asked.into_iter().zip(translator.translate(&given, &config, args.run.threads())) {
            found[line] = hypotheses;
        }
        let outputs: Vec<String> = found.iter().map(|h| h.first().map_or(String::new(), |h| model.text(h))).collect();
        Ok((found, outputs, start.elapsed().as_secs_f64()))
    })?;

    let tokens: usize = found.iter().filter_map(|h| h.first()).map(|h| h.tokens.len()).sum();
    let speed = Speed {
        tokens,
        seconds,
        sentences_per_second: outputs.len() as f64 / seconds,
        tokens_per_second: tokens as f64 / seconds,
        threads: args.run.threads(),
        isa: isa.tier().name(),
        precision: args.run.precision.name(),
    };
    let references = pairs.text.target.iter().map(|line| words(line, args.run.form(), model.target_spelling()));
    let references: Vec<String> = references.collect();
    let cased = model.is_lowercased() && references.iter().any(|line| line.contains(char::is_uppercase));
    let usual = if cased { &MetricName::USUAL_OF_LOWERCASED[..] } else { &MetricName::USUAL };
    if cased {
        outputs.iter_mut().zip(&pairs.text.source).for_each(|(text, line)| *text = Capitals::of(line).apply(text));
    }
    Ok((Outputs { systems: vec![(file.display().to_string(), outputs)], references }, usual, Some(speed)))
}

/// Translations from files.
fn at_hand(args: &EvaluateArgs) -> Result<Outputs, Error> {
    let wrong = |expected: &str| Error::Option {
        option: "hypothesis",
        value: args.hypothesis.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "),
        expected: expected.to_owned(),
    };
    if args.hypothesis.len() > 2 {
        return Err(wrong("two systems can be compared, not more; give the option once or twice"));
    }
    let [reference] = &args.files[..] else {
        return Err(wrong("needs one file after it, the references"));
    };
    let mut outputs = Outputs { systems: Vec::new(), references: Vec::new() };
    for hypothesis in &args.hypothesis {
        let pair = TextPair::read_files(hypothesis, reference)?;
        let lines = |lines: Vec<String>| {
            let spelling = Spelling::of_lines(&lines);
            lines.iter().map(|line| words(line, args.run.form(), spelling)).collect()
        };
        outputs.systems.push((hypothesis.display().to_string(), lines(pair.source)));
        outputs.references = lines(pair.target);
    }
    Ok(outputs)
}

/// A line as words.
fn words(line: &str, form: Form, spelling: Spelling) -> String {
    match form {
        Form::Words => line.to_owned(),
        Form::Pieces => spelling.join(&line.split_whitespace().collect::<Vec<_>>()),
    }
}
