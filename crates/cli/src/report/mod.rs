//! A training as one page that needs nothing else: `report.html` in the run's folder.

mod charts;
mod page;
mod samples;
mod tables;

pub use page::render;

use crate::run_log::Record;
use crate::{Error, document};
use std::path::Path;

/// The page's name in a run's folder.
pub const PAGE: &str = "report.html";

/// Writes the page of a run into its folder, all or nothing.
///
/// Errors: the file cannot be written.
pub fn write(folder: &Path, record: &Record) -> Result<(), Error> {
    write_to(&folder.join(PAGE), record)
}

/// Writes the page of a run, all or nothing.
///
/// Errors: the file cannot be written.
pub fn write_to(path: &Path, record: &Record) -> Result<(), Error> {
    document::write(path, &render(record, &crate::clock::now()))
}

#[cfg(test)]
mod tests;
