//! `lsra prepare`: from raw files to a folder to train on, and a report of it.

mod options;
mod page;
mod table;
mod warnings;

pub use lsra_text::prepare::PAGE;
pub use options::{CorpusConfig, PrepareArgs};

use crate::sink::Sink;
use crate::tell::tell;
use crate::{Error, document};
use lsra_text::prepare::{self, Event, Preparation, Report, Step};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Prepares a corpus and shows what became of it.
///
/// Errors: whatever is wrong with the files, the settings or the folder to write to.
pub fn run(args: &PrepareArgs) -> Result<ExitCode, Error> {
    let job = args.preparation()?;
    let threads = crate::train::threads(args.threads)?;
    let report = prepare(&job, threads)?;
    let mut sink = Sink::open(None)?;
    sink.line(&table::render(&report))?;
    sink.line(&format!("Report: {}", job.out.join(PAGE).display()))?;
    sink.line(&format!("Go on with: lsra train --data {}", job.out.display()))?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Prepares a corpus on so many threads, tells of each step on standard error and writes the page.
///
/// Errors: as [`run`].
pub fn prepare(job: &Preparation, threads: usize) -> Result<Report, Error> {
    let pool = pool(threads)?;
    let mut begun = Instant::now();
    let mut watch = |event| match event {
        Event::Waits => tell!("waiting until another preparation of {} is over", job.out.display()),
        Event::Begins(_) => begun = Instant::now(),
        Event::Ends(step) => tell!("{}: {:.1} s", words(step), begun.elapsed().as_secs_f64()),
        Event::Skipped(step) => tell!("{}: done before", words(step)),
    };
    let report = pool.install(|| prepare::run(job, &mut watch))?;
    warnings::of(job, &report).iter().for_each(|warning| tell!("warning: {warning}"));
    write_page(&job.out, &report)?;
    Ok(report)
}

/// Errors: so many threads cannot be started.
pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Error::Option {
        option: "threads",
        value: threads.to_string(),
        expected: format!("so many cannot be started ({e})"),
    })
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Look => "looking at the files",
        Step::Clean => "reading and cleaning",
        Step::Divide => "comparing and splitting",
        Step::Pieces => "learning pieces and measuring",
    }
}

fn write_page(folder: &Path, report: &Report) -> Result<(), Error> {
    document::write(&folder.join(PAGE), &page::render(report))
}
