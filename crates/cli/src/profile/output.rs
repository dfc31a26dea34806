//! Where a report goes.

use super::ProfileError;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// To `file`, all or nothing, or to standard output; a reader that closes the pipe early has seen enough.
pub fn write(file: Option<&Path>, text: &str) -> Result<(), ProfileError> {
    let refuse = |file: String| move |cause| ProfileError::Write { file, cause };
    match file {
        Some(path) => replace(path, text).map_err(refuse(path.display().to_string())),
        None => match io::stdout().lock().write_all(text.as_bytes()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(refuse("to standard output".to_owned())),
        },
    }
}

/// Beside it first, then in its place.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = OsString::from(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let written = File::create(&partial).and_then(|mut f| {
        f.write_all(text.as_bytes())?;
        f.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&partial, path));
    if done.is_err() {
        // What could not be finished is of no use to anyone; that it cannot be removed changes nothing in the answer.
        let _ = fs::remove_file(&partial);
    }
    done
}
