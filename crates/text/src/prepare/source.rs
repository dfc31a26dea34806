//! Where pairs come from: parallel files, columns of TSV, fields of JSON lines.

use super::lines::{Fit, Lines};
use super::reason::{Reason, shortened};
use crate::{Languages, TextError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How files hold pairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Two files, a sentence a line, line for line.
    Lines,
    /// Columns with tabs between them, from 1. There may be others.
    Tsv {
        /// The source's column.
        source: usize,
        /// The target's.
        target: usize,
    },
    /// A JSON object on each line; fields within fields are `outer.inner`. There may be others.
    Json {
        /// The source's field.
        source: String,
        /// The target's.
        target: String,
    },
}

impl Layout {
    /// What a line is looked at for, and how to look for something else; nothing where that is the whole line.
    pub fn sought(&self) -> Option<String> {
        match self {
            Layout::Lines => None,
            Layout::Tsv { source, target } => {
                Some(format!("the columns {source} and {target} were looked for, which --columns changes"))
            }
            Layout::Json { source, target } => Some(format!(
                "an object a line with the fields {source} and {target} was looked for; --fields names others, and jq -c '.[]' makes \
                     lines of an array"
            )),
        }
    }
}

/// The formats of files, for those who name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Two files, line for line.
    Lines,
    /// Columns with tabs between them.
    Tsv,
    /// An object a line.
    Jsonl,
}

/// Files and how they hold pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Two for [`Layout::Lines`], otherwise any number, read one after the other.
    pub files: Vec<PathBuf>,
    /// How they hold pairs.
    pub layout: Layout,
}

/// What a user says of the files; the rest is told by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceOptions {
    /// Their format.
    pub format: Option<Format>,
    /// Columns of TSV, source first; 1 and 2 unless told otherwise.
    pub columns: Option<[usize; 2]>,
    /// Fields of JSON, source first; the languages unless told otherwise.
    pub fields: Option<[String; 2]>,
}

impl SourceOptions {
    /// These, as far as they say something of files of this format: what is said of train's files holds for those of valid
    /// and test that are like them.
    pub fn suiting(&self, files: &[PathBuf]) -> SourceOptions {
        let of = |format| files.iter().all(|f| self.format.unwrap_or_else(|| format_of(f)) == format);
        SourceOptions {
            format: self.format,
            columns: self.columns.filter(|_| of(Format::Tsv)),
            fields: self.fields.clone().filter(|_| of(Format::Jsonl)),
        }
    }
}

impl Source {
    /// Files as a user names them. `languages` are the names of the fields where JSON lines have no others; of two files whose endings
    /// are the languages the source's comes first, in whatever order they are named.
    ///
    /// Errors: no file, a format that cannot be told, one or three files that would have to be two or of which one ends in the other
    /// side's language, columns that are none, or columns or fields of files that have no such thing.
    pub fn of(files: &[PathBuf], options: &SourceOptions, languages: &Languages) -> Result<Source, TextError> {
        let unclear = |reason| {
            let files = files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
            Err(TextError::UnclearSource { files, reason })
        };
        let mut formats: Vec<Format> = files.iter().map(|f| options.format.unwrap_or_else(|| format_of(f))).collect();
        formats.dedup();
        let layout = match formats[..] {
            [] => return unclear("there are no files to read"),
            [Format::Lines] if files.len() == 2 => Layout::Lines,
            [Format::Lines] => {
                return unclear(
                    "pairs are two files of sentences, or one of .tsv or .jsonl; if this is one of those by another name, \
                     name its format, --format tsv or jsonl",
                );
            }
            [Format::Tsv] => {
                let [source, target] = options.columns.unwrap_or([1, 2]);
                if source == 0 || target == 0 || source == target {
                    let value = format!("{source},{target}");
                    return Err(TextError::Setting {
                        name: "columns",
                        value,
                        expected: "must be two different columns, counted from 1",
                    });
                }
                Layout::Tsv { source, target }
            }
            [Format::Jsonl] => {
                let named = || [languages.source.clone(), languages.target.clone()];
                let [source, target] = options.fields.clone().unwrap_or_else(named);
                Layout::Json { source, target }
            }
            _ => return unclear("the files are of different formats; prepare one format at a time"),
        };
        if let Some(columns) = options.columns.filter(|_| !matches!(layout, Layout::Tsv { .. })) {
            let value = columns.map(|n| n.to_string()).join(",");
            let expected = "only files of columns have them, .tsv or of the format tsv";
            return Err(TextError::Setting { name: "columns", value, expected });
        }
        if let Some(fields) = options.fields.as_ref().filter(|_| !matches!(layout, Layout::Json { .. })) {
            let expected = "only files of objects have them, .jsonl or of the format jsonl";
            return Err(TextError::Setting { name: "fields", value: fields.join(","), expected });
        }
        match (&layout, files) {
            (Layout::Lines, [first, second]) => match in_order(first, second, languages) {
                Some(files) => Ok(Source { files: files.map(Path::to_owned).to_vec(), layout }),
                None => unclear(
                    "one of the two has the ending of the other side's language, and the other does not tell; name both by their \
                     languages, or neither",
                ),
            },
            _ => Ok(Source { files: files.to_vec(), layout }),
        }
    }

