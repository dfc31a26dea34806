//! A file that has its name when it is whole and not before.

use crate::TextError;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written under another name beside its place, and removed if it never gets its own.
pub(crate) struct Staged {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    finished: bool,
}

impl Staged {
    /// Errors: the folder is missing or cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Staged, TextError> {
        let partial = partial(path);
        let file = File::create(&partial).map_err(unwritable(path))?;
        Ok(Staged { path: path.to_owned(), partial, writer: BufWriter::with_capacity(1 << 16, file), finished: false })
    }

    /// Errors: the disk is full.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), TextError> {
        self.writer.write_all(bytes).map_err(unwritable(&self.path))
    }

    /// A line and its end. Errors: the disk is full.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), TextError> {
        self.write(text.as_bytes())?;
        self.write(b"\n")
    }

    /// Makes sure that the file is on the disk, and gives it its name. Errors: the disk is full.
    pub(crate) fn finish(mut self) -> Result<(), TextError> {
        let finish = |s: &mut Staged| -> io::Result<()> {
            s.writer.flush()?;
            s.writer.get_ref().sync_all()?;
            fs::rename(&s.partial, &s.path)
        };
        finish(&mut self).map_err(unwritable(&self.path))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody can use half of it; that it cannot be removed would change nothing in what went wrong.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// What a file is called while it is being written.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".partial");
    path.with_file_name(name)
}

/// Writes a small file whole. Errors: as [`Staged`]'s.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TextError> {
    let mut file = Staged::create(path)?;
    file.write(bytes)?;
    file.finish()
}

pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> TextError {
    let file = path.display().to_string();
    move |cause| TextError::Unwritable { file, cause }
}
