//! Unpacking a `.tgz` of somebody else: as a stream, only the files that are wanted, and never outside the folder.

use super::FetchError;
use crate::document::visible;
use lsra_text::prepare::GzipMembers;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};
use tar::{Archive, EntryType};

/// How much an archive may unpack to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, headers and files that are not wanted included.
    pub bytes: u64,
    /// Entries.
    pub entries: usize,
}

impl Default for Limits {
    /// Twenty times what IWSLT's archives hold.
    fn default() -> Limits {
        Limits { bytes: 1 << 30, entries: 10_000 }
    }
}

/// Counts what is read, and stops at a limit.
struct Counted<R> {
    reader: R,
    left: u64,
}

/// How [`Counted`] tells its limit from other faults.
const LIMIT: &str = "more bytes than are unpacked";

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(to)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(LIMIT))?;
        Ok(read)
    }
}

/// Unpacks `folder`'s files of these names into `to`, which exists. Other files are passed over.
///
/// Entries are taken as they stand in the archive: extensions that would give them other or longer names are not applied, so
/// that none of them is ever held in memory. The names here are short.
///
/// Errors: damaged, beyond the limits, with links, devices or paths that lead out of the folder, or without a wanted file.
pub fn unpack(archive: &Path, folder: &str, names: &[String], to: &Path, limits: Limits) -> Result<(), FetchError> {
    let file = archive.display().to_string();
    let opened = File::open(archive).map_err(|cause| FetchError::Unreadable { file: file.clone(), cause })?;
    let unpacked = GzipMembers::new(BufReader::new(opened));
    let mut tar = Archive::new(Counted { reader: unpacked, left: limits.bytes });
    let damaged = |cause: io::Error| match cause.to_string().contains(LIMIT) {
        true => FetchError::Bomb { file: file.clone(), most: format!("{} bytes", limits.bytes) },
        // It may quote what the archive holds.
        false => {
            FetchError::Damaged { file: file.clone(), cause: io::Error::new(cause.kind(), visible(&cause.to_string())) }
        }
    };
    let mut missing: Vec<&String> = names.iter().collect();
    let mut entries = 0;
    for entry in tar.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        entries += 1;
        if entries > limits.entries {
            return Err(FetchError::Bomb { file, most: format!("{} entries", limits.entries) });
        }
        let path = entry.path().map_err(damaged)?.into_owned();
        let wanted = check(entry.header().entry_type(), &path).map_err(|reason| FetchError::Unsafe {
            file: file.clone(),
            entry: visible(&path.display().to_string()),
            reason,
        })?;
        let inner: Vec<Component> = path.components().filter(|c| *c != Component::CurDir).collect();
        let name = match inner[..] {
            [Component::Normal(first), Component::Normal(name)] if first == folder => name.to_str(),
            _ => None,
        };
        let Some(at) = missing.iter().position(|n| wanted && Some(n.as_str()) == name) else { continue };
        let path = to.join(missing.swap_remove(at));
        let unwritable = |cause| FetchError::Unwritable { file: path.display().to_string(), cause };
        let mut written = File::create(&path).map_err(unwritable)?;
        copy(&mut entry, &mut written).map_err(|fault| match fault {
            Copy::Read(cause) => damaged(cause),
            Copy::Write(cause) => unwritable(cause),
        })?;
    }
    // The last bytes hold the packer's checksum: to the end, then, though there are no more entries.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(damaged)?;
    match missing.iter().min() {
        Some(name) => Err(FetchError::Incomplete { file, missing: format!("{folder}/{name}") }),
        None => Ok(()),
    }
}

/// Whether an entry is a file. Errors: why an honest archive of text has no such entry.
fn check(kind: EntryType, path: &Path) -> Result<bool, &'static str> {
    match kind {
        // Names and times for the entry that follows.
        EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName => return Ok(false),
        EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => return Err("which is a link"),
        EntryType::Regular | EntryType::Directory => {}
        _ => return Err("which is neither a file nor a folder"),
    }
    if path.is_absolute() || path.components().any(|c| matches!(c, Component::RootDir | Component::Prefix(_))) {
        return Err("whose path is absolute");
    }
    if path.components().any(|c| c == Component::ParentDir) {
        return Err("whose path leads out of the folder");
    }
    Ok(kind == EntryType::Regular)
}

enum Copy {
    Read(io::Error),
    Write(io::Error),
}

/// Copies all, telling whose fault a failure is.
fn copy(from: &mut impl Read, to: &mut File) -> Result<(), Copy> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer).map_err(Copy::Read)? {
            0 => return Ok(()),
            read => io::Write::write_all(to, &buffer[..read]).map_err(Copy::Write)?,
        }
    }
}

/// An empty folder, whatever was there.
///
/// Errors: it cannot be made.
pub(super) fn empty_folder(path: &Path) -> Result<(), FetchError> {
    let unwritable = |cause| FetchError::Unwritable { file: path.display().to_string(), cause };
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(unwritable(cause)),
        _ => {}
    }
    fs::create_dir_all(path).map_err(unwritable)
}
