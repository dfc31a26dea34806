//! Corpora of the literature from their publishers: fetched once, held to their first checksum, unpacked with care, prepared.

mod download;
mod error;
mod record;
mod unpack;

pub use error::FetchError;
pub use record::Record;
pub use unpack::{Limits, unpack};

use crate::Error;
use lsra_text::prepare::iwslt14;
use std::fs;
use std::path::{Path, PathBuf};

/// Where IWSLT'14 German-English is published.
pub const IWSLT14: &str = "https://dl.fbaipublicfiles.com/fairseq/data/iwslt14/de-en.tgz";

/// The archive's name in a data folder, and the one folder within it.
const ARCHIVE: &str = "de-en.tgz";
const FOLDER: &str = "de-en";

/// Raw files while they are prepared: a name that nobody else's folder has.
const RAW: &str = "de-en.tgz.unpacked";

/// Where an archive comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An address, fetched where the folder has no archive yet.
    Url(String),
    /// A file, used where it lies.
    File(PathBuf),
}

impl Origin {
    /// As a user names it: `http://…` and `https://…` are addresses, anything else a file.
    pub fn of(text: &str) -> Origin {
        match text.split_once("://") {
            Some(("http" | "https", _)) => Origin::Url(text.to_owned()),
            _ => Origin::File(text.into()),
        }
    }

    /// The archive as a file and what it is, fetched to `place` where it has to be.
    ///
    /// Errors: it cannot be had, or is another than the one recorded.
    pub fn archive(&self, place: &Path) -> Result<(PathBuf, Record), FetchError> {
        match self {
            Origin::File(file) if !file.is_file() => {
                Err(FetchError::NoArchive { file: file.display().to_string(), reason: "no such file" })
            }
            Origin::File(file) => Ok((file.clone(), Record::of(file)?)),
            Origin::Url(url) => {
                if !place.is_file() {
                    eprintln!("fetching {url}");
                    download::download(url, place)?;
                }
                let record = record::check(place, place, &place.display().to_string())?;
                Ok((place.to_owned(), record))
            }
        }
    }

    /// What was fetched to `place` before, whether it is there still or not.
    fn recorded(&self, place: &Path) -> Option<Record> {
        matches!(self, Origin::Url(_)).then(|| Record::read(&record::beside(place)).ok().flatten()).flatten()
    }
}

/// IWSLT'14 as the literature has it, in `folder`: fetched and prepared there unless that was done before.
///
/// Errors: the archive cannot be had or is not the one that is meant, or the folder holds something else or cannot be written.
pub fn iwslt14(origin: &Origin, folder: &Path, threads: usize) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|cause| FetchError::Unwritable { file: folder.display().to_string(), cause })?;
    let place = folder.join(ARCHIVE);
    let done = |record: &Record| iwslt14::is_done(&record.sha256, folder);
    if origin.recorded(&place).is_some_and(|record| done(&record)) {
        eprintln!("{}: prepared before", folder.display());
        return Ok(());
    }
    let (archive, record) = origin.archive(&place)?;
    if done(&record) {
        eprintln!("{}: prepared before", folder.display());
        return Ok(());
    }
    let raw = folder.join(RAW);
    unpack::empty_folder(&raw)?;
    unpack(&archive, FOLDER, &iwslt14::raw_files(), &raw, Limits::default())?;
    let pool = crate::prepare::pool(threads)?;
    let pairs = pool.install(|| iwslt14::run(&raw, &record.sha256, folder))?;
    fs::remove_dir_all(&raw).map_err(|cause| FetchError::Unwritable { file: raw.display().to_string(), cause })?;
    eprintln!(
        "{}: {} pairs to learn from, {} to choose by, {} to report on",
        folder.display(),
        pairs[0],
        pairs[1],
        pairs[2]
    );
    if pairs != iwslt14::PAIRS {
        let [train, valid, test] = iwslt14::PAIRS;
        eprintln!(
            "warning: the literature has {train}, {valid} and {test}: scores will not compare with published ones"
        );
    }
    Ok(())
}
