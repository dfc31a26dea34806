//! An archive: where it comes from, and when it is one to trust.
//!
//! What later downloads are held to is noted once an archive has proved whole and right, not before: a server that does not say how
//! long a file is may break off without anybody noticing.

use super::{FetchError, Record, download, record};
use crate::tell::tell;
use std::fs;
use std::path::{Path, PathBuf};

/// The most that is fetched: fifty times what the largest archive here has.
pub const MOST_BYTES: u64 = 1 << 30;

/// Where an archive comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An address, fetched where the folder has no archive yet.
    Url(String),
    /// A file, used where it lies.
    File(PathBuf),
}

/// An archive at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Where it lies.
    pub file: PathBuf,
    /// What it is.
    pub record: Record,
    came: Came,
}

/// How an archive came here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    /// Named as a file.
    Named,
    /// Lying where this address is fetched to: by an earlier run or by hand.
    Before(String),
    /// Just now.
    Now,
}

impl Origin {
    /// As a user names it: `http://…` and `https://…` are addresses, anything else a file.
    pub fn of(text: &str) -> Origin {
        match text.split_once("://") {
            Some(("http" | "https", _)) => Origin::Url(text.to_owned()),
            _ => Origin::File(text.into()),
        }
    }

    /// The archive as a file, fetched to `place` where it has to be, if it has at most so many bytes.
    ///
    /// Errors: it cannot be had, or is another than the one recorded.
    pub fn archive(&self, place: &Path, most: u64) -> Result<Archive, FetchError> {
        match self {
            Origin::File(file) if !file.is_file() => {
                Err(FetchError::NoArchive { file: file.display().to_string(), reason: "no such file" })
            }
            Origin::File(file) => Ok(Archive { file: file.clone(), record: Record::of(file)?, came: Came::Named }),
            Origin::Url(url) => {
                let came = if place.is_file() {
                    tell!("{}: is taken, and {url} not fetched", place.display());
                    Came::Before(url.clone())
                } else {
                    tell!("fetching {url}");
                    download::download(url, place, most)?;
                    Came::Now
                };
                let again = format!("remove it, and {url} is fetched");
                let record = record::check(place, place, &place.display().to_string(), &again)?;
                Ok(Archive { file: place.to_owned(), record, came })
            }
        }
    }

    /// What is known of the archive without fetching it: of a file what it is, of an address what was fetched to `place` before,
    /// whether it is there still or not.
    pub(super) fn known(&self, place: &Path) -> Option<Record> {
        match self {
            Origin::File(file) => Record::of(file).ok(),
            Origin::Url(_) => Record::read(&record::beside(place)).ok().flatten(),
        }
    }
}

impl Archive {
    /// Notes what it is, for later downloads to be held to: it has proved whole and right. A file that was named is no download.
    ///
    /// Errors: the note cannot be written.
    pub fn trust(&self) -> Result<(), FetchError> {
        match self.came {
            Came::Named => Ok(()),
            Came::Before(_) | Came::Now => self.record.keep(&record::beside(&self.file)),
        }
    }

    /// What is told where it could not be unpacked, with what to do. One that was fetched just now, and is not what an earlier
    /// download has proved to be right, is removed: the next run fetches it anew.
    pub fn refuse(&self, fault: FetchError) -> FetchError {
        if !fault.is_of_the_archive() {
            return fault;
        }
        let next = match &self.came {
            Came::Named => None,
            Came::Before(url) => Some(format!("fetches {url}")),
            Came::Now => Some("fetches it anew; --archive names another place".to_owned()),
        };
        let note = record::beside(&self.file);
        let first = if note.is_file() {
            format!("remove it and {}", note.display())
        } else if self.came == Came::Now && fs::remove_file(&self.file).is_ok() {
            "it is removed".to_owned()
        } else {
            "remove it".to_owned()
        };
        let advice = next.map_or_else(
            || "name another with --archive".to_owned(),
            |next| format!("{first}, and the next run {next}"),
        );
        FetchError::Refused { fault: Box::new(fault), advice }
    }
}
