//! The real binary, and a tiny model for it.

use lsra::text_model::{
    DECODING, LONGEST_SOURCE, LOWERCASED, SOURCE_DICTIONARY, SOURCE_LANGUAGE, TARGET_DICTIONARY, TARGET_LANGUAGE, TEXT,
    TOKENIZER,
};
use lsra_exec::{ModelFile, Weights};
use lsra_model::{Model, presets};
use lsra_text::prepare::{Casing, TextForm};
use lsra_text::{Bpe, PieceCount, Vocabulary};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Words of the source side, as pieces: `go@@` and `ing` make `going`.
pub const WORDS: [&str; 8] = ["ein", "zwei", "drei", "haus", "baum", "go@@", "ing", "."];

/// A folder with a model in it.
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// A model with random weights that takes sentences of at most 24 tokens.
    pub fn new() -> Workshop {
        let workshop = Workshop { folder: tempfile::tempdir().unwrap() };
        tiny_model().save(&workshop.path("model.lsra")).unwrap();
        workshop
    }

    /// With [`raw_model`] in place of the other.
    pub fn raw(casing: Casing) -> Workshop {
        let workshop = Workshop { folder: tempfile::tempdir().unwrap() };
        raw_model(casing).save(&workshop.path("model.lsra")).unwrap();
        workshop
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path as an argument.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        argument(&path)
    }

    /// A command of the program with the model and these arguments.
    pub fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lsra"));
        command.arg(name).arg("--model").arg(self.path("model.lsra")).args(arguments);
        command
    }

    /// A command of the program without a model.
    pub fn plain(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lsra"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs it without input.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Output {
        self.command(name, arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs it with this input; the standard output of a run that succeeds.
    pub fn piped(&self, name: &str, arguments: &[&str], input: &str) -> String {
        feed(self.command(name, arguments), input)
    }
}

/// Runs a command with this input; the standard output of a run that succeeds.
pub fn feed(mut command: Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    stdout(&output)
}

/// A path as an argument.
pub fn argument(path: &(impl AsRef<Path> + ?Sized)) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}

/// Two layers a side, 16 channels.
pub fn tiny_model() -> ModelFile {
    let words =
        |names: &[&str]| Vocabulary::from_counts(names.iter().rev().zip(1..).map(|(w, n)| ((*w).to_owned(), n)));
    let (source, target) = (words(&WORDS), words(&["one", "two", "three", "house", "tree", "walk@@", "s", "."]));
    let mut config = presets::preset("iwslt-160").unwrap().model;
    (config.channels, config.attention_channels, config.convolution_channels) = (16, 8, 8);
    (config.feed_forward, config.max_positions) = (16, 24);
    (config.encoder_layers, config.decoder_layers) = (2, 2);
    (config.encoder_kernels, config.decoder_kernels) = (vec![3, 7], vec![3, 7]);
    (config.source_vocabulary, config.target_vocabulary) = (source.len(), target.len());
    let model = Model::new(&config).unwrap();
    let weights = Weights::init(&model.params, 5);
    let blobs = BTreeMap::from([
        (SOURCE_DICTIONARY.to_owned(), source.to_bytes()),
        (TARGET_DICTIONARY.to_owned(), target.to_bytes()),
    ]);
    ModelFile { model, weights, card: Default::default(), blobs }
}

/// Raw text that pieces are learnt from.
const RAW: &str = "Das ist ein Haus. Wo ist Tom? Er sieht den Baum! Anna mag das Haus, und Peter mag den Hund. Wir gehen heute \
    nach Berlin; morgen kommen sie. (Drei Hunde sind hier.) \"Gut\", sagte er. NEIN! ABER JA 0123456789:-_/@#&%";

/// As [`tiny_model`], of raw text in German and English: pieces hold their spaces.
pub fn raw_model(casing: Casing) -> ModelFile {
    let form = TextForm { casing, ..TextForm::default() };
    let text = form.apply(RAW);
    let mut characters = BTreeMap::new();
    text.chars().for_each(|c| *characters.entry(c).or_insert(1) += 1);
    let bpe = Bpe::learn_raw(&characters, [text.as_str(); 4].into_iter(), PieceCount::Vocabulary(150));
    let vocabulary = Vocabulary::from_sentences([&text, "▁.", "▁,"].map(|line| bpe.cut(line)).into_iter().chain(
        // Each letter alone too.
        [characters.keys().map(char::to_string).collect()],
    ));
    let mut file = tiny_model();
    let mut config = file.model.config.clone();
    (config.source_vocabulary, config.target_vocabulary) = (vocabulary.len(), vocabulary.len());
    config.max_positions = 64;
    file.model = Model::new(&config).unwrap();
    file.weights = Weights::init(&file.model.params, 5);
    file.blobs = BTreeMap::from([
        (SOURCE_DICTIONARY.to_owned(), vocabulary.to_bytes()),
        (TARGET_DICTIONARY.to_owned(), vocabulary.to_bytes()),
        (TOKENIZER.to_owned(), bpe.to_json()),
    ]);
    let card = serde_json::json!({
        SOURCE_LANGUAGE: "de", TARGET_LANGUAGE: "en", TEXT: form, LONGEST_SOURCE: 25,
        LOWERCASED: casing == Casing::Lower, DECODING: { "beam": 1, "length_penalty": 1.0, "max_length": 24 },
    });
    file.card = card.as_object().unwrap().clone();
    file
}

/// The standard output of a run that succeeded.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{:?}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Panics unless the run ended with status 2, nothing on standard output and one line that holds all of `parts`.
pub fn assert_refused<S: AsRef<OsStr>>(output: &Output, parts: &[S]) {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(output.stdout, b"", "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in parts {
        let part = part.as_ref().to_str().unwrap();
        assert!(message.contains(part), "{message:?} does not hold {part:?}");
    }
}
