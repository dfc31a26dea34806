//! Programs that people use instead, in a Python environment of their own, timed in turns with ours.

use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Where the peers' scripts and their pinned requirements are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Why a peer could not be timed.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// A command that should set peers up.
    #[error("{command}: {why}; peers need Python 3 with venv, and pip must reach a package index")]
    SetUp {
        /// The command.
        command: String,
        /// What went wrong.
        why: String,
    },
    /// The peers' program ended, or does not do what was asked.
    #[error("the peers' program, asked for {case}: {why}")]
    Answer {
        /// What it was to time.
        case: String,
        /// What went wrong.
        why: String,
    },
}

/// The peers' program, running.
pub struct Peers {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Versions, by package.
    pub versions: BTreeMap<String, String>,
    /// The best seconds of each case, over all rounds.
    best: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    best: Option<f64>,
    #[serde(default)]
    error: Option<String>,
}

impl Peers {
    /// Sets up `environment` unless it is there, and starts the program.
    ///
    /// Errors: no Python, packages that cannot be installed, or a program that does not start.
    pub fn start(environment: &Path) -> Result<Peers, PeerError> {
        let python = environment.join("bin/python");
        // Marks an environment that was set up to its end.
        let done = environment.join("requirements.txt");
        let wanted = std::fs::read_to_string(folder().join("requirements.txt")).unwrap_or_default();
        if std::fs::read_to_string(&done).unwrap_or_default() != wanted {
            run(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
            run(Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(folder().join("requirements.txt")))?;
            let failed =
                |e: std::io::Error| PeerError::SetUp { command: done.display().to_string(), why: e.to_string() };
            std::fs::write(&done, &wanted).map_err(failed)?;
        }
        let program = folder().join("peers.py");
        let mut command = Command::new(&python);
        command.arg(&program).stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed = |why: String| PeerError::SetUp { command: program.display().to_string(), why };
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let requests = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        answers.read_line(&mut line).map_err(|e| failed(e.to_string()))?;
        let versions = serde_json::from_str(&line).map_err(|_| failed("did not start".to_owned()))?;
        Ok(Peers { child, requests, answers, versions, best: BTreeMap::new() })
    }

    /// Seconds of the best of a slice's runs of a case.
    ///
    /// Errors: the program has no such case, or ended.
    pub fn best_seconds(&mut self, case: &str, threads: usize, slice: Duration) -> Result<f64, PeerError> {
        let failed = |why: String| PeerError::Answer { case: case.to_owned(), why };
        let request = json!({ "case": case, "threads": threads, "seconds": slice.as_secs_f64() });
        let requests = self.requests.as_mut().expect("open until dropped");
        writeln!(requests, "{request}").and_then(|()| requests.flush()).map_err(|e| failed(e.to_string()))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|e| failed(e.to_string()))?;
        let answer: Answer = serde_json::from_str(&line).map_err(|_| failed("it ended".to_owned()))?;
        match (answer.best, answer.error) {
            (Some(best), None) => {
                let known = self.best.entry(format!("{case}/{threads}")).or_insert(f64::INFINITY);
                *known = known.min(best);
                Ok(best)
            }
            (_, why) => Err(failed(why.unwrap_or_else(|| "no time".to_owned()))),
        }
    }

    /// Of cases with a known figure, those in which a peer did not reach four fifths of it: what is compared with them is void.
    pub fn below_their_figures(&self) -> Vec<String> {
        let known: BTreeMap<String, f64> =
            serde_json::from_str(include_str!("../peers/known.json")).expect("names and seconds");
        let slow = |(name, seconds): (&String, &f64)| {
            let known = known.get(name)?;
            (*seconds > known / 0.8).then(|| format!("{name}: {:.4} s, elsewhere {known:.4} s", seconds))
        };
        self.best.iter().filter_map(slow).collect()
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // End of input ends the program; a program that failed already is no concern any more.
        self.requests = None;
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) -> Result<(), PeerError> {
    let status = Command::status(command);
    let why = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(e) => e.to_string(),
    };
    Err(PeerError::SetUp { command: format!("{command:?}"), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_python_is_an_error_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = std::fs::read_to_string(super::folder().join("requirements.txt")).unwrap();
        std::fs::write(folder.path().join("requirements.txt"), wanted).unwrap();
        let error = Peers::start(folder.path()).err().expect("there is no Python in it").to_string();
        assert!(error.contains("Python 3"), "{error}");
    }

    #[test]
    fn every_requirement_is_pinned_and_known_figures_are_times() {
        let requirements = std::fs::read_to_string(folder().join("requirements.txt")).unwrap();
        assert!(requirements.lines().all(|l| l.contains("==")), "{requirements}");
        let known: BTreeMap<String, f64> = serde_json::from_str(include_str!("../peers/known.json")).unwrap();
        assert!(!known.is_empty() && known.values().all(|&s| s > 0.0 && s < 10.0), "{known:?}");
    }
}
