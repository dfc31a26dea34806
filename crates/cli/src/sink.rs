//! Where results go: standard output as they come, or a file that is there when all is done and not before.

use crate::Error;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// An open place for results.
pub struct Sink {
    to: To,
}

enum To {
    StandardOutput(BufWriter<io::Stdout>),
    /// A device or pipe, which no rename could stand for.
    Device(PathBuf, BufWriter<File>),
    File(Partial),
}

/// A file under another name, which it loses when it is finished, and is removed if it never is, unless the program is killed.
struct Partial {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
    finished: bool,
}

impl Sink {
    /// To a file, or without one to standard output.
    ///
    /// Errors: the file cannot be made where it should be.
    pub fn open(file: Option<&Path>) -> Result<Sink, Error> {
        let to = match file {
            None => To::StandardOutput(BufWriter::new(io::stdout())),
            Some(path) => open(path).map_err(unwritable(path))?,
        };
        Ok(Sink { to })
    }

    /// Writes a line.
    ///
    /// Errors: the disk is full, or whoever read has left.
    pub fn line(&mut self, text: &str) -> Result<(), Error> {
        self.attempt(|w| writeln!(w, "{text}"))
    }

    /// Writes text that holds its own ends of lines.
    ///
    /// Errors: as [`Sink::line`].
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        self.attempt(|w| w.write_all(text.as_bytes()))
    }

    /// Hands on what was written so far.
    ///
    /// Errors: as [`Sink::line`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.attempt(|w| w.flush())
    }

    /// Ends the output; a file gets its name now.
    ///
    /// Errors: as [`Sink::line`].
    pub fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        match &mut self.to {
            To::File(file) => file.finish().map_err(unwritable(&file.path)),
            To::StandardOutput(_) | To::Device(..) => Ok(()),
        }
    }

    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        match &mut self.to {
            To::StandardOutput(w) => write(w).map_err(Error::Output),
            To::Device(path, w) => write(w).map_err(unwritable(path)),
            To::File(file) => write(&mut file.writer).map_err(unwritable(&file.path)),
        }
    }
}

/// What a file that cannot be written is told as.
pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error::Unwritable { path, cause }
}

fn open(path: &Path) -> io::Result<To> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => {
            Ok(To::Device(path.to_owned(), BufWriter::new(OpenOptions::new().write(true).open(path)?)))
        }
        _ => {
            let mut name = OsString::from(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
            name.push(format!(".{}.partial", std::process::id()));
            let partial = path.with_file_name(name);
            let writer = BufWriter::new(File::create(&partial)?);
            Ok(To::File(Partial { path: path.to_owned(), partial, writer, finished: false }))
        }
    }
}

impl Partial {
    fn finish(&mut self) -> io::Result<()> {
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody can use half of it; that it cannot be removed would change nothing in what went wrong.
            let _ = fs::remove_file(&self.partial);
        }
    }
}
