//! A training as one page that needs nothing else: `report.html` in the run's folder.

mod charts;
mod page;
mod samples;
mod tables;

pub use page::render;

use crate::Error;
use crate::run_log::Record;
use lsra_exec::atomic;
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
    let page = render(record, &crate::clock::now());
    atomic::replace(path, |f| f.write_all(page.as_bytes()))
        .map_err(|cause| Error::Unwritable { path: path.display().to_string(), cause })
}

#[cfg(test)]
mod tests;
