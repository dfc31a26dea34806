//! Where a report goes.

use super::ProfileError;
use lsra_exec::atomic;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// To `file`, all or nothing, or to standard output; a reader that closes the pipe early has seen enough.
pub fn write(file: Option<&Path>, text: &str) -> Result<(), ProfileError> {
    let refuse = |file: String| move |cause| ProfileError::Write { file, cause };
    match file {
        // A device or a pipe cannot be replaced, only written to.
        Some(path) if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) => {
            fs::write(path, text).map_err(refuse(path.display().to_string()))
        }
        Some(path) => {
            atomic::replace(path, |f| f.write_all(text.as_bytes())).map_err(refuse(path.display().to_string()))
        }
        None => match io::stdout().lock().write_all(text.as_bytes()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(refuse("to standard output".to_owned())),
        },
    }
}
