//! Corpora of the literature from their publishers: fetched once, held to their first checksum, unpacked with care, prepared.

mod archive;
mod download;
mod error;
mod record;
mod unpack;

pub use archive::{Archive, MOST_BYTES, Origin};
pub use error::FetchError;
pub use record::Record;
pub use unpack::{Limits, unpack};

use crate::Error;
use crate::tell::tell;
use lsra_text::TextError;
use lsra_text::prepare::{FolderLock, iwslt14};
use std::fs;
use std::io;
use std::path::Path;

/// Where IWSLT'14 German-English is published.
pub const IWSLT14: &str = "https://dl.fbaipublicfiles.com/fairseq/data/iwslt14/de-en.tgz";

/// The archive's name in a data folder, and the one folder within it.
const ARCHIVE: &str = "de-en.tgz";
const FOLDER: &str = "de-en";

/// Raw files while they are prepared: a name that nobody else's folder has.
const RAW: &str = "de-en.tgz.unpacked";

/// Held by the one run that fetches or prepares.
const LOCK: &str = "de-en.tgz.lock";

/// IWSLT'14 as the literature has it, in `folder`: fetched and prepared there unless that was done before.
///
/// Errors: the archive cannot be had or is not the one that is meant, or the folder holds something else or cannot be written.
pub fn iwslt14(origin: &Origin, folder: &Path, threads: usize) -> Result<(), Error> {
    let place = folder.join(ARCHIVE);
    let is_prepared = |archive: Option<&Record>| {
        let prepared = archive.is_some_and(|record| iwslt14::is_done(&record.sha256, folder));
        if prepared {
            tell!("{}: prepared before", folder.display());
        }
        prepared
    };
    if is_prepared(origin.known(&place).as_ref()) {
        return Ok(());
    }
    iwslt14::refuse_foreign(folder)?;
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    let waits = || tell!("waiting until another run has prepared {}", folder.display());
    let _alone = FolderLock::take(&folder.join(LOCK), waits)?;
    // By the one that was waited for.
    if is_prepared(origin.known(&place).as_ref()) {
        return Ok(());
    }
    let archive = origin.archive(&place, MOST_BYTES)?;
    if is_prepared(Some(&archive.record)) {
        return Ok(archive.trust()?);
    }
    let raw = folder.join(RAW);
    let prepared = prepare(&archive, &raw, folder, threads);
    // Nobody needs it, whether that has succeeded or not.
    let removed = fs::remove_dir_all(&raw).map_err(unwritable(&raw));
    let pairs = prepared?;
    removed?;
    tell!(
        "{}: {} pairs to learn from, {} to choose by, {} to report on",
        folder.display(),
        pairs[0],
        pairs[1],
        pairs[2]
    );
    if pairs != iwslt14::PAIRS {
        let [train, valid, test] = iwslt14::PAIRS;
        tell!("warning: the literature has {train}, {valid} and {test}: scores will not compare with published ones");
    }
    Ok(())
}

/// Unpacks to `raw` and prepares to `folder`; the sizes of train, valid and test.
fn prepare(archive: &Archive, raw: &Path, folder: &Path, threads: usize) -> Result<[usize; 3], Error> {
    unpack::empty_folder(raw)?;
    let unpacked = unpack(&archive.file, FOLDER, &iwslt14::raw_files(), raw, Limits::default());
    unpacked.map_err(|fault| archive.refuse(fault))?;
    let pool = crate::prepare::pool(threads)?;
    let pairs = pool.install(|| iwslt14::run(raw, &archive.record.sha256, folder)).map_err(|fault| match fault {
        // Its text, which another archive's may not have.
        TextError::SidesDiffer { .. } | TextError::InvalidUtf8 { .. } | TextError::Empty { .. } => Error::from(
            archive.refuse(FetchError::Text { file: archive.file.display().to_string(), fault: Box::new(fault) }),
        ),
        other => other.into(),
    })?;
    archive.trust()?;
    Ok(pairs)
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let file = path.display().to_string();
    move |cause| FetchError::Unwritable { file, cause }
}
