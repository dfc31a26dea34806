//! Which steps are done, so that none is done twice.
//!
//! A step's key is a digest of all that it depends on: its settings and what came before, down to the bytes of the raw files. It
//! counts as done where its key is the same and the files that it wrote are still as it wrote them.

use super::hash::{digest, digest_file};
use crate::{TextError, staged};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What keys begin with. Changes when a step's results do, so that what an older version made is made anew.
const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    steps: BTreeMap<String, Done>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Done {
    key: String,
    /// Files by name, with their sizes and digests.
    files: BTreeMap<String, (u64, String)>,
}

/// The steps of one folder.
pub(super) struct State {
    folder: PathBuf,
    file: PathBuf,
    saved: Saved,
}

impl State {
    /// What is known of a folder; nothing where `file` cannot be understood, which only costs time.
    pub(super) fn load(folder: &Path, file: &str) -> State {
        let file = folder.join(file);
        let saved = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        State { folder: folder.to_owned(), file, saved: saved.unwrap_or_default() }
    }

    /// Whether a step was done with this key.
    pub(super) fn has_key(&self, step: &str, key: &str) -> bool {
        self.saved.steps.get(step).is_some_and(|done| done.key == key)
    }

    /// Whether these files are as a step left them.
    pub(super) fn has_files<S: AsRef<str>>(&self, step: &str, files: &[S]) -> bool {
        let Some(done) = self.saved.steps.get(step) else { return false };
        let same = |name: &S| {
            let found = digest_file(&self.folder.join(name.as_ref())).ok();
            found.is_some() && found.as_ref() == done.files.get(name.as_ref())
        };
        files.iter().all(same)
    }

    /// Notes that a step is done and what it wrote.
    ///
    /// Errors: a file cannot be read back, or the note not be written.
    pub(super) fn done<S: AsRef<str>>(&mut self, step: &str, key: &str, files: &[S]) -> Result<(), TextError> {
        let mut digests = BTreeMap::new();
        for name in files {
            let path = self.folder.join(name.as_ref());
            digests.insert(name.as_ref().to_owned(), digest_file(&path)?);
        }
        self.saved.steps.insert(step.to_owned(), Done { key: key.to_owned(), files: digests });
        staged::write(&self.file, &serde_json::to_vec_pretty(&self.saved).expect("names and numbers"))
    }
}

/// The key of a step that depends on these settings and on the step of the key `before`.
pub(super) fn key(before: &str, settings: Value) -> String {
    digest(serde_json::json!([VERSION, before, settings]).to_string().as_bytes())
}
