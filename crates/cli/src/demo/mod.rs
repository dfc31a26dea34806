//! `demo`: a small model learns, from nothing and within minutes, to translate German numbers, prices, dates and times.

use crate::Error;
use crate::profile::{grouped, millions};
use crate::trace::UpdateTraceArgs;
use crate::train::{Job, JobEnd, Settings, Trained};
use clap::Args;
use lsra_exec::{Macs, ModelFile};
use lsra_infer::Translator;
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_model::Sequences;
use lsra_text::demo::{DemoSizes, MERGES, generate};
use lsra_text::{Bpe, Languages, Prepared};
use lsra_train::Start;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const PRESET: &str = include_str!("demo.toml");

/// Held-out inputs that are shown with their translations.
const SHOWN: usize = 6;

/// Tokens on each side of the sentence that multiply-adds are counted for, as the paper counts translations.
const PAPER_LENGTH: usize = 30;

/// Train a small model on a corpus made on the spot.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Where the model and its checkpoints go [default: runs/demo, in place of an earlier demo]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What everything random is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads; no result depends on it [default: as many as this process may use]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Change a setting, as in --set training.max_updates=100; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// What to record
    #[command(flatten)]
    pub trace: UpdateTraceArgs,
}

/// Makes the corpus, trains, scores, and shows what the model costs and says.
///
/// Errors: a folder that cannot be written, or a setting that cannot be had.
pub fn run(args: &DemoArgs) -> Result<ExitCode, Error> {
    let begun = Instant::now();
    let isa = Isa::from_env()?;
    let settings = Settings::parse("the demo's preset", PRESET, &args.settings)?;
    // What lies in another folder may be dear to somebody.
    let (out, start) = match &args.out {
        Some(out) => (out.clone(), Start::Fresh),
        None => (PathBuf::from("runs/demo"), Start::Replace),
    };
    let text = prepare(DemoSizes::default(), args.seed);
    let job = Job {
        name: "demo".to_owned(),
        corpus: "demo".to_owned(),
        languages: Languages { source: "de".to_owned(), target: "en".to_owned() },
        settings,
        isa,
        threads: crate::train::threads(args.threads)?,
        seed: args.seed,
        out,
        from: None,
        start,
        time_limit: None,
        trace: args.trace.clone(),
        hint: None,
    };
    match job.run(&text)? {
        JobEnd::Trained(trained) => {
            report(&job, &text, &trained);
            println!("In {:.0} s, from nothing.", begun.elapsed().as_secs_f64());
            Ok(ExitCode::SUCCESS)
        }
        JobEnd::Interrupted => Ok(ExitCode::from(130)),
    }
}

/// Sentences from the grammar, cut into pieces learnt from them.
fn prepare(sizes: DemoSizes, seed: u64) -> Prepared {
    let texts = generate(sizes, seed);
    let lines: Vec<&String> = texts.train.source.iter().chain(&texts.train.target).collect();
    let bpe = Bpe::train(&lines, MERGES);
    Prepared::from_texts(texts, Some(bpe), None, None)
}

fn report(job: &Job, text: &Prepared, trained: &Trained) {
    let ModelFile { model, weights, .. } = &trained.model;
    let search = job.settings.decoding.search(job.settings.decoding.beam);
    let found = Translator::new(job.isa, model, weights, Precision::F32).translate(
        &text.test.source[..SHOWN],
        &search,
        job.threads,
    );
    println!("\nSentences that the model has not seen:");
    for (source, hypotheses) in text.texts.test.source.iter().zip(found) {
        let tokens = hypotheses.into_iter().next().map_or(Vec::new(), |h| h.tokens);
        println!("  {source}\n    {}", Bpe::join(&text.target_vocabulary.decode(&tokens)));
    }
    let one = Sequences::from_lengths([PAPER_LENGTH]);
    let macs = Macs::of_pass(model, &one, &one);
    let file = trained.file.display();
    let bytes = fs::metadata(&trained.file).map_or(0, |m| m.len());
    println!("\nBLEU on {} unseen sentences: {:.2}", text.test.len(), trained.scores.test.beam.score());
    println!(
        "Multiply-adds for {PAPER_LENGTH} tokens in and {PAPER_LENGTH} out: {} by the paper's rule, {} in all",
        millions(macs.by_paper_rule()),
        millions(macs.total()),
    );
    println!("Parameters: {}", grouped(model.params.values() as u64));
    println!("File: {file}, {:.2} MB", bytes as f64 / 1e6);
    println!(
        "Go on with: cargo run --release -p lsra -- translate --model {file} \"{}\"",
        text.texts.test.source[SHOWN]
    );
}
