//! Lines of a file in bounded memory.

use super::compressed::{self, Packing};
use crate::TextError;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is there, without its end.
    Whole,
    /// It is longer than what is kept; only its beginning is there.
    OverLong,
}

/// Lines one by one. A carriage return before the end of a line is no part of it.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    packing: Packing,
    most_bytes: usize,
    /// Lines read.
    pub(super) number: u64,
}

impl Lines {
    /// Of a line, at most `most_bytes` are kept in memory; `usize::MAX` keeps any.
    ///
    /// Errors: as [`compressed::open`].
    pub(super) fn open(path: &Path, most_bytes: usize) -> Result<Lines, TextError> {
        let (reader, packing) = compressed::open(path)?;
        Ok(Lines { path: path.to_owned(), reader, packing, most_bytes, number: 0 })
    }

    /// Of a file that this program wrote: as it stands, whatever packing its text begins like. Lines of any length are kept.
    ///
    /// Errors: as [`compressed::open_plain`].
    pub(super) fn open_own(path: &Path) -> Result<Lines, TextError> {
        let reader = compressed::open_plain(path)?;
        Ok(Lines { path: path.to_owned(), reader, packing: Packing::Plain, most_bytes: usize::MAX, number: 0 })
    }

    /// The next line into `line`, in place of what is there; nothing at the end of the file.
    ///
    /// Errors: the file cannot be read on, or its compressed data are damaged.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<Option<Fit>, TextError> {
        line.clear();
        let mut fit = Fit::Whole;
        let mut begun = false;
        loop {
            let fault = |cause| compressed::fault(&self.path, self.packing, self.number + 1, cause);
            let bytes = match self.reader.fill_buf() {
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.map_err(fault)?,
            };
            if bytes.is_empty() && !begun {
                return Ok(None);
            }
            begun = true;
            let end = bytes.iter().position(|&b| b == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            // One more than is allowed, for a carriage return.
            let room = self.most_bytes.saturating_add(1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            if part.len() > room {
                fit = Fit::OverLong;
            }
            let (read, last) = (part.len() + usize::from(end.is_some()), end.is_some() || bytes.is_empty());
            self.reader.consume(read);
            if last {
                break;
            }
        }
        self.number += 1;
        if fit == Fit::Whole && line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > self.most_bytes {
            line.truncate(self.most_bytes);
            fit = Fit::OverLong;
        }
        Ok(Some(fit))
    }

    /// Reads to the end without keeping anything; the number of lines in all.
    ///
    /// Errors: as [`Lines::next`].
    pub(super) fn count_rest(&mut self) -> Result<u64, TextError> {
        let mut line = Vec::new();
        while self.next(&mut line)?.is_some() {}
        Ok(self.number)
    }
}
