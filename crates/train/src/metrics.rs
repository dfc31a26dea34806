//! `metrics.jsonl`: one JSON object a line, the run's settings first, then its updates and validations in order, and how it ended.
//!
//! Losses are per target token in bits. A `sample` tells more of the weights of the validation before it, as translations and their
//! score. A run that goes on after a kill may have written lines for updates beyond its checkpoint: they are dropped, since
//! they will come again.

use crate::checkpoint::Identity;
use crate::error::TrainError;
use crate::progress::{Progress, Validation};
use crate::run::Ending;
use crate::trainer::{Trainer, Update};
use lsra_exec::atomic;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open log.
pub struct Metrics {
    path: PathBuf,
    file: File,
    /// Whether updates have a divergence.
    diverges: bool,
}

impl Metrics {
    /// A log that begins with this run's settings and what else there is to tell `about` it; what was there is replaced.
    ///
    /// Errors: the file cannot be written.
    pub fn create(path: &Path, trainer: &Trainer<'_>, about: &Map<String, Value>) -> Result<Metrics, TrainError> {
        Metrics::open(path, vec![settings("start", trainer, about)], trainer.config().has_divergence())
    }

    /// The log of a run that goes on from `trainer`'s position, without the lines beyond it.
    ///
    /// Errors: the file cannot be read or written.
    pub fn resume(path: &Path, trainer: &Trainer<'_>, about: &Map<String, Value>) -> Result<Metrics, TrainError> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(unwritable(path, cause)),
        };
        let mut lines = reached(&text, trainer.progress());
        if lines.is_empty() {
            lines.push(settings("start", trainer, about));
        }
        lines.push(settings("resume", trainer, about));
        Metrics::open(path, lines, trainer.config().has_divergence())
    }

    /// Adds an update.
    ///
    /// Errors: the file cannot be written.
    pub fn update(&mut self, u: &Update) -> Result<(), TrainError> {
        let seconds = u.time.as_secs_f64();
        let mut line = json!({
            "event": "update",
            "updates": u.updates,
            "epoch": u.epoch,
            "lr": u.step.lr,
            "loss": u.losses.loss(),
            "nll": u.losses.nll_bits(),
            "perplexity": finite(u.losses.perplexity()),
            "gradient_norm": u.step.gradient_norm,
            "sentences": u.sentences,
            "tokens": u.losses.tokens,
            "seconds": seconds,
            "lanes_seconds": u.lanes_time.as_secs_f64(),
            "tokens_per_second": u.losses.tokens as f64 / seconds,
        });
        // Only where two passes are to agree, or a teacher is followed, and then always, that it may be drawn.
        if self.diverges {
            line["divergence"] = u.losses.divergence_bits().into();
        }
        self.line(&line)
    }

    /// Adds a validation; `seconds` is what it took.
    ///
    /// Errors: the file cannot be written.
    pub fn validation(&mut self, v: &Validation, seconds: f64) -> Result<(), TrainError> {
        self.line(&json!({
            "event": "validation",
            "updates": v.updates,
            "epoch": v.epoch,
            "train_loss": v.train.loss(),
            "train_nll": v.train.nll_bits(),
            "loss": v.valid.loss(),
            "nll": v.valid.nll_bits(),
            "perplexity": finite(v.valid.perplexity()),
            "tokens": v.valid.tokens,
            "seconds": seconds,
        }))
    }

    /// Adds how the run has ended.
    ///
    /// Errors: the file cannot be written.
    pub fn ended(&mut self, ending: Ending) -> Result<(), TrainError> {
        self.line(&json!({ "event": "end", "ending": ending.name() }))
    }

    /// Adds what has ended the run before its time.
    ///
    /// Errors: the file cannot be written.
    pub fn failed(&mut self, error: &TrainError) -> Result<(), TrainError> {
        self.line(&json!({ "event": "end", "ending": "failed", "reason": error.to_string() }))
    }

    /// Adds what else is to be told, an object with an `event`.
    ///
    /// Errors: the file cannot be written.
    pub fn line(&mut self, value: &Value) -> Result<(), TrainError> {
        // In one piece, so that whoever reads meanwhile meets whole lines.
        self.file.write_all(format!("{value}\n").as_bytes()).map_err(|cause| unwritable(&self.path, cause))
    }

    /// Sees to it that all lines are on the disk: a checkpoint that is there has its lines there too.
    ///
    /// Errors: the file cannot be written.
    pub fn sync(&mut self) -> Result<(), TrainError> {
        self.file.sync_data().map_err(|cause| unwritable(&self.path, cause))
    }

    fn open(path: &Path, lines: Vec<Value>, diverges: bool) -> Result<Metrics, TrainError> {
        let replaced = atomic::replace(path, |f| lines.iter().try_for_each(|line| writeln!(f, "{line}")));
        let opened = replaced.and_then(|()| OpenOptions::new().append(true).open(path));
        let file = opened.map_err(|cause| unwritable(path, cause))?;
        Ok(Metrics { path: path.to_owned(), file, diverges })
    }
}

