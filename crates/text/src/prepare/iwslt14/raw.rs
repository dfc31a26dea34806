//! The lines of the raw files.

use crate::{TextError, files};
use std::path::Path;

/// Lines that say something about a talk and are no text of it.
const ABOUT: [&str; 3] = ["<url>", "<talkid>", "<keywords>"];

/// Tags whose text is kept.
const TAGS: [&str; 4] = ["<title>", "</title>", "<description>", "</description>"];

/// The sentences of talks with their titles and descriptions.
///
/// Errors: missing, unreadable, empty or not UTF-8.
pub(super) fn talks(path: &Path) -> Result<Vec<String>, TextError> {
    let lines = files::read_lines(path)?;
    let text = lines.into_iter().filter(|line| !ABOUT.iter().any(|tag| line.contains(tag)));
    Ok(text.map(|line| TAGS.iter().fold(line, |line, tag| line.replace(tag, ""))).collect())
}

/// The segments of a file of test sentences.
///
/// Errors: as [`talks`].
pub(super) fn segments(path: &Path) -> Result<Vec<String>, TextError> {
    let lines = files::read_lines(path)?;
    let segments = lines.iter().filter(|line| line.contains(SEGMENT));
    Ok(segments.map(|line| without_ends(&without_starts(line)).replace('’', "'")).collect())
}

const SEGMENT: &str = "<seg id";
const END: &str = "</seg>";

/// Without each `<seg id="7">` and the white space after it.
fn without_starts(line: &str) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some(at) = rest.find("<seg id=\"") {
        let (before, tag) = rest.split_at(at);
        text.push_str(before);
        let number = tag["<seg id=\"".len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        match number.strip_prefix("\">") {
            Some(after) => rest = after.trim_start(),
            None => {
                text.push_str(&tag[..1]);
                rest = &tag[1..];
            }
        }
    }
    text + rest
}

/// Without each `</seg>` and the white space around it.
fn without_ends(line: &str) -> String {
    let parts: Vec<&str> = line.split(END).collect();
    let last = parts.len() - 1;
    let trimmed = parts.iter().enumerate().map(|(i, part)| {
        let part = if i < last { part.trim_end() } else { part };
        if i > 0 { part.trim_start() } else { part }
    });
    trimmed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_lose_their_tags_alone() {
        let of = |line: &str| without_ends(&without_starts(line));
        assert_eq!(of("<seg id=\"12\"> Das <b> ist  gut. </seg>"), "Das <b> ist  gut.");
        assert_eq!(of("<seg id=\"x\"> a </seg> "), "<seg id=\"x\"> a");
        assert_eq!(of("<seg id=\"1\">a</seg> <seg id=\"2\"> b</seg>"), "ab");
    }
}
