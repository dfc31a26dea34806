//! How an evaluation is told: tables for people, one object for programs.

use super::scores::{Row, Score, Scored};
use crate::Error;
use crate::columns::columns;
use crate::options::Format;
use crate::sink::Sink;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What an evaluation found.
pub(super) struct Report {
    pub(super) scored: Scored,
    /// Of a model.
    pub(super) speed: Option<Speed>,
}

/// How fast translations came.
#[derive(Serialize)]
pub(super) struct Speed {
    /// Of the translations, `</s>` counted.
    pub(super) tokens: usize,
    pub(super) seconds: f64,
    pub(super) sentences_per_second: f64,
    pub(super) tokens_per_second: f64,
    pub(super) threads: usize,
    pub(super) isa: &'static str,
    pub(super) precision: &'static str,
}

impl Report {
    pub(super) fn show(&self, sink: &mut Sink, format: Format) -> Result<(), Error> {
        match format {
            Format::Json => sink.line(&self.json().to_string()),
            Format::Text => self.text().lines().try_for_each(|line| sink.line(line)),
        }
    }

    fn json(&self) -> Value {
        let by_metric = |of: &dyn Fn(&Row) -> Value| -> Map<String, Value> {
            self.scored.rows.iter().map(|row| (row.name.to_string(), of(row))).collect()
        };
        let system = |(i, name): (usize, &String)| {
            let metrics = by_metric(&|row| {
                let Score { score, interval, details } = &row.scores[i];
                json!({
                    "score": score, "low": interval.low, "high": interval.high,
                    "details": details, "signature": row.metric.signature(),
                })
            });
            json!({ "system": name, "metrics": metrics })
        };
        let systems: Vec<Value> = self.scored.systems.iter().enumerate().map(system).collect();
        let mut object = json!({ "sentences": self.scored.sentences, "systems": systems });
        if systems.len() == 2 {
            let comparison = by_metric(&|row| {
                row.comparison.map_or(Value::Null, |c| {
                    json!({
                        "difference": c.difference, "low": c.interval.low, "high": c.interval.high,
                        "bootstrap_p": c.bootstrap_p, "randomisation_p": c.randomisation_p,
                    })
                })
            });
            object["comparison"] = Value::Object(comparison);
        }
        if let Some(speed) = &self.speed {
            object["speed"] = serde_json::to_value(speed).expect("numbers and names");
        }
        object
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (i, system) in self.scored.systems.iter().enumerate() {
            if i > 0 {
                text += "\n";
            }
            if self.scored.systems.len() > 1 {
                text += &format!("{system}\n");
            }
            text += &self.scores(i);
        }
        if self.scored.systems.len() == 2 {
            text += "\nthe second less the first, and the chance of so large a difference where there is none\n";
            text += &self.comparison();
        }
        text += "\n";
        for row in &self.scored.rows {
            if let Some(signature) = row.metric.signature() {
                text += &format!("{}: {signature}\n", row.metric.title());
            }
        }
        match &self.speed {
            Some(s) => {
                text += &format!(
                    "{} sentences, {} tokens in {:.2} s: {:.1} sentences/s, {:.0} tokens/s ({} threads, {}, {})\n",
                    self.scored.sentences,
                    s.tokens,
                    s.seconds,
                    s.sentences_per_second,
                    s.tokens_per_second,
                    s.threads,
                    s.isa,
                    s.precision,
                );
            }
            None => text += &format!("{} sentences\n", self.scored.sentences),
        }
        text
    }

    /// A table of one system, with what is told beside each score.
    fn scores(&self, system: usize) -> String {
        let cells = |row: &Row| {
            let Score { score, interval, .. } = &row.scores[system];
            vec![row.metric.title(), format!("{score:.2}"), format!("{:.2} to {:.2}", interval.low, interval.high)]
        };
        let table = columns(&["", "score", "95% interval"], self.scored.rows.iter().map(cells).collect());
        let details =
            ["", ""].into_iter().chain(self.scored.rows.iter().map(|row| row.scores[system].details.as_str()));
        table
            .lines()
            .zip(details)
            .map(|(line, details)| format!("{line}  {details}").trim_end().to_owned() + "\n")
            .collect()
    }

    fn comparison(&self) -> String {
        let cells = |row: &Row| {
            let c = row.comparison.as_ref()?;
            let p = |p: f64| format!("{p:.4}");
            let interval = format!("{:+.2} to {:+.2}", c.interval.low, c.interval.high);
            let difference = format!("{:+.2}", c.difference);
            Some(vec![row.metric.title(), difference, interval, p(c.bootstrap_p), p(c.randomisation_p)])
        };
        let heads = ["", "difference", "95% interval", "p, paired bootstrap", "p, approximate randomisation"];
        columns(&heads, self.scored.rows.iter().filter_map(cells).collect())
    }
}
