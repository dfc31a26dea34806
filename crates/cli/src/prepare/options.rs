//! What a user says of a corpus: as arguments, or in a configuration file.

use crate::Error;
use clap::Args;
use lsra_text::prepare::{
    BpeSides, Casing, Format, Normalization, Preparation, PrepareConfig, Reason, Source, SourceOptions,
};
use lsra_text::{Languages, TextError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use std::str::FromStr;

/// Options that say what a configuration says.
const CONFIGURED: [&str; 20] = [
    "files",
    "out",
    "languages",
    "format",
    "columns",
    "fields",
    "normalize",
    "lowercase",
    "keep",
    "max_line_bytes",
    "min_chars",
    "max_chars",
    "max_ratio",
    "valid",
    "test",
    "seed",
    "bpe",
    "vocabulary",
    "merges",
    "bpe_lines",
];

/// Prepare a corpus from raw files.
///
/// Reads sentence pairs, normalises and cleans them, holds out valid and test so that they share no sentence with train or with
/// each other, learns BPE, and writes a folder for `lsra train --data`: train, valid and test, a file a language; the
/// tokeniser, dictionaries, report.html and report.json. Files may be packed with gzip or zstd. Memory stays small whatever
/// the size of the files. What was done before, of the same files with the same settings, is not done again; the same files
/// give the same folder, byte for byte.
///
/// Pairs are dropped for these reasons: over-long-line, invalid-utf8, malformed, empty, control-characters, length, identical,
/// duplicate, ratio (one side too long for the other), script (letters of a script that its side is not written in), language
/// (characters follow each other as in the other side's language), held-out (a side is a sentence of the given valid or test,
/// but for case and marks). The report counts them and shows some. Of given valid and test files only what cannot be read is
/// dropped: over-long-line, invalid-utf8, malformed, empty.
///
/// Example: lsra prepare text.de text.en --out data/mine, then lsra train --data data/mine
#[derive(Args, Clone, Debug)]
pub struct PrepareArgs {
    /// Two files line for line (text.de text.en), or files of columns (.tsv) or of JSON objects (.jsonl); .gz and .zst too. Two that
    /// end in the languages' names may come in any order
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder to write
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub out: Option<PathBuf>,
    /// Take the corpus and its settings from the corpus and prepare tables of a file, as `lsra train --config` does
    #[arg(long, value_name = "FILE", conflicts_with_all = CONFIGURED)]
    pub config: Option<PathBuf>,
    /// The codes of the sides' languages, as in de-en, by which a model knows their rules for the ends of sentences (of de, en and
    /// fr, so far) [default: the endings of two files, otherwise source-target]
    #[arg(long, value_name = "SOURCE-TARGET")]
    pub languages: Option<String>,
    /// lines, tsv or jsonl [default: by the files' endings]
    #[arg(long, value_name = "FORMAT", value_parser = named::<Format>)]
    pub format: Option<Format>,
    /// Columns of source and target in TSV, from 1 [default: 1,2]
    #[arg(long, value_name = "N,N", value_parser = two::<usize>)]
    pub columns: Option<[usize; 2]>,
    /// Fields of source and target in JSON, as in translation.de,translation.en [default: the languages]
    #[arg(long, value_name = "NAME,NAME", value_parser = two::<String>)]
    pub fields: Option<[String; 2]>,
    /// How characters are normalised: nfkc, moses (nfkc, and punctuation in one form as Moses brings it there; nothing is
    /// tokenised), or none; white space is made single spaces by all
    #[arg(long, value_name = "HOW", value_parser = named::<Normalization>, default_value = "nfkc")]
    pub normalize: Normalization,
    /// Make all letters small
    #[arg(long)]
    pub lowercase: bool,
    /// Do not drop pairs for these reasons, as in identical,duplicate
    #[arg(long, value_name = "REASON,…", value_delimiter = ',', value_parser = named::<Reason>)]
    pub keep: Vec<Reason>,
    /// Drop lines of more bytes, which also bounds the memory that a line may take
    #[arg(long, value_name = "N", default_value_t = PrepareConfig::default().max_line_bytes)]
    pub max_line_bytes: usize,
    /// Drop pairs with a side of fewer characters
    #[arg(long, value_name = "N", default_value_t = PrepareConfig::default().min_chars)]
    pub min_chars: usize,
    /// Drop pairs with a side of more characters
    #[arg(long, value_name = "N", default_value_t = PrepareConfig::default().max_chars)]
    pub max_chars: usize,
    /// Drop pairs of which one side is so many times longer than the corpus's mean lets expect; short ones may differ more
    #[arg(long, value_name = "X", default_value_t = PrepareConfig::default().max_ratio)]
    pub max_ratio: f64,
    /// Pairs to choose by: files like those of train, which stand before this option, or how many pairs to hold out [default:
    /// 1000, or a twentieth of a small corpus]
    #[arg(long, value_name = "FILE|N", num_args = 1..)]
    pub valid: Vec<PathBuf>,
    /// Pairs to report on, likewise; a file whose name is a number is ./NUMBER
    #[arg(long, value_name = "FILE|N", num_args = 1..)]
    pub test: Vec<PathBuf>,
    /// Seed that draws what is held out
    #[arg(long, value_name = "N", default_value_t = PrepareConfig::default().seed)]
    pub seed: u64,
    /// joint: one BPE, a dictionary a side; shared: one of both (for embeddings = "all-shared"); per-side: two of both
    #[arg(long, value_name = "SIDES", value_parser = named::<BpeSides>, default_value = "joint")]
    pub bpe: BpeSides,
    /// The most pieces of a BPE, single characters included. A dictionary, which a model's tables are as large as, has those that
    /// stand in its text, four special ones, and up to seven that bring it to a multiple of eight [default: 8000]
    #[arg(long, value_name = "N", conflicts_with = "merges")]
    pub vocabulary: Option<usize>,
    /// Merges of the BPE, in place of its pieces
    #[arg(long, value_name = "N")]
    pub merges: Option<usize>,
    /// The most lines of a side that BPE is learnt from, drawn evenly
    #[arg(long, value_name = "N", default_value_t = PrepareConfig::default().bpe_lines)]
    pub bpe_lines: usize,
    /// Threads; no result depends on it [default: as many as this process may use]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// The `[corpus]` table of a configuration: raw files and where what is prepared of them goes. Paths are as on the command line,
/// from where the program runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// The raw files.
    pub files: Vec<PathBuf>,
    /// Those to choose by; without them some pairs are held out.
    #[serde(default)]
    pub valid: Vec<PathBuf>,
    /// Those to report on, likewise.
    #[serde(default)]
    pub test: Vec<PathBuf>,
    /// What the sides are called.
    pub languages: Option<[String; 2]>,
    /// The prepared folder.
    pub folder: PathBuf,
    /// The files' format.
    pub format: Option<Format>,
    /// Columns of TSV.
    pub columns: Option<[usize; 2]>,
    /// Fields of JSON.
    pub fields: Option<[String; 2]>,
}

impl CorpusConfig {
    /// The corpus with these settings.
    ///
    /// Errors: files that do not say how they hold pairs.
    pub fn preparation(&self, config: &PrepareConfig) -> Result<Preparation, TextError> {
        let languages = match &self.languages {
            Some([source, target]) => Languages { source: source.clone(), target: target.clone() },
            None => Source::languages(&self.files)
                .unwrap_or_else(|| Languages { source: "source".to_owned(), target: "target".to_owned() }),
        };
        let options = SourceOptions { format: self.format, columns: self.columns, fields: self.fields.clone() };
        let source = Source::of(&self.files, &options, &languages)?;
        let given = |files: &[PathBuf]| {
            (!files.is_empty()).then(|| Source::of(files, &options.suiting(files), &languages)).transpose()
        };
        let (valid, test) = (given(&self.valid)?, given(&self.test)?);
        Ok(Preparation { source, valid, test, languages, config: config.clone(), out: self.folder.clone() })
    }
}

impl PrepareArgs {
    /// The corpus that these arguments describe.
    ///
    /// Errors: a configuration that is not understood, or files that do not say how they hold pairs.
    pub fn preparation(&self) -> Result<Preparation, Error> {
        if let Some(file) = &self.config {
            return Ok(crate::train::TrainConfig::read(file)?.preparation()?);
        }
        let languages = self.languages.as_ref().map(|l| split_languages(l)).transpose()?;
        let mut files = self.files.clone();
        let (valid_files, valid) = files_or_number(&self.valid, &mut files);
        let (test_files, test) = files_or_number(&self.test, &mut files);
        if files.is_empty() {
            let reason = "no files to prepare are named; they stand before --valid and --test";
            return Err(TextError::UnclearSource { files: "lsra prepare".to_owned(), reason }.into());
        }
        let corpus = CorpusConfig {
            files,
            valid: valid_files,
            test: test_files,
            languages,
            folder: self.out.clone().expect("clap requires it"),
            format: self.format,
            columns: self.columns,
            fields: self.fields.clone(),
        };
        let config = PrepareConfig {
            normalize: self.normalize,
            casing: if self.lowercase { Casing::Lower } else { Casing::Keep },
            keep: self.keep.clone(),
            max_line_bytes: self.max_line_bytes,
            min_chars: self.min_chars,
            max_chars: self.max_chars,
            max_ratio: self.max_ratio,
            valid,
            test,
            seed: self.seed,
            bpe: self.bpe,
            vocabulary: self.vocabulary,
            merges: self.merges,
            bpe_lines: self.bpe_lines,
        };
        Ok(corpus.preparation(&config)?)
    }
}

/// Files of a part, or how many pairs to hold out for it. What follows a number is none of the part's: `train` gets it.
fn files_or_number(values: &[PathBuf], train: &mut Vec<PathBuf>) -> (Vec<PathBuf>, Option<usize>) {
    let number = |value: &PathBuf| value.to_str().and_then(|v| v.parse().ok());
    match values {
        [first, rest @ ..] if let Some(number) = number(first) => {
            train.extend_from_slice(rest);
            (Vec::new(), Some(number))
        }
        files => (files.to_vec(), None),
    }
}

/// `de-en` as two names.
fn split_languages(text: &str) -> Result<[String; 2], Error> {
    match text.split('-').collect::<Vec<_>>()[..] {
        [source, target] => Ok([source.to_owned(), target.to_owned()]),
        _ => Err(Error::Option {
            option: "languages",
            value: text.to_owned(),
            expected: "must be two names with a hyphen between them, as in de-en".to_owned(),
        }),
    }
}

/// Two values with a comma between them.
fn two<T: FromStr>(text: &str) -> Result<[T; 2], String> {
    let parsed =
        |part: &str| part.parse().map_err(|_| format!("{part:?} is none of two values with a comma between them"));
    match text.split(',').collect::<Vec<_>>()[..] {
        [first, second] => Ok([parsed(first)?, parsed(second)?]),
        _ => Err("two values are expected, with a comma between them".to_owned()),
    }
}

/// The value that a configuration file spells so.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|e| e.to_string())
}
