//! Reading text files with errors that name the line.

use crate::TextError;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What a file of sentences is said to hold where it is missing or empty.
pub(crate) const SENTENCES: &str = "one sentence a line";

/// The most bytes of a dictionary, of codes and of a tokeniser: ten times those of a million pieces. Whatever is larger is
/// another file, and would only fill the memory.
pub(crate) const MOST_BYTES: u64 = 1 << 28;

/// A whole file that describes something as text.
///
/// Errors: missing, unreadable, empty, of more than [`MOST_BYTES`], or not UTF-8. `expected` says what should have been there.
pub(crate) fn read_text(path: &Path, expected: &'static str) -> Result<String, TextError> {
    read_at_most(path, expected, MOST_BYTES)
}

fn read_at_most(path: &Path, expected: &'static str, most: u64) -> Result<String, TextError> {
    let file = path.display().to_string();
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Ok(bytes) if bytes.len() as u64 > most => return Err(TextError::TooLarge { file, most, expected }),
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(TextError::Missing { file, expected }),
        Err(cause) => return Err(TextError::Unreadable { file, cause }),
    };
    if bytes.is_empty() {
        return Err(TextError::Empty { file, expected });
    }
    utf8(&file, bytes)
}

/// The file's lines. A carriage return before the end of a line is dropped.
///
/// Errors: as [`read_text`], but for the size: who trains on a corpus holds it in memory.
pub(crate) fn read_lines(path: &Path) -> Result<Vec<String>, TextError> {
    Ok(read_at_most(path, SENTENCES, u64::MAX)?.lines().map(str::to_owned).collect())
}

/// These bytes as text. Errors: not UTF-8, with the line and the byte within it.
pub(crate) fn utf8(file: &str, bytes: Vec<u8>) -> Result<String, TextError> {
    String::from_utf8(bytes).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        TextError::InvalidUtf8 { file: file.to_owned(), line, byte: 1 + before.len() - line_start }
    })
}

/// The words of a line as the original's dictionaries see them: split at whatever Python calls white space, which is
/// Unicode's and the four information separators.
pub(crate) fn python_words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)).filter(|w| !w.is_empty())
}
