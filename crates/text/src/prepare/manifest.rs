//! What a prepared folder says of itself.

use super::config::{BpeSides, PrepareConfig};
use super::folder::STATE;
use super::normal::TextForm;
use super::pieces::tokenizer_files;
use crate::{Bpe, Languages, TextError, staged};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// Its file. It is written last: a folder that has it is whole.
pub(super) const MANIFEST: &str = "corpus.json";

/// What this version writes and reads.
const FORMAT: u32 = 1;

/// A prepared folder's `corpus.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// Of the two sides, which are also the endings of their files.
    pub languages: Languages,
    /// What every line went through, and must go through before it is translated.
    pub text: TextForm,
    /// Whose tokenisers there are.
    pub bpe: BpeSides,
}

impl Manifest {
    pub(super) fn new(languages: &Languages, config: &PrepareConfig) -> Manifest {
        Manifest { format: FORMAT, languages: languages.clone(), text: config.text_form(), bpe: config.bpe }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), TextError> {
        let json = serde_json::to_vec_pretty(self).expect("names");
        staged::write(&folder.join(MANIFEST), &json)
    }

    /// Whether a folder is a prepared one.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(MANIFEST).is_file()
    }

    /// Reads a folder's.
    ///
    /// Errors: the folder was not prepared, not to the end, or by another version.
    pub fn read(folder: &Path) -> Result<Manifest, TextError> {
        let path = folder.join(MANIFEST);
        let file = path.display().to_string();
        let expected = "the manifest that `lsra prepare` ends with";
        let bytes = fs::read(&path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound if folder.join(STATE).is_file() => {
                TextError::Unfinished { folder: folder.display().to_string() }
            }
            io::ErrorKind::NotFound => TextError::Missing { file: file.clone(), expected },
            _ => TextError::Unreadable { file: file.clone(), cause },
        })?;
        let bad = |reason: String| TextError::BadManifest { file: file.clone(), reason };
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if manifest.format != FORMAT {
            return Err(bad(format!("its format is {}, this version reads {FORMAT}", manifest.format)));
        }
        check_languages(&manifest.languages)?;
        Ok(manifest)
    }

    /// The tokenisers of source and target.
    ///
    /// Errors: missing, or not as this program writes them.
    pub fn tokenizers(&self, folder: &Path) -> Result<[Bpe; 2], TextError> {
        let mut read = Vec::new();
        for name in tokenizer_files(self.bpe, &self.languages) {
            read.push(Bpe::from_file(&folder.join(name))?);
        }
        Ok([read[0].clone(), read.pop().expect("one or two")])
    }
}

/// Errors: names that cannot be endings of two files.
pub(super) fn check_languages(languages: &Languages) -> Result<(), TextError> {
    let good = |name: &str| {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        (1..=32).contains(&name.len()) && letters
    };
    let Languages { source, target } = languages;
    if good(source) && good(target) && source != target {
        return Ok(());
    }
    let expected = "must be two different names of letters, digits, - and _, as in de-en";
    Err(TextError::Setting { name: "languages", value: format!("{source} and {target}"), expected })
}
