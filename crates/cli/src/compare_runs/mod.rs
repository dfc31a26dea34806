//! `lsra compare-runs`: runs side by side, what they reached and in which settings they differ.

mod differences;
mod names;
mod page;
mod table;

use crate::Error;
use crate::run_log::{Follower, Record};
use crate::sink::Sink;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compare trainings: what each reached, in which settings they differ, and their curves on one page.
///
/// It reads metrics.jsonl in each run's folder; runs may be of different lengths, and may still go on.
#[derive(Args, Clone, Debug)]
pub struct CompareRunsArgs {
    /// The folders of at least two runs
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    runs: Vec<PathBuf>,
    /// Draw their curves over one another, by updates, by tokens and by time, on a page
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A run and what it is called beside others.
struct Named {
    name: String,
    record: Record,
}

/// Compares.
///
/// Errors: no such folder, no log in it that can be read, or a page that cannot be written.
pub fn run(args: &CompareRunsArgs) -> Result<ExitCode, Error> {
    let records = args.runs.iter().map(|folder| Ok(Follower::open(folder)?.into_record()));
    let records = records.collect::<Result<Vec<Record>, Error>>()?;
    let names = names::of(&args.runs);
    let runs: Vec<Named> = names.into_iter().zip(records).map(|(name, record)| Named { name, record }).collect();
    let differences = differences::between(&runs);
    let mut sink = Sink::open(None)?;
    sink.line(&table::figures(&runs))?;
    sink.line(&table::differences(&runs, &differences))?;
    for run in &runs {
        run.record.misread().map_or(Ok(()), |misread| sink.line(&format!("{}: {misread}", run.name)))?;
    }
    if let Some(file) = &args.out {
        let mut page = Sink::open(Some(file))?;
        page.line(&page::render(&runs, &differences))?;
        page.finish()?;
        sink.line(&format!("Curves: {}", file.display()))?;
    }
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}
