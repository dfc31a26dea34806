//! One at a time: who writes to a folder holds its lock, and who comes second waits and finds everything done.

use crate::{TextError, staged};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The lock of a folder, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock that the file `path` stands for, in a folder that exists. The file is made where there is none, and nothing
    /// is written to it. `waits` is called if somebody else has the lock, before waiting for them.
    ///
    /// Errors: the folder cannot be written.
    pub fn take(path: &Path, waits: impl FnOnce()) -> Result<FolderLock, TextError> {
        let unwritable = |cause| staged::unwritable(path)(cause);
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waits();
                file.lock().map_err(unwritable)?;
            }
            Err(TryLockError::Error(cause)) => return Err(unwritable(cause)),
        }
        Ok(FolderLock { _file: file })
    }
}
