//! subword-nmt's codes: a version, then a merge on each line, the first learnt first.

use crate::{TextError, files};
use std::collections::HashSet;
use std::path::Path;

/// What the last symbol of a word ends in.
pub(super) const END_OF_WORD: &str = "</w>";

/// Two symbols that become one.
pub(super) type Merge = (String, String);

/// How a word's end is marked before anything is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordEnd {
    /// The last character carries `</w>`: version 0.2.
    Joined,
    /// `</w>` follows the last character as a symbol of its own: version 0.1.
    Separate,
}

/// What a codes file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Codes {
    pub word_end: WordEnd,
    /// The first learnt first, each once.
    pub merges: Vec<Merge>,
}

const VERSION_LINE: &str = "#version: ";

/// Reads a codes file.
pub(super) fn read(path: &Path) -> Result<Codes, TextError> {
    let text = files::read_text(path, "subword-nmt's codes, a merge a line,")?;
    parse(&path.display().to_string(), &text)
}

/// A file of codes of version 0.2.
pub(super) fn write(merges: &[Merge]) -> String {
    let lines = merges.iter().map(|(left, right)| format!("{left} {right}\n"));
    [format!("{VERSION_LINE}0.2\n")].into_iter().chain(lines).collect()
}

fn parse(file: &str, text: &str) -> Result<Codes, TextError> {
    let version = text.lines().next().and_then(|l| l.strip_prefix(VERSION_LINE)).map(str::trim);
    // Files of before 0.2 may state no version, and begin with a merge.
    let (word_end, header) = match version {
        Some("0.2") => (WordEnd::Joined, 1),
        Some("0.1") => (WordEnd::Separate, 1),
        None => (WordEnd::Separate, 0),
        Some(other) => {
            return Err(TextError::BadCodesVersion { file: file.to_owned(), found: other.to_owned() });
        }
    };
    let mut seen = HashSet::new();
    let mut merges = Vec::new();
    for (i, line) in text.lines().enumerate().skip(header) {
        let merge = match line.trim_end_matches(' ').split_once(' ') {
            Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => {
                (left.to_owned(), right.to_owned())
            }
            _ => {
                return Err(TextError::BadCodesLine { file: file.to_owned(), line: i + 1, found: line.to_owned() });
            }
        };
        // Where a merge stands twice the first, more frequent, counts.
        if seen.insert(merge.clone()) {
            merges.push(merge);
        }
    }
    Ok(Codes { word_end, merges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_equal_merges_counts() {
        let codes = parse("codes", "#version: 0.2\na b\nc d</w>\na b\n").unwrap();
        assert_eq!(codes.merges, [("a".into(), "b".into()), ("c".into(), "d</w>".into())]);
    }

    #[test]
    fn faults_name_their_line() {
        for bad in ["ab", "a b c", "a ", ""] {
            let text = format!("#version: 0.2\nx y\n{bad}\n");
            let error = parse("codes", &text).unwrap_err();
            assert!(matches!(error, TextError::BadCodesLine { line: 3, .. }), "{bad:?}: {error}");
        }
        assert!(matches!(parse("codes", "#version: 0.3\ne n\n"), Err(TextError::BadCodesVersion { .. })));
    }

    #[test]
    fn the_version_tells_how_words_end() {
        let word_end = |text: &str| parse("codes", text).unwrap().word_end;
        assert_eq!(word_end("#version: 0.2\ne n</w>\n"), WordEnd::Joined);
        assert_eq!(word_end("#version: 0.1\ne </w>\n"), WordEnd::Separate);
        assert_eq!(parse("codes", "e </w>\n").unwrap().merges.len(), 1);
    }
}
