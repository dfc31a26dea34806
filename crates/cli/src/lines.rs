//! Sentences on their way in: from arguments, a file or a pipe, a window at a time.

use crate::Error;
use lsra_text::TextError;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
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
    /// The end of the line, as it was; nothing where the line goes on in the next part.
    pub end: &'static str,
}

/// What becomes of a line that is longer than anybody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongLines {
    /// It comes as it is.
    Whole,
    /// It comes in parts of at most a mebibyte, cut at white space where there is any.
    InParts,
}

/// Lines in order, at most a window of them in memory.
pub struct Lines {
    /// The file's path, or what stands for it in messages.
    pub origin: String,
    source: Source,
    ahead: Arc<Ahead>,
}

/// Bytes of lines that are read ahead, or worked on at a time; one longer line goes alone.
const BYTES: usize = 1 << 20;

/// How many bytes were read and not yet taken: lines may be long, and their number alone bounds no memory.
#[derive(Default)]
struct Ahead {
    state: Mutex<(usize, Taker)>,
    taken: Condvar,
}

/// Whoever takes lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Taker {
    #[default]
    There,
    Gone,
}

impl Ahead {
    /// Waits until there is room for so many bytes more.
    fn add(&self, bytes: usize) {
        let state = self.state.lock().expect("nobody panics while holding a count");
        let full = |state: &mut (usize, Taker)| state.0 > 0 && state.0 + bytes > BYTES && state.1 == Taker::There;
        self.taken.wait_while(state, full).expect("nobody panics while holding a count").0 += bytes;
    }

