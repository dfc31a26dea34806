//! What can go wrong for a user, and how it is told: one line on stderr, exit status 2.

use crate::tell::tell;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Everything a command can fail with. Each message says what is wrong, where, and what to do, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fault in text files or in a model file's text blobs.
    #[error(transparent)]
    Text(#[from] lsra_text::TextError),
    /// A configuration that makes no model.
    #[error(transparent)]
    Config(#[from] lsra_model::ConfigError),
    /// `LSRA_ISA` names a tier that cannot be had.
    #[error(transparent)]
    Isa(#[from] lsra_kernels::isa::IsaError),
    /// A fault in what was to be profiled.
    #[error(transparent)]
    Profile(#[from] crate::profile::ProfileError),
    /// A preset or a change to it that is not understood.
    #[error(transparent)]
    Settings(#[from] crate::train::SettingsError),
    /// A run that cannot be looked at.
    #[error(transparent)]
    RunLog(#[from] crate::run_log::RunLogError),
    /// A corpus that cannot be had.
    #[error(transparent)]
    Fetch(#[from] crate::fetch::FetchError),
    /// A prepared folder where a recipe wants a tokenised one.
    #[error(
        "--data {folder}: was made by lsra prepare, and this recipe takes text that is tokenised already; leave the recipe out \
         (lsra train --data {folder}), or the folder, to fetch and prepare the recipe's own corpus"
    )]
    PreparedForRecipe {
        /// The folder.
        folder: String,
    },
    /// Training cannot begin or go on.
    #[error(transparent)]
    Train(#[from] lsra_train::TrainError),
    /// One table for both sides, and two dictionaries.
    #[error(
        "model.embeddings = all-shared needs one dictionary for both sides, and this text has two; \
         --set model.embeddings=shared-decoder, or prepare it with one (lsra prepare --bpe shared, or bpe = \"shared\")"
    )]
    SeparateDictionaries,
    /// Figures that cannot be measured or compared.
    #[error("{0}")]
    Bench(String),
    /// A file or folder that cannot be written.
    #[error("{path}: cannot be written ({cause}); check that its folder exists and that you may write there")]
    Unwritable {
        /// The path.
        path: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// Standard output failed; where whoever read it has left, [`exit`] says nothing.
    #[error("standard output: cannot be written ({0})")]
    Output(io::Error),
    /// A model file that cannot be read or is none.
    #[error(transparent)]
    File(#[from] lsra_exec::FileError),
    /// A model file that is not there.
    #[error(
        "{option} {file}: no such file; a training writes it as model.safetensors in its --out (lsra train --data DIR, or cargo \
         xtask demo for a small one)"
    )]
    NoModel {
        /// The option or setting that names it.
        option: &'static str,
        /// As it was given.
        file: String,
    },
    /// A folder of text that is not there.
    #[error(
        "--data {folder}: no such folder; lsra prepare FILES --out {folder} makes one of your own text, and a recipe without \
         --data (lsra train iwslt14) fetches its own"
    )]
    NoData {
        /// As it was given.
        folder: String,
    },
    /// Translations of more sentences than there are.
    #[error("{file}: has translations of other sentences; remove it, and all are translated anew")]
    OtherTranslations {
        /// The log.
        file: String,
    },
    /// The model of an earlier run where that of a new one would go.
    #[error("{file}: is there already, of an earlier run; choose another --out, or remove it")]
    ModelThere {
        /// The file.
        file: String,
    },
    /// A training that is told of no text.
    #[error(
        "lsra train: name what to train on: --data DIR, which lsra prepare FILES --out DIR makes, --config FILE.toml, or a recipe \
         (lsra train iwslt14)"
    )]
    NothingToTrainOn,
    /// An evaluation of nothing.
    #[error(
        "lsra evaluate: name what to evaluate: --model FILE, which is to translate, or --hypothesis FILE, translations at hand"
    )]
    NothingToEvaluate,
    /// A folder of something else where a prepared one is wanted.
    #[error(
        "--data {folder}: was not made by lsra prepare; give the folder that lsra prepare FILES --out DIR writes, or name the recipe \
         whose text it holds (lsra train iwslt14 --data {folder})"
    )]
    NotPrepared {
        /// As it was given.
        folder: String,
    },
    /// A folder in place of a model file.
    #[error(
        "{option} {file}: is a folder, not a model file; give {}",
        inside.as_deref().unwrap_or("a model.safetensors, which lsra train leaves in the folder of its --out")
    )]
    ModelFolder {
        /// The option or setting that names it.
        option: &'static str,
        /// As it was given.
        file: String,
        /// The model file in it, if there is one.
        inside: Option<String>,
    },
    /// A model file without a dictionary.
    #[error("{file}: holds no {name}, so text cannot become ids; save the model again with its dictionaries")]
    NoDictionary {
        /// The model file.
        file: String,
        /// What should be there.
        name: &'static str,
    },
    /// A card that does not say what it should.
    #[error("{file}: its card's {key:?} is not understood ({reason}); save the model again with this version")]
    BadCard {
        /// The model file.
        file: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A dictionary of another size than the model's table.
    #[error(
        "{file}: {name} has {found} words but the model's table has {words}; the dictionary belongs to another model"
    )]
    DictionaryMisfit {
        /// The model file.
        file: String,
        /// Which dictionary.
        name: &'static str,
        /// Its words, the four special ones included.
        found: usize,
        /// Rows of the table.
        words: usize,
    },
    /// A model to start from that is another one than the settings describe.
    #[error(
        "--from {file}: the model has model.{key} = {there}, the settings here say {here}; leave the preset and the setting out, \
         and the file's are taken"
    )]
    AnotherModel {
        /// The model file.
        file: String,
        /// The key that differs.
        key: String,
        /// In the file.
        there: String,
        /// In the settings.
        here: String,
    },
    /// A model to start from that takes other text.
    #[error("--from {file}: the model takes {there}, and the text here is {here}; {advice}")]
    AnotherText {
        /// The model file.
        file: String,
        /// What it was trained on.
        there: String,
        /// What is to be trained on.
        here: String,
        /// What to do.
        advice: &'static str,
    },
    /// A model to learn from, or to translate a corpus with, that is for other text.
    #[error("{file}: the model's {what} is {there}, and here it is {here}; {advice}")]
    OtherModel {
        /// The model file.
        file: String,
        /// What differs.
        what: &'static str,
        /// In the file.
        there: String,
        /// Where it is to be used.
        here: String,
        /// What to do.
        advice: &'static str,
    },
    /// A sentence that the model has no positions for.
    #[error(
        "{origin}, line {line}: the sentence has {tokens} tokens with its end, more than the model's {most}; split it"
    )]
    TooLong {
        /// The file, or what stands for it.
        origin: String,
        /// From 1.
        line: usize,
        /// The sentence's, `</s>` included.
        tokens: usize,
        /// The model's positions.
        most: usize,
    },
    /// A line of a pipe without a translation.
    #[error("{origin}, line {line}: has no translation; give the sentence, a tab and the translation on each line")]
    Unpaired {
        /// What stands for the pipe.
        origin: String,
        /// From 1.
        line: usize,
    },
    /// An option out of range.
    #[error("--{option} {value}: {expected}")]
    Option {
        /// Without the dashes.
        option: &'static str,
        /// As it was given.
        value: String,
        /// What it may be.
        expected: String,
    },
}

