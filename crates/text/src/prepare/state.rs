//! Which steps are done, so that none is done twice.
//!
//! A step's key is a digest of all that it depends on: its settings and what came before, down to the bytes of the raw files. It
//! counts as done where its key is the same and the files that it wrote are still as it wrote them.
//!
//! The state also lists the files that preparations have written, and it does so before they are there: what is not listed is
//! somebody else's.

use super::folder::{is_there, may_be_prepared, remove};
use super::hash::{digest, digest_file};
use crate::{TextError, staged};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What keys begin with. Changes when a step's results do, so that what an older version made is made anew.
const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    steps: BTreeMap<String, Done>,
    /// What was written or is about to be; older versions did not say.
    files: Option<BTreeSet<String>>,
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
    /// Its files are those that count, also of an older version's state.
    saved: Saved,
}

impl State {
    /// What is known of a folder; nothing where `file` is missing or cannot be understood. An older version's state lists the files
    /// of its steps, and those `beside_steps`.
    pub(super) fn load(folder: &Path, file: &str, beside_steps: &[&str]) -> State {
        let read: Option<Saved> =
            fs::read(folder.join(file)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let saved = read.map_or_else(Saved::default, |Saved { steps, files }| {
            let older = || {
                let names = steps.values().flat_map(|done| done.files.keys().cloned());
                names.chain(beside_steps.iter().map(|name| (*name).to_owned())).collect()
            };
            let mut files: BTreeSet<String> = files.unwrap_or_else(older);
            // A folder may come from somebody else: what no preparation writes was not prepared here, whatever its state says.
            files.retain(|name| may_be_prepared(folder, name));
            files.insert(file.to_owned());
            Saved { steps, files: Some(files) }
        });
        State { folder: folder.to_owned(), file: folder.join(file), saved }
    }

    /// Whether a file is one that a preparation has written, as far as is known.
    pub(super) fn lists(&self, name: &str) -> bool {
        self.listed().any(|listed| listed == name)
    }

    /// All that is listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = &String> {
        self.saved.files.iter().flatten()
    }

    /// Lists these too: they are about to be written.
    ///
    /// Errors: the note cannot be written.
    pub(super) fn claim(&mut self, names: &[String]) -> Result<(), TextError> {
        let files = self.listed().chain(names).cloned().collect();
        self.list(files)
    }

    /// Removes what is listed and none of these, which are listed alone from then on.
    ///
    /// Errors: a file cannot be removed, or the note not be written.
    pub(super) fn keep_only(&mut self, names: &[String]) -> Result<(), TextError> {
        let wanted: BTreeSet<String> = names.iter().cloned().collect();
        self.listed().filter(|name| !wanted.contains(*name)).try_for_each(|name| remove(&self.folder.join(name)))?;
        self.list(wanted)
    }

    /// Lists no longer what is not there: it was to be written and was not, and may be somebody else's when it comes.
    ///
    /// Errors: the note cannot be written.
    pub(super) fn forget_missing(&mut self) -> Result<(), TextError> {
        let there = |name: &&String| {
            let place = self.folder.join(name);
            is_there(&place) || is_there(&staged::partial(&place))
        };
        let files = self.listed().filter(there).cloned().collect();
        self.list(files)
    }

    fn list(&mut self, files: BTreeSet<String>) -> Result<(), TextError> {
        if self.saved.files.as_ref() == Some(&files) {
            return Ok(());
        }
        self.saved.files = Some(files);
        self.write()
    }

    fn write(&self) -> Result<(), TextError> {
        staged::write(&self.file, &serde_json::to_vec_pretty(&self.saved).expect("names and numbers"))
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
        self.write()
    }
}

/// The key of a step that depends on these settings and on the step of the key `before`.
pub(super) fn key(before: &str, settings: Value) -> String {
    digest(serde_json::json!([VERSION, before, settings]).to_string().as_bytes())
}
