//! An observer that samples translations, adds them to the log, and keeps the run's page.

use super::progress::Progress;
use super::sampler::Sampler;
use crate::report;
use crate::run_log::Follower;
use lsra_train::checkpoint::CheckpointError;
use lsra_train::{Metrics, Observer, Start, TrainError, Trainer, Update, Validation};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How old the page grows at most while updates come: drawing it takes some hundredths of a second.
const PAGE_EVERY: Duration = Duration::from_secs(60);

/// Shows progress on the terminal, in the log and as a page.
pub(super) struct Reporter<'a> {
    progress: Progress,
    sampler: Sampler<'a>,
    folder: PathBuf,
    log: Follower,
    written: Instant,
    /// Whether the log is this run's.
    begun: bool,
    /// Whether a page could not be written, which is told once.
    told: bool,
}

impl<'a> Reporter<'a> {
    /// A reporter of the job's run.
    pub(super) fn new(sampler: Sampler<'a>, job: &super::Job) -> Reporter<'a> {
        Reporter {
            progress: Progress::new(job.hint, job.start == Start::Resume),
            sampler,
            folder: job.out.clone(),
            log: Follower::new(&job.out),
            written: Instant::now(),
            begun: false,
            told: false,
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.progress.end();
    }

    /// Brings the page up to date. A page that cannot be written ends no training; of a run that never began there is none.
    pub(super) fn refresh(&mut self) {
        if !self.begun {
            return;
        }
        self.written = Instant::now();
        let read = self.log.poll().map_err(crate::Error::from);
        let written = read.and_then(|_| report::write(&self.folder, self.log.record()));
        if let Err(error) = written
            && !std::mem::replace(&mut self.told, true)
        {
            self.progress.say(&format!("warning: no report: {error}"));
        }
    }
}

impl Observer for Reporter<'_> {
    fn started(&mut self, trainer: &Trainer<'_>, from: Option<&Path>, broken: &[CheckpointError]) {
        self.progress.started(trainer, from, broken);
        self.progress.say(&format!("report: {}", self.folder.join(report::PAGE).display()));
        self.begun = true;
        self.refresh();
    }

    fn updated(&mut self, trainer: &Trainer<'_>, update: &Update) {
        self.progress.updated(trainer, update);
        if self.written.elapsed() >= PAGE_EVERY {
            self.refresh();
        }
    }

    fn validated(&mut self, trainer: &Trainer<'_>, validation: &Validation) {
        self.progress.validated(trainer, validation);
    }

    fn logged(&mut self, trainer: &Trainer<'_>, validation: &Validation, log: &mut Metrics) -> Result<(), TrainError> {
        if let Some(line) = self.sampler.sample(trainer, validation) {
            log.line(&line)?;
            if let (Some(bleu), Some(seconds)) = (line["bleu"].as_f64(), line["seconds"].as_f64()) {
                let sentences = line["sentences"].as_u64().unwrap_or_default();
                self.progress
                    .say(&format!("BLEU {bleu:.2} on {sentences} sentences of valid, greedy ({seconds:.1} s)"));
            }
        }
        self.refresh();
        Ok(())
    }
}

/// What the log tells of this process: what is trained on what, by which command, on which machine, since when.
pub(super) fn about(job: &super::Job, pairs: usize) -> serde_json::Map<String, Value> {
    let about = serde_json::json!({
        "name": job.name,
        "corpus": job.corpus,
        "languages": job.languages,
        "pairs": pairs,
        "decoding": job.settings.decoding,
        "watch": job.settings.watch,
        "command": command(std::env::args()),
        "machine": lsra_train::machine(),
        "begun": crate::clock::now(),
        "time_limit": job.time_limit.map(|t| t.as_secs_f64()),
    });
    match about {
        Value::Object(about) => about,
        _ => unreachable!("an object is written above"),
    }
}

/// A command as a shell takes it: the program by its name, and in quotes what needs them.
fn command(mut arguments: impl Iterator<Item = String>) -> String {
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:@+%".contains(c);
    let quoted = |a: String| {
        if !a.is_empty() && a.chars().all(plain) { a } else { format!("'{}'", a.replace('\'', r"'\''")) }
    };
    std::iter::once(program).chain(arguments.map(quoted)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_a_shell_takes_them() {
        let words = ["/usr/bin/lsra", "train", "--set", "training.lr=1e-3", "--out", "my run", "it's", ""];
        assert_eq!(
            command(words.iter().map(|w| (*w).to_owned())),
            r"lsra train --set training.lr=1e-3 --out 'my run' 'it'\''s' ''"
        );
    }
}
