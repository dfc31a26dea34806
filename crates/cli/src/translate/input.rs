//! Texts on their way in: each line, or lines up to a blank one or to one that begins with a mark.

use crate::Error;
use crate::lines::{Line, Lines, LongLines};
use lsra_text::sentences::marks_before;
use std::collections::VecDeque;
use std::path::Path;

/// Texts in order, at most a window of them in memory.
pub(super) struct Input {
    lines: Lines,
    paragraphs: Option<Paragraphs>,
}

/// Lines of a paragraph that has not ended.
#[derive(Default)]
struct Paragraphs {
    open: Option<Line>,
    whole: VecDeque<Line>,
}

/// Bytes of a paragraph that are waited for; what comes after begins another one, so that memory is bounded.
const LONGEST: usize = 1 << 20;

impl Input {
    /// Of a file, of texts at hand, or of standard input; `paragraphs` where lines go on in the next.
    ///
    /// Errors: the file is missing, unreadable or empty.
    pub(super) fn open(file: Option<&Path>, given: &[String], joined: Joined, ahead: usize) -> Result<Input, Error> {
        let lines = match file {
            Some(path) => Lines::file(path, ahead, LongLines::InParts)?,
            None if given.is_empty() => Lines::standard_input(ahead, LongLines::InParts),
            None => Lines::given(given),
        };
        let paragraphs = (joined == Joined::Paragraphs).then(Paragraphs::default);
        Ok(Input { lines, paragraphs })
    }

    /// What it is called in messages.
    pub(super) fn origin(&self) -> &str {
        &self.lines.origin
    }

    /// At least one text, unless there are no more; at most `most`, but no more than have come already.
    ///
    /// Errors: as [`Lines::window`].
    pub(super) fn window(&mut self, most: usize) -> Result<Vec<Line>, Error> {
        let Some(paragraphs) = &mut self.paragraphs else { return self.lines.window(most) };
        loop {
            let count = paragraphs.whole.len().min(most);
            if count > 0 {
                return Ok(paragraphs.whole.drain(..count).collect());
            }
            let lines = self.lines.window(most)?;
            if lines.is_empty() {
                return Ok(paragraphs.open.take().into_iter().collect());
            }
            lines.into_iter().for_each(|line| paragraphs.push(line));
        }
    }
}

/// Which lines are one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// Each is.
    Lines,
    /// Those up to a blank one, or up to one that begins with a bullet or a heading's mark; a heading is one line.
    Paragraphs,
}

impl Paragraphs {
    fn push(&mut self, line: Line) {
        let blank = line.text.trim().is_empty();
        // An item of a list, or a heading, is a text of its own, and a heading has one line.
        let marks = &line.text[..marks_before(&line.text)];
        let (marked, ends) = (!marks.trim().is_empty(), blank || marks.contains('#'));
        match &mut self.open {
            Some(open) if !blank && !marked && open.text.len() + line.text.len() < LONGEST => {
                open.text += open.end;
                open.text += &line.text;
                open.end = line.end;
            }
            _ => {
                self.whole.extend(self.open.take());
                if ends { self.whole.push_back(line) } else { self.open = Some(line) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_blank_lines_and_before_marks() {
        let given = ["a\nb\r\n\n \nc".to_owned(), "d\n- e\n  f\n- g\n-h\n## i\nj".to_owned()];
        let mut input = Input::open(None, &given, Joined::Paragraphs, 1).unwrap();
        let mut seen = Vec::new();
        loop {
            let window = input.window(2).unwrap();
            if window.is_empty() {
                break;
            }
            seen.extend(window.into_iter().map(|line| (line.number, line.text)));
        }
        let expected =
            [(1, "a\nb"), (3, ""), (4, " "), (5, "c\nd"), (7, "- e\n  f"), (9, "- g\n-h"), (11, "## i"), (12, "j")];
        assert_eq!(seen, expected.map(|(number, text)| (number, text.to_owned())));
    }
}
