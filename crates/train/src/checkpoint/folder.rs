//! The checkpoints of a run: their names, which of them stay, and which is taken up.
//!
//! `epoch-003-update-00001332.safetensors` was written after a validation, `update-00001500.safetensors` within an epoch.

use super::{CheckpointError, CheckpointFile, read};
use crate::progress::is_epochs_end;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".safetensors";

/// A checkpoint by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Updates that its run had done.
    pub updates: u64,
    /// The epoch whose validation it was written after; none within an epoch.
    pub epoch: Option<u64>,
}

impl Entry {
    /// Whether it was written at the end of an epoch.
    pub fn ends_epoch(&self, updates_per_epoch: u64) -> bool {
        self.epoch.is_some_and(|epoch| is_epochs_end(epoch, self.updates, updates_per_epoch))
    }
}

/// A folder of checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointFolder {
    root: PathBuf,
}

impl CheckpointFolder {
    /// The folder, made if it is not there; what an interrupted write left in it is removed.
    ///
    /// Errors: it can be neither made nor read.
    pub fn open(root: PathBuf) -> Result<CheckpointFolder, CheckpointError> {
        let folder = CheckpointFolder { root };
        let open = || -> io::Result<()> {
            fs::create_dir_all(&folder.root)?;
            for entry in fs::read_dir(&folder.root)? {
                let path = entry?.path();
                if path.to_string_lossy().ends_with(&format!("{SUFFIX}.partial")) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        let path = folder.root.display().to_string();
        open().map_err(|cause| CheckpointError::NoFolder { path, cause })?;
        Ok(folder)
    }

    /// Where a checkpoint after so many updates goes; `epoch` where it follows that epoch's validation.
    pub fn path(&self, updates: u64, epoch: Option<u64>) -> PathBuf {
        let name = match epoch {
            Some(epoch) => format!("epoch-{epoch:03}-update-{updates:08}{SUFFIX}"),
            None => format!("update-{updates:08}{SUFFIX}"),
        };
        self.root.join(name)
    }

    /// All checkpoints, the oldest first; of the same update, the one after its validation last.
    ///
    /// Errors: the folder cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, CheckpointError> {
        let list = || -> io::Result<Vec<Entry>> {
            let paths = fs::read_dir(&self.root)?.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<PathBuf>>>()?;
            Ok(paths.into_iter().filter_map(entry).collect())
        };
        let path = self.root.display().to_string();
        let mut entries = list().map_err(|cause| CheckpointError::Unreadable { path, cause })?;
        entries.sort_by_key(|e| (e.updates, e.epoch));
        Ok(entries)
    }

    /// The newest checkpoint that is whole, and the newer ones that are not.
    ///
    /// Errors: the folder cannot be read.
    pub fn newest(&self) -> Result<(Option<CheckpointFile>, Vec<CheckpointError>), CheckpointError> {
        let mut broken = Vec::new();
        for entry in self.entries()?.iter().rev() {
            match read(&entry.path) {
                Ok(file) => return Ok((Some(file), broken)),
                Err(error) => broken.push(error),
            }
        }
        Ok((None, broken))
    }

    /// Removes all but the one just `saved`, those at the ends of the last `epochs` epochs, and those of these `best` updates.
    ///
    /// Errors: one cannot be removed.
    pub fn tidy(
        &self,
        saved: &Path,
        epochs: usize,
        updates_per_epoch: u64,
        best: &[u64],
    ) -> Result<(), CheckpointError> {
        let entries = self.entries()?;
        // Later ones could not be read, so that the run was taken up before them.
        let now = entries.iter().find(|e| e.path == saved).map_or(u64::MAX, |e| e.updates);
        let ends = entries.iter().rev().filter(|e| e.updates <= now && e.ends_epoch(updates_per_epoch));
        let mut kept: HashSet<&Path> = ends.take(epochs).map(|e| e.path.as_path()).collect();
        let validated = || entries.iter().rev().filter(|e| e.epoch.is_some());
        for updates in best {
            kept.extend(validated().find(|e| e.updates == *updates).map(|e| e.path.as_path()));
        }
        kept.insert(saved);
        entries.iter().filter(|e| !kept.contains(e.path.as_path())).try_for_each(remove)
    }

    /// Removes all checkpoints.
    ///
    /// Errors: one cannot be removed.
    pub fn clear(&self) -> Result<(), CheckpointError> {
        self.entries()?.iter().try_for_each(remove)
    }
}

fn remove(entry: &Entry) -> Result<(), CheckpointError> {
    let path = entry.path.display().to_string();
    fs::remove_file(&entry.path).map_err(|cause| CheckpointError::Unwritable { path, cause })
}

fn entry(path: PathBuf) -> Option<Entry> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.to_owned();
    let (epoch, updates) = match name.strip_prefix("epoch-") {
        Some(rest) => {
            let (epoch, updates) = rest.split_once("-update-")?;
            (Some(epoch.parse().ok()?), updates)
        }
        None => (None, name.strip_prefix("update-")?),
    };
    Some(Entry { path, updates: updates.parse().ok()?, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_saved_the_last_validated_and_the_best_stay() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::open(temporary.path().join("checkpoints")).unwrap();
        // The last one is what a run left whose newest checkpoint was broken, so that it resumed from an earlier one.
        for (updates, epoch) in
            [(10, Some(1)), (20, Some(2)), (30, Some(3)), (40, Some(4)), (44, None), (47, None), (99, None)]
        {
            fs::write(folder.path(updates, epoch), b"").unwrap();
        }
        let left = || folder.entries().unwrap().iter().map(|e| e.updates).collect::<Vec<u64>>();
        folder.tidy(&folder.path(47, None), 2, 10, &[10]).unwrap();
        assert_eq!(left(), [10, 30, 40, 47]);
        // Validated within an epoch, where a limit ended the run: it takes no epoch's place.
        fs::write(folder.path(49, Some(5)), b"").unwrap();
        folder.tidy(&folder.path(49, Some(5)), 1, 10, &[30, 49]).unwrap();
        assert_eq!(left(), [30, 40, 49]);
    }

    #[test]
    fn a_file_cut_short_gives_way_to_the_one_before() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = CheckpointFolder::open(temporary.path().to_owned()).unwrap();
        fs::write(folder.path(10, Some(1)), b"no checkpoint").unwrap();
        fs::write(folder.path(12, None), [255; 64]).unwrap();
        let (newest, broken) = folder.newest().unwrap();
        assert!(newest.is_none());
        let lines: Vec<String> = broken.iter().map(ToString::to_string).collect();
        assert!(lines[0].contains("update-00000012") && lines[1].contains("epoch-001"), "{lines:?}");
    }

    #[test]
    fn what_an_interrupted_write_left_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let left = temporary.path().join("update-00000001.safetensors.partial");
        fs::write(&left, b"half").unwrap();
        let folder = CheckpointFolder::open(temporary.path().to_owned()).unwrap();
        assert!(!left.exists() && folder.entries().unwrap().is_empty());
    }
}