    fn take(&self, bytes: usize) {
        self.state.lock().expect("nobody panics while holding a count").0 -= bytes;
        self.taken.notify_one();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.ahead.state.lock().expect("nobody panics while holding a count").1 = Taker::Gone;
        self.ahead.taken.notify_one();
    }
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
            lines.enumerate().map(|(i, text)| Line { number: i + 1, text: text.to_owned(), end: "\n" }).collect();
        let (origin, source) = ("arguments".to_owned(), Source::Given(numbered.into_iter()));
        Lines { origin, source, ahead: Arc::default() }
    }

    /// What comes through standard input, read ahead by at most `lines` lines.
    pub fn standard_input(lines: usize, long: LongLines) -> Lines {
        Lines::reading(STANDARD_INPUT.to_owned(), BufReader::new(io::stdin()), lines, long)
    }

    /// The lines of a file, read ahead by at most `lines` lines.
    ///
    /// Errors: the file is missing, unreadable or empty.
    pub fn file(path: &Path, lines: usize, long: LongLines) -> Result<Lines, TextError> {
        Ok(Lines::reading(path.display().to_string(), open(path)?, lines, long))
    }

    fn reading(origin: String, reader: impl BufRead + Send + 'static, lines: usize, long: LongLines) -> Lines {
        let (sender, receiver) = sync_channel(lines);
        let mut lines = Reader::new(origin.clone(), reader, long);
        let ahead = Arc::new(Ahead::default());
        let read = Arc::clone(&ahead);
        let mut send = move |line: Result<Line, TextError>| {
            read.add(line.as_ref().map_or(0, |line| line.text.len()));
            line.is_ok() & sender.send(line).is_ok()
        };
        // Ends with the input, at the first fault, or when nobody wants more.
        thread::spawn(move || while lines.next().is_some_and(&mut send) {});
        Lines { origin, source: Source::Read(receiver), ahead }
    }

    /// At least one line, unless there are no more; at most `most`, and a mebibyte of them, but no more than have come already.
    ///
    /// Errors: a line is not UTF-8 or the input fails; the lines before it have been given by then.
    pub fn window(&mut self, most: usize) -> Result<Vec<Line>, Error> {
        let mut window = Vec::new();
        match &mut self.source {
            Source::Given(lines) => window.extend(lines.take(most)),
            Source::Read(receiver) => {
                let mut next = receiver.recv().ok();
                let mut bytes = 0;
                while let Some(line) = next {
                    match line {
                        Ok(line) => {
                            self.ahead.take(line.text.len());
                            bytes += line.text.len();
                            window.push(line);
                        }
                        Err(fault) => {
                            self.source = Source::Failed(fault);
                            break;
                        }
                    }
                    next = if window.len() < most && bytes < BYTES { receiver.try_recv().ok() } else { None };
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
pub fn check_file(
    path: &Path,
    long: LongLines,
    mut check: impl FnMut(&Line) -> Result<(), Error>,
) -> Result<(), Error> {
    for line in Reader::new(path.display().to_string(), open(path)?, long) {
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
    /// Bytes of the line that have been given, where it goes on.
    given: Option<usize>,
    /// Bytes of a line, or of a part of one, with its end.
    most: usize,
    /// What was read of a line whose first part has been given.
    rest: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    fn new(origin: String, reader: R, long: LongLines) -> Reader<R> {
        let most = match long {
            LongLines::Whole => usize::MAX,
            LongLines::InParts => BYTES,
        };
        Reader { origin, reader, number: 0, given: None, most, rest: Vec::new() }
    }

    /// Bytes up to the end of the line, it included, or as many as there may be. Nothing at the end of the input.
    fn bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = std::mem::take(&mut self.rest);
        if self.given.is_none() {
            self.number += 1;
        }
        let room = self.most.saturating_sub(bytes.len()) as u64;
        self.reader.by_ref().take(room).read_until(b'\n', &mut bytes)?;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// The text of these bytes and the end of their line; what does not fit stays for the next part.
    fn parts(&mut self, mut bytes: Vec<u8>) -> io::Result<(Vec<u8>, &'static str)> {
        if bytes.last() != Some(&b'\n') && bytes.len() >= self.most && !self.reader.fill_buf()?.is_empty() {
            self.rest = bytes.split_off(part_end(&bytes));
            return Ok((bytes, ""));
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
                return Ok((bytes, "\r\n"));
            }
        } else if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok((bytes, "\n"))
    }
}

/// Where a line that is too long is cut: after white space in its second half, or else between two characters.
fn part_end(bytes: &[u8]) -> usize {
    let half = bytes.len() / 2;
    if let Some(space) = bytes[half..].iter().rposition(u8::is_ascii_whitespace) {
        return half + space + 1;
    }
    let continues = |b: &u8| b & 0xC0 == 0x80;
    // A character has four bytes at most; what is not UTF-8 is told when it is read as text.
    let end = bytes.iter().rposition(|b| !continues(b)).unwrap_or(half);
    if bytes.len() - end <= 4 && end > 0 { end } else { half.max(1) }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Line, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.given.unwrap_or(0);
        let read = self.bytes().and_then(|bytes| bytes.map(|bytes| self.parts(bytes)).transpose());
        let (bytes, end) = match read {
            Ok(read) => read?,
            Err(cause) => return Some(Err(TextError::Unreadable { file: self.origin.clone(), cause })),
        };
        self.given = end.is_empty().then_some(before + bytes.len());
        let line = String::from_utf8(bytes).map(|text| Line { number: self.number, text, end });
        Some(line.map_err(|e| TextError::InvalidUtf8 {
            file: self.origin.clone(),
            line: self.number,
            byte: before + e.utf8_error().valid_up_to() + 1,
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
        let mut lines = Lines::reading("a pipe".to_owned(), &b"one\r\ntwo\n\xff\nfour\n"[..], 10, LongLines::Whole);
        let mut seen = Vec::new();
        let fault = loop {
            match lines.window(2) {
                Ok(window) => seen.extend(window),
                Err(fault) => break fault,
            }
        };
        assert_eq!(texts(&seen), ["one", "two"]);
        assert_eq!(seen[1].number, 2);
        assert_eq!([seen[0].end, seen[1].end], ["\r\n", "\n"]);
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

    #[test]
    fn long_lines_come_in_parts_that_are_the_line() {
        let spaced = "word ".repeat(BYTES);
        let text =
            [spaced.as_str(), &"é".repeat(BYTES), "\nshort\r\n", &"x".repeat(BYTES), "\n", &"y".repeat(BYTES)].concat();
        let mut joined = String::new();
        let mut numbers = Vec::new();
        for line in Reader::new("text".to_owned(), text.as_bytes(), LongLines::InParts) {
            let Line { number, text, end } = line.unwrap();
            assert!(text.len() <= BYTES, "{}", text.len());
            numbers.push(number);
            joined += &text;
            joined += end;
        }
        assert_eq!(joined, text + "\n");
        numbers.dedup();
        assert_eq!(numbers, [1, 2, 3, 4]);
        let whole: Vec<_> = Reader::new("text".to_owned(), spaced.as_bytes(), LongLines::Whole).collect();
        assert_eq!(whole.len(), 1);
    }

    #[test]
    fn faults_of_long_lines_are_where_they_are() {
        // Parts that end at the last byte of what is read at once, and parts that leave a rest.
        for word in ["fifteen letters ", "abc ", "é"] {
            let line = word.repeat(3 * BYTES / word.len());
            let text = [&b"one\n"[..], line.as_bytes(), b"\n", line.as_bytes(), b"\xff\nfour\n"].concat();
            let fault = Reader::new("text".to_owned(), &text[..], LongLines::InParts).find_map(Result::err);
            let Some(TextError::InvalidUtf8 { line: number, byte, .. }) = fault else { panic!("{fault:?}") };
            assert_eq!((number, byte), (3, line.len() + 1), "{word}");
        }
    }

    #[test]
    fn reading_waits_for_whoever_takes_lines() {
        let text = "x".repeat(BYTES / 4) + "\n";
        let text = text.repeat(40);
        let mut lines = Lines::reading("a pipe".to_owned(), io::Cursor::new(text.into_bytes()), 1000, LongLines::Whole);
        let mut count = 0;
        loop {
            let window = lines.window(1000).unwrap();
            // A window begins within its bytes, so it exceeds them by one line.
            assert!(window.len() <= 4, "{}", window.len());
            count += window.len();
            assert!(lines.ahead.state.lock().unwrap().0 <= BYTES);
            if window.is_empty() {
                break;
            }
        }
        assert_eq!(count, 40);
    }
}