/// The lines of a log that a run at this position has behind it. Whatever is no whole line of ours ends the log.
fn reached(text: &str, progress: &Progress) -> Vec<Value> {
    let mut is_validated = false;
    text.lines()
        .map_while(|line| serde_json::from_str::<Value>(line).ok().filter(Value::is_object))
        .filter(|line| {
            let reached = line["updates"].as_u64().is_some_and(|u| u <= progress.updates);
            match line["event"].as_str() {
                Some("start") => true,
                Some("update" | "resume") => reached,
                // One after the last update may have been reached or not.
                Some("validation") => {
                    let at_end = line["updates"].as_u64() == Some(progress.updates);
                    is_validated = reached && (!at_end || progress.is_validated());
                    is_validated
                }
                Some("sample") => is_validated,
                // The end and the scores come again.
                _ => false,
            }
        })
        .collect()
}

/// What is known before the first update. A run that goes on may have a new limit, another machine or other threads.
fn settings(event: &str, trainer: &Trainer<'_>, about: &Map<String, Value>) -> Value {
    let Identity { model, training, seed, data, from, .. } = trainer.identity();
    let mut line = json!({
        "event": event,
        "updates": trainer.progress().updates,
        "isa": trainer.isa().tier().name(),
        "threads": trainer.threads(),
        "lanes": training.lanes,
        "seed": seed,
        "data": format!("{data:016x}"),
        "parameters": trainer.model().params.values(),
        "updates_per_epoch": trainer.updates_per_epoch(),
        "model": as_written(&model),
        "training": as_written(&training),
    });
    if let Some(from) = from {
        line["from"] = format!("{from:016x}").into();
    }
    for (key, value) in about {
        line[key] = value.clone();
    }
    line
}

/// A table by way of text: a fraction of 32 bits is as short there as whoever set it wrote it, which one widened to 64 is not.
pub fn as_written(table: &impl Serialize) -> Value {
    let text = serde_json::to_string(table).expect("numbers, names and lists make JSON");
    serde_json::from_str(&text).expect("JSON was just written")
}

/// JSON has no infinity, which 2^loss can reach.
fn finite(x: f64) -> Value {
    if x.is_finite() { json!(x) } else { Value::Null }
}

fn unwritable(path: &Path, cause: io::Error) -> TrainError {
    TrainError::Unwritable { path: path.display().to_string(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::LossSums;

    #[test]
    fn two_passes_have_a_divergence_even_where_it_is_none() {
        use crate::optimizer::Step;
        use std::time::Duration;
        let folder = tempfile::tempdir().unwrap();
        let losses = LossSums { smoothed: 2.0, nll: 1.0, divergence: 0.0, tokens: 1 };
        let step = Step { lr: 1.0, gradient_norm: 1.0 };
        let time = Duration::from_secs(1);
        let update = Update { updates: 1, epoch: 1, losses, sentences: 1, step, time, lanes_time: time };
        for (diverges, expected) in [(false, None), (true, Some(0.0))] {
            let path = folder.path().join(format!("{diverges}.jsonl"));
            Metrics::open(&path, Vec::new(), diverges).unwrap().update(&update).unwrap();
            let line: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(line.get("divergence").and_then(Value::as_f64), expected);
        }
    }

    #[test]
    fn lines_beyond_the_checkpoint_are_dropped() {
        let text = [
            r#"{"event":"start"}"#,
            r#"{"event":"update","updates":1}"#,
            r#"{"event":"update","updates":2}"#,
            r#"{"event":"validation","updates":2}"#,
            r#"{"event":"sample","updates":2}"#,
            r#"{"event":"update","updates":3}"#,
            r#"{"event":"validation","updates":3}"#,
            r#"{"event":"sample","updates":3}"#,
            r#"{"event":"end"}"#,
            r#"{"event":"scores"}"#,
            r#"{"event":"upd"#,
        ]
        .join("\n");
        let sums = LossSums::default();
        let validation = |updates| Validation { epoch: 1, updates, train: sums, valid: sums };
        let at = |updates, validations: &[Validation]| {
            let progress = Progress { updates, validations: validations.to_vec(), ..Progress::default() };
            reached(&text, &progress).len()
        };
        assert_eq!(at(0, &[]), 1);
        assert_eq!(at(2, &[]), 3);
        assert_eq!(at(2, &[validation(2)]), 5);
        assert_eq!(at(3, &[validation(2)]), 6);
        assert_eq!(at(3, &[validation(2), validation(3)]), 8);
        // A validation within an epoch is forgotten once the run goes on, and its line stays.
        assert_eq!(at(3, &[]), 6);
        assert_eq!(at(4, &[]), 8);
    }
}
