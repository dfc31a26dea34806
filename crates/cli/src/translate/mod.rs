//! `lsra translate`: text in, translations out, line for line.

mod align;
mod input;
mod keep;
mod numbers;
mod options;
mod sentences;
mod show;
mod stand_ins;

pub use options::HandlingArgs;

use crate::Error;
use crate::lines::{Line, LongLines, check_file};
use crate::options::{Format, RunArgs, SearchArgs};
use crate::sink::Sink;
use crate::text_model::TextModel;
use crate::trace::traced;
use clap::Args;
use input::{Input, Joined};
use lsra_infer::Translator;
use lsra_kernels::Isa;
use options::{Handling, Unit};
use sentences::{Details, Sentences};
use show::Shown;
use stand_ins::StandIns;
use std::path::PathBuf;
use std::process::ExitCode;

/// Translate text: a line in gives a line out.
///
/// A model of raw text, as `lsra prepare` makes it, takes lines of any length: they are split into sentences, translated one
/// by one and put together with their white space. What no translation changes is kept as it is: addresses, codes, emoji,
/// words in letters that the model never saw, and the bullet or heading's mark that a line begins with. A model of lowercased text gets its sentences lowercased, and translations begin
/// with a capital where they did. A model of tokenised text takes a line as one sentence, as it was trained.
#[derive(Args, Clone, Debug)]
pub struct TranslateArgs {
    /// Text [default: the lines of --input, or of standard input]
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    text: Vec<String>,
    /// Translate the lines of this file
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write here instead of to standard output; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How many translations of each line, best first; as text, each takes a line
    #[arg(long, value_name = "N", default_value_t = 1)]
    n_best: usize,
    /// The model file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    handling: HandlingArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    search: SearchArgs,
}

/// Sentences worked on together, a thread: enough for chunks of sentences of similar length, few enough to come out soon.
const WINDOW: usize = 128;

/// Translates. An empty line gives an empty line.
///
/// Errors: whatever is wrong with the model file, an option, the text or the place for the output. Of an ordinary file
/// every line is checked before the first is translated.
pub fn run(args: &TranslateArgs) -> Result<ExitCode, Error> {
    let isa = Isa::from_env()?;
    let model = TextModel::load(&args.model)?;
    let search = args.search.config(&model.decoding())?;
    if !(1..=search.beam).contains(&args.n_best) {
        return Err(Error::Option {
            option: "n-best",
            value: args.n_best.to_string(),
            expected: format!("must be from 1 to the beam, {}", search.beam),
        });
    }
    let handling = Handling::new(&args.handling, &model, &search, args.run.form())?;
    if let Some(path) = args.input.as_deref().filter(|path| path.is_file()) {
        let origin = path.display().to_string();
        check_file(path, LongLines::InParts, |line| handling.check(&model, &origin, line))?;
    }
    let window = WINDOW * args.run.threads();
    let joined = if args.handling.paragraphs { Joined::Paragraphs } else { Joined::Lines };
    let mut input = Input::open(args.input.as_deref(), &args.text, joined, window)?;
    let mut sink = Sink::open(args.output.as_deref())?;
    let translator = Translator::new(isa, &model.model, &model.weights, args.run.precision);
    let sentences = Sentences {
        model: &model,
        translator: &translator,
        handling: &handling,
        search,
        threads: args.run.threads(),
        n_best: args.n_best,
        details: if args.run.format == Format::Json { Details::Tokens } else { Details::Text },
        names: StandIns::of(&model),
    };
    traced(args.run.trace.as_deref(), || {
        loop {
            let lines = input.window(window)?;
            if lines.is_empty() {
                sink.finish()?;
                return Ok(ExitCode::SUCCESS);
            }
            for line in &lines {
                handling.check(&model, input.origin(), line)?;
            }
            let show = |line: &Line, shown: Shown<'_>| shown.write(line, args.n_best, args.run.format, &mut sink);
            translate_lines(&sentences, &lines, window, show)?;
            sink.flush()?;
        }
    })
}

/// Translates lines, `window` sentences at a time whatever a line's length.
fn translate_lines(
    sentences: &Sentences<'_>,
    lines: &[Line],
    window: usize,
    mut show: impl FnMut(&Line, Shown<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let cut: Vec<_> = lines.iter().map(|line| sentences.handling.cut(sentences.model, &line.text)).collect();
    let units: Vec<Unit<'_>> = cut.iter().flat_map(|(_, units)| units.iter().copied()).collect();
    let mut translated = units.chunks(window).flat_map(|chunk| sentences.translate(chunk));
    for (line, (before, units)) in lines.iter().zip(&cut) {
        show(line, Shown { before, sentences: translated.by_ref().take(units.len()).collect() })?;
    }
    Ok(())
}
