//! subword-nmt's codes: a version, then a merge on each line, the first learnt first.

use super::END_OF_WORD;
use crate::{TextError, files};
use std::collections::HashSet;
use std::path::Path;

/// Two symbols that become one. The last symbol of a word ends in `</w>`.
pub(super) type Merge = (String, String);

const VERSION_LINE: &str = "#version: ";

/// Reads the merges of a codes file, the first learnt first, each once.
pub(super) fn read(path: &Path) -> Result<Vec<Merge>, TextError> {
    let text = files::read_text(path, "subword-nmt's codes, a merge a line,")?;
    parse(&path.display().to_string(), &text)
}

/// The characters of a symbol, the last one with the end of the word if the symbol has it.
pub(super) fn characters(symbol: &str) -> impl Iterator<Item = String> {
    let (text, suffix) = match symbol.strip_suffix(END_OF_WORD) {
        Some(text) => (text, END_OF_WORD),
        None => (symbol, ""),
    };
    let last = text.char_indices().next_back().map_or(0, |(i, _)| i);
    text.char_indices().map(move |(i, c)| if i == last { format!("{c}{suffix}") } else { c.to_string() })
}

fn parse(file: &str, text: &str) -> Result<Vec<Merge>, TextError> {
    // Before 0.2 the end of a word was a symbol of its own, and files of then state 0.1 or nothing.
    let version = match text.lines().next().and_then(|l| l.strip_prefix(VERSION_LINE)) {
        Some(version) => version.trim(),
        None => "0.1",
    };
    if version != "0.2" {
        return Err(TextError::BadCodesVersion { file: file.to_owned(), found: version.to_owned() });
    }
    let mut seen = HashSet::new();
    let mut merges = Vec::new();
    for (i, line) in text.lines().enumerate().skip(1) {
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
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_word_stays_with_its_last_character() {
        assert_eq!(characters("en</w>").collect::<Vec<_>>(), ["e", "n</w>"]);
        assert_eq!(characters("ä").collect::<Vec<_>>(), ["ä"]);
        assert_eq!(characters("für").collect::<Vec<_>>(), ["f", "ü", "r"]);
    }

    #[test]
    fn the_first_of_two_equal_merges_counts() {
        let merges = parse("codes", "#version: 0.2\na b\nc d</w>\na b\n").unwrap();
        assert_eq!(merges, [("a".into(), "b".into()), ("c".into(), "d</w>".into())]);
    }

    #[test]
    fn faults_name_their_line() {
        for bad in ["ab", "a b c", "a ", ""] {
            let text = format!("#version: 0.2\nx y\n{bad}\n");
            let error = parse("codes", &text).unwrap_err();
            assert!(matches!(error, TextError::BadCodesLine { line: 3, .. }), "{bad:?}: {error}");
        }
        assert!(matches!(parse("codes", "e n</w>\n"), Err(TextError::BadCodesVersion { .. })));
        assert!(matches!(parse("codes", "#version: 0.1\ne n\n"), Err(TextError::BadCodesVersion { .. })));
    }
}