    /// The files' names without their folders.
    pub(super) fn file_names(&self) -> Vec<String> {
        self.files.iter().map(|f| f.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
    }

    /// The languages that the names of two parallel files end in, as in `text.de` and `text.en.gz`.
    pub fn languages(files: &[PathBuf]) -> Option<Languages> {
        let [source, target] = files else { return None };
        // Of others the endings are formats.
        if files.iter().any(|file| format_of(file) != Format::Lines) {
            return None;
        }
        let (source, target) = (ending(source)?, ending(target)?);
        let short = |s: &str| (2..=3).contains(&s.split('-').next().unwrap_or(s).len()) && s != "txt";
        (source != target && short(&source) && short(&target)).then_some(Languages { source, target })
    }
}

/// Source and target. A shell sorts names: what was meant is told by the endings where both are a language. Nothing where one says
/// that it is the other side's and the other does not say so.
fn in_order<'f>(first: &'f Path, second: &'f Path, languages: &Languages) -> Option<[&'f Path; 2]> {
    let is = |file, language: &String| ending(file).as_ref() == Some(language);
    match (is(first, &languages.target), is(second, &languages.source)) {
        (false, false) => Some([first, second]),
        (true, true) => Some([second, first]),
        _ => None,
    }
}

/// Without that of its packing.
fn ending(file: &Path) -> Option<String> {
    Some(unpacked(file).extension()?.to_str()?.to_owned())
}

/// The path without the ending of its packing.
fn unpacked(path: &Path) -> PathBuf {
    match path.extension().and_then(|e| e.to_str()) {
        // Some are not read: that is told when the file is opened, not that its format is unclear.
        Some("gz" | "zst" | "zstd" | "zip" | "bz2" | "xz" | "lz4" | "7z") => path.with_extension(""),
        _ => path.to_owned(),
    }
}

fn format_of(path: &Path) -> Format {
    match unpacked(path).extension().and_then(|e| e.to_str()) {
        Some("tsv" | "tab") => Format::Tsv,
        Some("jsonl" | "ndjson" | "json") => Format::Jsonl,
        _ => Format::Lines,
    }
}

/// A pair as it was read, or why it was not.
pub(super) struct RawPair {
    /// The file's number and the line's, from 1.
    pub(super) place: (usize, u64),
    /// Source and target; or a reason and as much as can be shown.
    pub(super) read: Result<(String, String), (Reason, String)>,
}

/// Pairs one by one.
pub(super) struct Pairs<'a> {
    source: &'a Source,
    most_bytes: usize,
    file: usize,
    open: Option<Open>,
}

enum Open {
    Single(Lines),
    Two(Lines, Lines),
}

