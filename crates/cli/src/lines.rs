//! Sentences on their way in: from arguments, a file or a pipe, a window at a time.

use crate::Error;
use lsra_text::TextError;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// What an input is said to hold where it is missing or empty.
const SENTENCES: &str = "one sentence a line";

/// How standard input is called in messages.
const STANDARD_INPUT: &str = "standard input";

/// A sentence and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Without the end of the line.
    pub text: String,
}

/// Lines in order, at most a window of them in memory.
pub struct Lines {
    /// The file's path, or what stands for it in messages.
    pub origin: String,
    source: Source,
}

enum Source {
    Given(std::vec::IntoIter<Line>),
    /// Read by a thread, so that what has not come yet does not hold up what has.
    Read(Receiver<Result<Line, TextError>>),
    /// A fault, to be told once what came before it is done.
    Failed(TextError),
}

impl Lines {
    /// Sentences at hand.
    pub fn given(texts: &[String]) -> Lines {
        let lines = texts.iter().flat_map(|t| if t.is_empty() { vec![""] } else { t.lines().collect() });
        let numbered: Vec<Line> =
            lines.enumerate().map(|(i, text)| Line { number: i + 1, text: text.to_owned() }).collect();
        Lines { origin: "arguments".to_owned(), source: Source::Given(numbered.into_iter()) }
    }

    /// What comes through standard input, read ahead by at most `ahead` lines.
    pub fn standard_input(ahead: usize) -> Lines {
        Lines::reading(STANDARD_INPUT.to_owned(), BufReader::new(io::stdin()), ahead)
    }

    /// The lines of a file, read ahead by at most `ahead` lines.
    ///
    /// Errors: the file is missing, unreadable or empty.
    pub fn file(path: &Path, ahead: usize) -> Result<Lines, TextError> {
        Ok(Lines::reading(path.display().to_string(), open(path)?, ahead))
    }

    fn reading(origin: String, reader: impl BufRead + Send + 'static, ahead: usize) -> Lines {
        let (sender, receiver) = sync_channel(ahead);
        let mut lines = Reader { origin: origin.clone(), reader, number: 0 };
        // Ends with the input, at the first fault, or when nobody wants more.
        thread::spawn(move || while lines.next().is_some_and(|line| line.is_ok() & sender.send(line).is_ok()) {});
        Lines { origin, source: Source::Read(receiver) }
    }

    /// At least one line, unless there are no more; at most `most`, but no more than have come already.
    ///
    /// Errors: a line is not UTF-8 or the input fails; the lines before it have been given by then.
    pub fn window(&mut self, most: usize) -> Result<Vec<Line>, Error> {
        let mut window = Vec::new();
        match &mut self.source {
            Source::Given(lines) => window.extend(lines.take(most)),
            Source::Read(receiver) => {
                let mut next = receiver.recv().ok();
                while let Some(line) = next {
                    match line {
                        Ok(line) => window.push(line),
                        Err(fault) => {
                            self.source = Source::Failed(fault);
                            break;
                        }
                    }
                    next = if window.len() < most { receiver.try_recv().ok() } else { None };
                }
            }
            Source::Failed(_) => {}
        }
        if window.is_empty()
            && let Source::Failed(_) = self.source
            && let Source::Failed(fault) = std::mem::replace(&mut self.source, Source::Given(Vec::new().into_iter()))
        {
            return Err(fault.into());
        }
        Ok(window)
    }
}

/// Reads a file through once.
///
/// Errors: it is missing, unreadable, empty or not UTF-8, or `check` finds a fault in a line.
pub fn check_file(path: &Path, mut check: impl FnMut(&Line) -> Result<(), Error>) -> Result<(), Error> {
    let lines = Reader { origin: path.display().to_string(), reader: open(path)?, number: 0 };
    for line in lines {
        check(&line?)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<BufReader<File>, TextError> {
    let file = path.display().to_string();
    let mut reader = match File::open(path) {
        Ok(f) => BufReader::new(f),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(TextError::Missing { file, expected: SENTENCES }),
        Err(cause) => return Err(TextError::Unreadable { file, cause }),
    };
    match reader.fill_buf() {
        Ok([]) => Err(TextError::Empty { file, expected: SENTENCES }),
        Ok(_) => Ok(reader),
        Err(cause) => Err(TextError::Unreadable { file, cause }),
    }
}

/// Lines one by one, checked to be UTF-8.
struct Reader<R> {
    origin: String,
    reader: R,
    number: usize,
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Line, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(cause) => return Some(Err(TextError::Unreadable { file: self.origin.clone(), cause })),
        }
        self.number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let line = String::from_utf8(bytes).map(|text| Line { number: self.number, text });
        Some(line.map_err(|e| TextError::InvalidUtf8 {
            file: self.origin.clone(),
            line: self.number,
            byte: e.utf8_error().valid_up_to() + 1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(window: &[Line]) -> Vec<&str> {
        window.iter().map(|l| l.text.as_str()).collect()
    }

    #[test]
    fn what_stands_before_a_fault_comes_before_it() {
        let mut lines = Lines::reading("a pipe".to_owned(), &b"one\r\ntwo\n\xff\nfour\n"[..], 10);
        let mut seen = Vec::new();
        let fault = loop {
            match lines.window(2) {
                Ok(window) => seen.extend(window),
                Err(fault) => break fault,
            }
        };
        assert_eq!(texts(&seen), ["one", "two"]);
        assert_eq!(seen[1].number, 2);
        assert!(matches!(fault, Error::Text(TextError::InvalidUtf8 { line: 3, byte: 1, .. })), "{fault}");
        assert_eq!(lines.window(2).unwrap(), []);
    }

    #[test]
    fn arguments_are_lines() {
        let mut lines = Lines::given(&["a b".to_owned(), String::new(), "c\nd".to_owned()]);
        assert_eq!(texts(&lines.window(3).unwrap()), ["a b", "", "c"]);
        assert_eq!(texts(&lines.window(3).unwrap()), ["d"]);
        assert_eq!(lines.window(3).unwrap(), []);
    }
}
