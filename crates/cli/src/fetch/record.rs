//! What a download was, noted beside it: no checksum of it is published, so the first one that proved whole is what later ones are
//! held to.

use super::FetchError;
use lsra_exec::atomic;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file's size and checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, as hexadecimal digits.
    pub sha256: String,
}

/// The record of a file, beside it.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".record.json");
    file.with_file_name(name)
}

impl Record {
    /// Of a file as it is.
    ///
    /// Errors: it cannot be read.
    pub fn of(file: &Path) -> Result<Record, FetchError> {
        let unreadable = |cause| FetchError::Unreadable { file: file.display().to_string(), cause };
        let mut digest = Sha256::new();
        let mut bytes = 0;
        let mut reader = File::open(file).map_err(unreadable)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer).map_err(unreadable)? {
                0 => break,
                read => {
                    digest.update(&buffer[..read]);
                    bytes += read as u64;
                }
            }
        }
        let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Record { bytes, sha256 })
    }

    /// The one beside a file, where there is one.
    ///
    /// Errors: it cannot be read or is none.
    pub(super) fn read(path: &Path) -> Result<Option<Record>, FetchError> {
        let file = path.display().to_string();
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| FetchError::BadRecord { file, reason: e.to_string() }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(FetchError::Unreadable { file, cause }),
        }
    }

    /// Notes it, where nothing is noted yet.
    ///
    /// Errors: the note cannot be written.
    pub(super) fn keep(&self, path: &Path) -> Result<(), FetchError> {
        if path.is_file() {
            return Ok(());
        }
        let json = serde_json::to_vec_pretty(self).expect("numbers and digits");
        atomic::replace(path, |f| f.write_all(&json))
            .map_err(|cause| FetchError::Unwritable { file: path.display().to_string(), cause })
    }

    fn text(&self) -> String {
        format!("{} bytes, SHA-256 {}", self.bytes, self.sha256)
    }
}

/// What `file` is, held to the record beside `place` where there is one. In errors `origin` names the file, and `again` says how it is
/// fetched again.
///
/// Errors: it is another file than the one recorded, or the record cannot be read.
pub(super) fn check(file: &Path, place: &Path, origin: &str, again: &str) -> Result<Record, FetchError> {
    let path = beside(place);
    let found = Record::of(file)?;
    match Record::read(&path)? {
        Some(expected) if expected != found => Err(FetchError::Changed {
            origin: origin.to_owned(),
            found: found.text(),
            expected: expected.text(),
            record: path.display().to_string(),
            again: again.to_owned(),
        }),
        _ => Ok(found),
    }
}