impl Error {
    /// Errors: what is made of the folder `data` is to go into itself, whatever the two are called.
    pub(crate) fn check_other_folder(data: &Path, out: &Path) -> Result<(), Error> {
        let same = data == out || data.canonicalize().is_ok_and(|d| out.canonicalize().is_ok_and(|o| d == o));
        if same {
            let expected = "must be another folder than that of the text".to_owned();
            return Err(Error::Option { option: "out", value: out.display().to_string(), expected });
        }
        Ok(())
    }

    /// Errors: a sentence of so many tokens, `</s>` included, is longer than the model's positions.
    pub(crate) fn check_length(origin: &str, line: usize, tokens: usize, most: usize) -> Result<(), Error> {
        if tokens > most {
            return Err(Error::TooLong { origin: origin.to_owned(), line, tokens, most });
        }
        Ok(())
    }
}

impl From<lsra_train::checkpoint::CheckpointError> for Error {
    fn from(error: lsra_train::checkpoint::CheckpointError) -> Error {
        Error::Train(error.into())
    }
}

/// Ends a program: the command's own status, or 2 after one line on stderr. A reader that closed the pipe is no failure.
pub fn exit(result: Result<ExitCode, Error>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(Error::Output(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell!("error: {}", one_line(&error));
            ExitCode::from(2)
        }
    }
}

/// The message with line breaks, which causes from elsewhere may hold, as spaces.
fn one_line(error: &Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
