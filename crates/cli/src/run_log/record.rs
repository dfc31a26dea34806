//! A whole log, line by line.

use super::rows::{Sample, UpdateRow, ValidationRow, whole};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a log says. Of two lines for the same update the later one counts, wherever it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The run's settings, its first line with what later ones, after a resumption, say anew.
    pub settings: Map<String, Value>,
    /// By number, from 1.
    pub updates: BTreeMap<u64, UpdateRow>,
    /// By number of updates.
    pub validations: BTreeMap<u64, ValidationRow>,
    /// By number of updates.
    pub samples: BTreeMap<u64, Sample>,
    /// The final weights' scores, once they are known.
    pub scores: Option<Value>,
    /// How the run ended: `complete`, `converged`, `out of time`, `interrupted` or `failed`; none while it goes on, or where it was
    /// killed.
    pub ending: Option<String>,
    /// Why, of a run that failed.
    pub reason: Option<String>,
    /// How often the run went on from a checkpoint.
    pub resumed: u64,
    /// Updates done when this process of the run began.
    pub begun_at: u64,
    /// Lines that are not understood.
    pub not_understood: u64,
}

impl Record {
    /// Takes in a line, without its end. An event of a kind that is not known here is no fault.
    pub fn add(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match serde_json::from_slice::<Value>(line) {
            Ok(Value::Object(mut object)) => match object.remove("event") {
                Some(Value::String(event)) => self.event(&event, Value::Object(object)),
                _ => self.not_understood += 1,
            },
            _ => self.not_understood += 1,
        }
    }

    fn event(&mut self, event: &str, line: Value) {
        let updates = line["updates"].as_u64();
        match (event, updates) {
            ("start", _) => {
                *self = Record { not_understood: self.not_understood, ..Record::default() };
                self.begin(line);
            }
            ("resume", _) => {
                self.resumed += 1;
                self.begin(line);
            }
            ("update", Some(n)) => {
                self.updates.insert(n, UpdateRow::of(&line));
            }
            ("validation", Some(n)) => {
                self.validations.insert(n, ValidationRow::of(&line));
            }
            ("sample", Some(n)) => {
                self.samples.insert(n, Sample::of(&line));
            }
            ("update" | "validation" | "sample", None) => self.not_understood += 1,
            ("scores", _) => self.scores = Some(line),
            ("end", _) => {
                let text = |key: &str| line[key].as_str().map(str::to_owned);
                self.ending = Some(text("ending").unwrap_or_else(|| "ended".to_owned()));
                self.reason = text("reason");
            }
            _ => (),
        }
    }

    fn begin(&mut self, line: Value) {
        self.begun_at = whole(&line["updates"]);
        (self.scores, self.ending, self.reason) = (None, None, None);
        if let Value::Object(keys) = line {
            self.settings.extend(keys);
        }
    }

