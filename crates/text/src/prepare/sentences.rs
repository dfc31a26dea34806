//! Sentences of one side, for what is made of a prepared corpus besides.

use super::hash::{digest, digest_file};
use super::lines::{Fit, Lines};
use super::reason::Reason;
use crate::TextError;
use std::path::Path;

/// Lines of a file of any size, packed or not, one at a time.
pub struct SentenceReader {
    lines: Lines,
    room: Vec<u8>,
}

impl SentenceReader {
    /// Of a line, at most `most_bytes` are kept in memory.
    ///
    /// Errors: missing, unreadable, empty, or UTF-16.
    pub fn open(path: &Path, most_bytes: usize) -> Result<SentenceReader, TextError> {
        Ok(SentenceReader { lines: Lines::open(path, most_bytes)?, room: Vec::new() })
    }

    /// Where the line just read leaves UTF-8: its byte, from 1.
    pub fn invalid_byte(&self) -> usize {
        1 + std::str::from_utf8(&self.room).map_or_else(|e| e.valid_up_to(), str::len)
    }

    /// The next line, or why there is no sentence in it; nothing at the end of the file.
    ///
    /// Errors: the file cannot be read on, or its compressed data are damaged.
    pub fn next_sentence(&mut self) -> Result<Option<Result<String, Reason>>, TextError> {
        let Some(fit) = self.lines.next(&mut self.room)? else { return Ok(None) };
        Ok(Some(match (fit, std::str::from_utf8(&self.room)) {
            (Fit::OverLong, _) => Err(Reason::OverLongLine),
            (_, Err(_)) => Err(Reason::InvalidUtf8),
            (_, Ok(line)) => Ok(line.to_owned()),
        }))
    }
}

/// The digest of a file's bytes.
///
/// Errors: the file cannot be read.
pub fn file_digest(path: &Path) -> Result<String, TextError> {
    Ok(digest_file(path)?.1)
}

/// The digest of settings, as text.
pub fn settings_digest(settings: &str) -> String {
    digest(settings.as_bytes())
}
