//! A training as one page that needs nothing else: `report.html` in the run's folder.

mod charts;
mod page;
mod samples;
mod tables;

pub use page::{Renewal, render};

use crate::run_log::Record;
use crate::{Error, document};
use std::path::Path;
use std::time::Duration;

/// The page's name in a run's folder.
pub const PAGE: &str = "report.html";

/// Writes the page of a run into its folder, all or nothing, while the run goes on.
///
/// Errors: the file cannot be written.
pub fn write(folder: &Path, record: &Record) -> Result<(), Error> {
    document::write(&folder.join(PAGE), &render(record, &crate::clock::now(), Renewal::ByTheRun))
}

/// Writes the page of a run, all or nothing. `age`: since the last line of its log.
///
/// Errors: the file cannot be written.
pub fn write_once(path: &Path, record: &Record, age: Option<Duration>) -> Result<(), Error> {
    document::write(path, &render(record, &crate::clock::now(), Renewal::Never { age }))
}

#[cfg(test)]
mod tests;
