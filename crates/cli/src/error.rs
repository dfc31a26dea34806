//! What can go wrong for a user, and how it is told: one line on stderr, exit status 2.

use std::io;
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
    /// Anything else that is wrong with what a user gave; the text is the whole line.
    #[error("{0}")]
    Usage(String),
}

/// Ends a program: the command's own status, or 2 after one line on stderr. A reader that closed the pipe is no failure.
pub fn exit(result: Result<ExitCode, Error>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(Error::Output(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error));
            ExitCode::from(2)
        }
    }
}

/// The message with line breaks, which causes from elsewhere may hold, as spaces.
fn one_line(error: &Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