    /// Whether no line of a run was met.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.updates.is_empty() && self.validations.is_empty()
    }

    /// A sentence about lines that are not understood, if there are any.
    pub fn misread(&self) -> Option<String> {
        match self.not_understood {
            0 => None,
            1 => Some("One line of the log is not understood and left out.".to_owned()),
            n => Some(format!("{n} lines of the log are not understood and left out.")),
        }
    }

    /// A setting of a table: `setting("training", "max_updates")`; null where the log does not say.
    pub fn setting(&self, table: &str, key: &str) -> &Value {
        self.settings.get(table).map_or(&Value::Null, |t| &t[key])
    }

    /// A text that stands in the first line, as `name` or `machine`.
    pub fn about(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Value::as_str)
    }

    /// The number of the last update.
    pub fn last_update(&self) -> u64 {
        self.updates.last_key_value().map_or(0, |(n, _)| *n)
    }

    /// The epoch of the last line that says one.
    pub fn epoch(&self) -> u64 {
        let update = self.updates.last_key_value().map_or(0, |(_, u)| u.epoch);
        update.max(self.validations.last_key_value().map_or(0, |(_, v)| v.epoch))
    }

    /// The validation of lowest loss, the first of equals, and its number of updates.
    pub fn best_validation(&self) -> Option<(u64, &ValidationRow)> {
        let finite = self.validations.iter().filter(|(_, v)| v.loss.is_finite());
        finite.min_by(|a, b| a.1.loss.total_cmp(&b.1.loss)).map(|(n, v)| (*n, v))
    }

    /// The sample of highest BLEU, the first of equals, and its number of updates.
    pub fn best_sample(&self) -> Option<(u64, &Sample)> {
        let scored = self.samples.iter().filter(|(_, s)| s.bleu.is_finite());
        // The last of equals is taken, so the order is turned round.
        scored.rev().max_by(|a, b| a.1.bleu.total_cmp(&b.1.bleu)).map(|(n, s)| (*n, s))
    }

    /// A final score, as `score("test", "beam")`.
    pub fn score(&self, part: &str, search: &str) -> Option<f64> {
        self.scores.as_ref().and_then(|s| s["bleu"][part][search].as_f64())
    }

    /// Target tokens of all updates.
    pub fn tokens(&self) -> f64 {
        self.updates.values().map(|u| u.tokens).filter(|t| t.is_finite()).sum()
    }

    /// Target tokens a second of all updates, without validations; NaN where no update tells both.
    pub fn speed(&self) -> f64 {
        let told = self.updates.values().filter(|u| u.speed().is_finite());
        let (tokens, seconds) = told.fold((0.0, 0.0), |(t, s), u| (t + u.tokens, s + u.seconds));
        tokens / seconds
    }

    /// Seconds of all updates, validations and samples: time at work, without what lay between stops.
    pub fn seconds(&self) -> f64 {
        let updates = self.updates.values().map(|u| u.seconds);
        let validations = self.validations.values().map(|v| v.seconds);
        let samples = self.samples.values().map(|s| s.seconds);
        updates.chain(validations).chain(samples).filter(|s| s.is_finite() && *s >= 0.0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(lines: &[&str]) -> Record {
        let mut record = Record::default();
        lines.iter().for_each(|l| record.add(l.as_bytes()));
        record
    }

    #[test]
    fn a_run_is_read() {
        let r = record(&[
            r#"{"event":"start","name":"a","training":{"max_updates":9},"updates":0}"#,
            r#"{"event":"update","updates":1,"epoch":1,"loss":9.5,"tokens":100,"seconds":0.5}"#,
            r#"{"event":"validation","updates":1,"epoch":1,"loss":9,"seconds":2}"#,
            r#"{"event":"sample","updates":1,"epoch":1,"bleu":3.5,"sentences":20,"seconds":1,
                "translations":[{"source":"a","reference":"b","translation":"c"}]}"#,
            r#"{"event":"end","ending":"complete"}"#,
            r#"{"event":"scores","bleu":{"test":{"beam":12.5}}}"#,
        ]);
        assert_eq!((r.about("name"), r.setting("training", "max_updates").as_u64()), (Some("a"), Some(9)));
        assert_eq!((r.last_update(), r.epoch(), r.seconds(), r.tokens()), (1, 1, 3.5, 100.0));
        assert_eq!(r.updates[&1].speed(), 200.0);
        assert_eq!((r.best_validation().unwrap().1.loss, r.best_sample().unwrap().1.bleu), (9.0, 3.5));
        assert_eq!(r.samples[&1].translations[0].translation, "c");
        assert_eq!((r.ending.as_deref(), r.score("test", "beam")), (Some("complete"), Some(12.5)));
        assert_eq!(r.not_understood, 0);
    }

    #[test]
    fn hostile_lines_harm_no_others() {
        let deep = "[".repeat(100_000);
        let r = record(&[
            "",
            "  ",
            "null",
            "{}",
            r#"{"event":7}"#,
            r#"{"event":"update"}"#,
            r#"{"event":"update","updates":-1}"#,
            r#"{"event":"update","updates":1.5}"#,
            r#"{"event":"update","updates":1,"loss":NaN}"#,
            r#"{"event":"update","updates":1,"loss":1e999}"#,
            r#"{"event":"update","updates":1,"loss":3"#,
            &deep,
            r#"{"event":"from the future","updates":8}"#,
            r#"{"event":"update","updates":5,"loss":"much","seconds":[1],"novel":{"a":1}}"#,
            r#"{"event":"update","updates":2,"loss":null,"tokens":4}"#,
            r#"{"event":"update","updates":18446744073709551615,"loss":1}"#,
        ]);
        assert_eq!(r.not_understood, 10);
        assert_eq!(r.updates.keys().copied().collect::<Vec<_>>(), [2, 5, u64::MAX], "in order, whatever the file's");
        assert!(r.updates[&5].loss.is_nan() && r.updates[&2].loss.is_nan() && r.updates[&u64::MAX].loss == 1.0);
        assert_eq!((r.tokens(), r.seconds()), (4.0, 0.0));
        let mut bytes = Record::default();
        bytes.add(b"\xff\xfe{\"event\":\"update\",\"updates\":1}");
        assert_eq!(bytes.not_understood, 1);
    }

    #[test]
    fn the_later_of_two_lines_counts_and_a_new_start_forgets() {
        let lines = [
            r#"{"event":"start","training":{"max_updates":3},"isa":"avx2"}"#,
            r#"{"event":"update","updates":1,"loss":5}"#,
            r#"{"event":"end","ending":"interrupted"}"#,
            r#"{"event":"resume","updates":1,"training":{"max_updates":6}}"#,
            r#"{"event":"update","updates":2,"loss":4}"#,
            r#"{"event":"update","updates":2,"loss":3}"#,
        ];
        let r = record(&lines);
        assert_eq!((r.updates.len(), r.updates[&2].loss, r.resumed, r.begun_at), (2, 3.0, 1, 1));
        assert_eq!((r.setting("training", "max_updates").as_u64(), r.about("isa")), (Some(6), Some("avx2")));
        assert_eq!(r.ending, None, "it goes on");
        let again = record(&[&lines[..], &[r#"{"event":"start"}"#]].concat());
        assert_eq!((again.updates.len(), again.resumed), (0, 0));
    }
}
