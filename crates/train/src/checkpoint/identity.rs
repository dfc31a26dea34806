//! Whether a checkpoint is of the run that wants to go on with it.

use super::CheckpointError;
use crate::config::TrainingConfig;
use lsra_exec::Weights;
use lsra_model::ModelConfig;
use lsra_text::Corpus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// All that a run's numbers depend on but the instruction set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The model's dimensions.
    pub model: ModelConfig,
    /// How it is trained.
    pub training: TrainingConfig,
    /// What everything random is drawn from.
    pub seed: u64,
    /// The [`fingerprint`] of its corpora.
    pub data: u64,
    /// One of its teacher's weights, where it follows one: the file may move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<u64>,
    /// The [`weights_digest`] of what it started from; none where its weights were drawn.
    #[serde(default)]
    pub from: Option<u64>,
}

/// Settings of which no update depends: they say when to stop and what to keep, and may change when a run goes on. A teacher is told by its
/// weights, not by where they are.
const FREE: [&str; 8] = [
    "max_updates",
    "max_epochs",
    "patience",
    "average_checkpoints",
    "average_by_valid",
    "keep_checkpoints",
    "checkpoint_minutes",
    "teacher",
];

impl Identity {
    /// Errors: the first thing in which the checkpoint at `path`, whose identity this is, differs from the run `now`.
    pub fn check_same_run(&self, now: &Identity, path: &Path) -> Result<(), CheckpointError> {
        let differs = |what: &str, then: String, now: String| CheckpointError::AnotherRun {
            path: path.display().to_string(),
            what: what.to_owned(),
            then,
            now,
        };
        if self.seed != now.seed {
            return Err(differs("--seed", self.seed.to_string(), now.seed.to_string()));
        }
        // Before the text, which another model would cut otherwise.
        if self.from != now.from {
            let name = |from: Option<u64>| {
                from.map_or("none, so that weights were drawn".to_owned(), |d| {
                    format!("a model whose weights are {d:016x}")
                })
            };
            return Err(differs("--from", name(self.from), name(now.from)));
        }
        if self.data != now.data {
            return Err(CheckpointError::OtherText { path: path.display().to_string() });
        }
        if self.teacher != now.teacher {
            let name = |teacher: Option<u64>| teacher.map_or("none".to_owned(), |t| format!("of fingerprint {t:016x}"));
            return Err(differs("a teacher", name(self.teacher), name(now.teacher)));
        }
        for (table, then, now) in [
            ("model", object(&self.model), object(&now.model)),
            ("training", object(&self.training), object(&now.training)),
        ] {
            let fixed = |key: &String| table != "training" || !FREE.contains(&key.as_str());
            for (key, value) in then.iter().filter(|(key, _)| fixed(key)) {
                let other = now.get(key).cloned().unwrap_or(Value::Null);
                if *value != other {
                    return Err(differs(&format!("{table}.{key} ="), value.to_string(), other.to_string()));
                }
            }
        }
        // A cosine may stretch to the last update.
        let (then, now) = (&self.training, &now.training);
        if then.schedule() != now.schedule() {
            let updates = |c: &TrainingConfig| c.max_updates.to_string();
            return Err(differs("training.max_updates =", updates(then), updates(now)));
        }
        Ok(())
    }
}

fn object(config: &impl Serialize) -> Map<String, Value> {
    match crate::metrics::as_written(config) {
        Value::Object(map) => map,
        _ => unreachable!("a struct of numbers and names is a JSON object"),
    }
}

/// FNV-1a, over words instead of bytes.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xCBF2_9CE4_8422_2325)
    }

    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01B3);
    }
}

/// A number that differs, in all likelihood, between different weights: FNV-1a over sizes and the bits of all values.
pub fn weights_digest(weights: &Weights) -> u64 {
    let mut hash = Fnv::new();
    for tensor in weights.iter() {
        hash.add(tensor.data().len() as u64);
        tensor.data().iter().for_each(|x| hash.add(u64::from(x.to_bits())));
    }
    hash.0
}

/// A number that differs, in all likelihood, between different corpora: FNV-1a over ids and lengths.
pub fn fingerprint<'a>(corpora: impl IntoIterator<Item = &'a Corpus>) -> u64 {
    let mut hash = Fnv::new();
    let mut add = |word: u64| hash.add(word);
    for corpus in corpora {
        for side in [&corpus.source, &corpus.target] {
            add(side.len() as u64);
            for sentence in side {
                add(sentence.len() as u64);
                sentence.iter().for_each(|&id| add(u64::from(id)));
            }
        }
    }
    hash.0
}