impl<'a> Pairs<'a> {
    /// Of a line, at most `most_bytes` are kept in memory.
    pub(super) fn new(source: &'a Source, most_bytes: usize) -> Pairs<'a> {
        Pairs { source, most_bytes, file: 0, open: None }
    }

    /// The next pair.
    ///
    /// Errors: a file is missing, empty, damaged or unreadable, or two that should be parallel are not.
    pub(super) fn next(&mut self) -> Result<Option<RawPair>, TextError> {
        let open = |path: &PathBuf| Lines::open(path, self.most_bytes);
        loop {
            let Some(lines) = &mut self.open else {
                self.open = match (&self.source.layout, &self.source.files[..]) {
                    (Layout::Lines, [source, target]) if self.file == 0 => {
                        Some(Open::Two(open(source)?, open(target)?))
                    }
                    (Layout::Tsv { .. } | Layout::Json { .. }, files) if self.file < files.len() => {
                        Some(Open::Single(open(&files[self.file])?))
                    }
                    _ => return Ok(None),
                };
                continue;
            };
            let (place, read) = match lines {
                Open::Single(lines) => {
                    let mut line = Vec::new();
                    let fit = lines.next(&mut line)?;
                    let read = fit.map(|fit| single(&self.source.layout, fit, line));
                    ((self.file, lines.number), read)
                }
                Open::Two(source, target) => {
                    let read = two(&self.source.files, source, target)?;
                    ((0, source.number), read)
                }
            };
            if let Some(read) = read {
                return Ok(Some(RawPair { place, read }));
            }
            self.open = None;
            self.file += 1;
        }
    }
}

type Read = Result<(String, String), (Reason, String)>;

fn two(files: &[PathBuf], source: &mut Lines, target: &mut Lines) -> Result<Option<Read>, TextError> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    match (source.next(&mut a)?, target.next(&mut b)?) {
        (None, None) => Ok(None),
        (Some(fit_a), Some(fit_b)) => Ok(Some(text(fit_a, a).and_then(|a| Ok((a, text(fit_b, b)?))))),
        _ => Err(TextError::SidesDiffer {
            source_lines: source.count_rest()? as usize,
            target_lines: target.count_rest()? as usize,
            source_file: files[0].display().to_string(),
            target_file: files[1].display().to_string(),
        }),
    }
}

fn text(fit: Fit, bytes: Vec<u8>) -> Result<String, (Reason, String)> {
    if fit == Fit::OverLong {
        return Err((Reason::OverLongLine, shown(&bytes)));
    }
    String::from_utf8(bytes).map_err(|e| (Reason::InvalidUtf8, shown(e.as_bytes())))
}

/// Bytes that may be no text. A character is four bytes at most, so more than this is not shown.
fn shown(bytes: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]))
}

fn single(layout: &Layout, fit: Fit, bytes: Vec<u8>) -> Read {
    let line = text(fit, bytes)?;
    let found = match layout {
        Layout::Tsv { source, target } => columns(&line, *source, *target),
        Layout::Json { source, target } => fields(&line, source, target),
        Layout::Lines => unreachable!("parallel files are read two at a time"),
    };
    found.ok_or_else(|| (Reason::Malformed, shortened(&line)))
}

fn columns(line: &str, source: usize, target: usize) -> Option<(String, String)> {
    let column = |n: usize| line.split('\t').nth(n - 1).map(str::to_owned);
    Some((column(source)?, column(target)?))
}

fn fields(line: &str, source: &str, target: &str) -> Option<(String, String)> {
    let object: Value = serde_json::from_str(line).ok()?;
    Some((field(&object, source)?.to_owned(), field(&object, target)?.to_owned()))
}

/// The string at a path. A key that holds the dots itself comes first.
fn field<'v>(object: &'v Value, path: &str) -> Option<&'v str> {
    if let Some(value) = object.get(path) {
        return value.as_str();
    }
    path.split('.').try_fold(object, |value, key| value.get(key))?.as_str()
}
