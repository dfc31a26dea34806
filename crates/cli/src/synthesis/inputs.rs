//! The sentences that are translated, in an order that is the same each time.

use super::Kind;
use super::folder::Folder;
use crate::Error;
use lsra_text::prepare::{PrepareConfig, Reason, SentenceReader, TextForm, sentence_key};
use lsra_text::{Split, TextError};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where they come from.
pub(super) struct Inputs {
    files: Vec<PathBuf>,
    /// There where sentences are a user's own: what they go through, and those that stand in valid or test.
    own: Option<Own>,
}

struct Own {
    form: Option<TextForm>,
    held_out: HashSet<u64>,
}

/// How many lines were read, and how many were dropped for what.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub read: u64,
    pub dropped: BTreeMap<String, u64>,
}

impl Inputs {
    /// Errors: valid or test cannot be read.
    pub fn of(kind: &Kind, folder: &Folder) -> Result<Inputs, Error> {
        match kind {
            Kind::Distilled(_) => Ok(Inputs { files: vec![folder.train()[0].clone()], own: None }),
            Kind::BackTranslated { monolingual } => {
                let mut held_out = HashSet::new();
                for split in [Split::Valid, Split::Test] {
                    let [_, target] = folder.part(split);
                    for line in lines(&target)? {
                        held_out.insert(sentence_key(&line?));
                    }
                }
                Ok(Inputs { files: monolingual.clone(), own: Some(Own { form: folder.form, held_out }) })
            }
        }
    }

    /// All of them.
    ///
    /// Errors: a file is missing, empty or unreadable.
    pub fn sentences(&self) -> Result<Box<dyn Iterator<Item = Result<String, Error>> + '_>, Error> {
        Ok(Box::new(self.counted()?.0))
    }

    /// The same, and what is counted as they are taken.
    ///
    /// Errors: as [`Inputs::sentences`].
    #[expect(clippy::type_complexity, reason = "an iterator and what it counts")]
    pub fn counted(&self) -> Result<(impl Iterator<Item = Result<String, Error>> + '_, Rc<RefCell<Counts>>), Error> {
        let most = PrepareConfig::default().max_line_bytes;
        let counts = Rc::new(RefCell::new(Counts::default()));
        let counted = Rc::clone(&counts);
        let readers =
            self.files.iter().map(|f| SentenceReader::open(f, self.own.as_ref().map_or(usize::MAX, |_| most)));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;
        // Eight bytes a sentence, and the table's slack.
        let mut seen = HashSet::new();
        let places = self.files.iter().zip(readers).flat_map(|(file, reader)| each(file.clone(), reader));
        let sentences = places.filter_map(move |next| {
            let place = match next {
                Ok(place) => place,
                Err(fault) => return Some(Err(fault.into())),
            };
            counted.borrow_mut().read += 1;
            let Some(own) = &self.own else { return Some(place.text().map_err(Error::from)) };
            match place.line.and_then(|line| own.kept(&line, &mut seen)) {
                Ok(line) => Some(Ok(line)),
                Err(reason) => {
                    *counted.borrow_mut().dropped.entry(reason.text().to_owned()).or_default() += 1;
                    None
                }
            }
        });
        Ok((sentences, counts))
    }
}

impl Own {
    /// The line as the corpus would have it, or why it is left out.
    fn kept(&self, line: &str, seen: &mut HashSet<u64>) -> Result<String, Reason> {
        let line = self.form.map_or_else(|| line.trim().to_owned(), |form| form.apply(line));
        if line.is_empty() {
            return Err(Reason::Empty);
        }
        if line.chars().any(char::is_control) {
            return Err(Reason::ControlCharacters);
        }
        let key = sentence_key(&line);
        if self.held_out.contains(&key) {
            Err(Reason::HeldOut)
        } else if !seen.insert(key) {
            Err(Reason::Duplicate)
        } else {
            Ok(line)
        }
    }
}

/// A line, and where it stands.
struct Place {
    file: String,
    number: usize,
    line: Result<String, Reason>,
    /// Where it leaves UTF-8.
    byte: usize,
}

impl Place {
    /// Errors: the line is not UTF-8.
    fn text(self) -> Result<String, TextError> {
        let Place { file, number, line, byte } = self;
        line.map_err(|_| TextError::InvalidUtf8 { file, line: number, byte })
    }
}

fn each(file: PathBuf, mut reader: SentenceReader) -> impl Iterator<Item = Result<Place, TextError>> {
    let (mut number, name) = (0, file.display().to_string());
    std::iter::from_fn(move || {
        let next = reader.next_sentence().transpose()?;
        number += 1;
        Some(next.map(|line| {
            let byte = if line.is_err() { reader.invalid_byte() } else { 0 };
            Place { file: name.clone(), number, line, byte }
        }))
    })
}

/// Whether a file of sentences has a capital letter.
///
/// Errors: missing, empty or unreadable.
pub(super) fn has_capitals(file: &Path) -> Result<bool, Error> {
    let places = each(file.to_owned(), SentenceReader::open(file, PrepareConfig::default().max_line_bytes)?);
    for place in places {
        if place?.line.is_ok_and(|line| line.chars().any(char::is_uppercase)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The lines of a file of a folder, which are text.
///
/// Errors: missing, empty or unreadable, or, as it goes, not UTF-8.
pub(super) fn lines(file: &Path) -> Result<impl Iterator<Item = Result<String, Error>> + use<>, Error> {
    let reader = SentenceReader::open(file, usize::MAX)?;
    Ok(each(file.to_owned(), reader).map(|next| Ok(next?.text()?)))
}
