//! How far a run has come, and how long it will take.

use super::Record;
use std::time::Duration;

/// Updates that speeds and losses are means over.
const RECENT: usize = 100;

/// Without a line for so long, a run may have been killed: an update of a large batch takes seconds, a validation minutes.
const LONG: Duration = Duration::from_secs(300);

/// The same while final weights are scored: valid and test are translated, valid perhaps several times, before the next line.
const LONG_SCORING: Duration = Duration::from_secs(1800);

/// What a run is doing, as far as its log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is told yet but settings.
    Beginning,
    /// Updates come, or came until somebody killed it.
    Training,
    /// The last update is done; final weights are being scored.
    Scoring,
    /// All is done; the reason, as `complete`.
    Ended(String),
}

/// The position of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// What it is doing.
    pub phase: Phase,
    /// Updates done.
    pub updates: u64,
    /// The update that it ends at unless something ends it earlier; none where the log does not say.
    pub last: Option<u64>,
    /// The epoch under way, from 1.
    pub epoch: u64,
    /// Epochs that it ends after at the latest; none where nothing limits them.
    pub last_epoch: Option<u64>,
    /// Mean loss of recent updates, bits a token.
    pub loss: f64,
    /// Mean perplexity of recent updates: two to the mean of its logarithm.
    pub perplexity: f64,
    /// The learning rate of the last update.
    pub lr: f64,
    /// Mean norm of recent gradients.
    pub gradient_norm: f64,
    /// Target tokens a second of recent updates.
    pub speed: f64,
    /// Seconds at work.
    pub seconds: f64,
    /// Seconds that are left at most, where that can be told.
    pub seconds_left: Option<f64>,
}

impl Outlook {
    /// What a log tells.
    pub fn of(record: &Record) -> Outlook {
        let recent: Vec<_> = record.updates.values().rev().take(RECENT).collect();
        let mean = |value: &dyn Fn(&super::UpdateRow) -> f64| mean(recent.iter().map(|u| value(u)));
        let timed = recent.iter().filter(|u| u.speed().is_finite());
        let (tokens, seconds) = timed.fold((0.0, 0.0), |(t, s), u| (t + u.tokens, s + u.seconds));
        let updates = record.last_update().max(record.begun_at);
        let (last, last_epoch) = limits(record);
        let phase = phase(record);
        let seconds_left = match phase {
            Phase::Beginning | Phase::Training => last.and_then(|last| left(record, last, mean(&|u| u.seconds))),
            Phase::Scoring | Phase::Ended(_) => None,
        };
        Outlook {
            phase,
            updates,
            last,
            epoch: record.epoch(),
            last_epoch,
            loss: mean(&|u| u.loss),
            perplexity: mean(&|u| u.perplexity.log2()).exp2(),
            lr: recent.first().map_or(f64::NAN, |u| u.lr),
            gradient_norm: mean(&|u| u.gradient_norm),
            speed: tokens / seconds,
            seconds: record.seconds(),
            seconds_left,
        }
    }

    /// The share of updates that are done, from 0 to 1, where the last one is known.
    pub fn share(&self) -> Option<f64> {
        self.last.filter(|&l| l > 0).map(|last| (self.updates as f64 / last as f64).min(1.0))
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// For how long it has told nothing, where it should have: then it may have been killed. `age`: since its last line.
    pub fn silence(&self, age: Option<Duration>) -> Option<Duration> {
        let long = if self.phase == Phase::Scoring { LONG_SCORING } else { LONG };
        age.filter(|age| *age >= long && !self.is_over())
    }
}

fn phase(record: &Record) -> Phase {
    match record.ending.as_deref() {
        Some(ending @ ("interrupted" | "failed")) => Phase::Ended(ending.to_owned()),
        Some(ending) if record.scores.is_some() => Phase::Ended(ending.to_owned()),
        Some(_) => Phase::Scoring,
        None if record.scores.is_some() => Phase::Ended("complete".to_owned()),
        None if record.updates.is_empty() => Phase::Beginning,
        None => Phase::Training,
    }
}

/// The last update and the last epoch.
fn limits(record: &Record) -> (Option<u64>, Option<u64>) {
    let most = record.setting("training", "max_updates").as_u64();
    let epochs = record.setting("training", "max_epochs").as_u64().filter(|&e| e > 0);
    let each = record.settings.get("updates_per_epoch").and_then(|n| n.as_u64());
    let by_epochs = epochs.zip(each).map(|(epochs, each)| epochs.saturating_mul(each));
    (most.into_iter().chain(by_epochs).min(), epochs)
}

/// Updates that are left, and validations between them; not beyond the time that the run has.
fn left(record: &Record, last: u64, update: f64) -> Option<f64> {
    let updates = last.saturating_sub(record.last_update().max(record.begun_at));
    let pause = |seconds: Option<f64>| seconds.filter(|s| s.is_finite()).unwrap_or(0.0);
    let validation = pause(record.validations.last_key_value().map(|(_, v)| v.seconds))
        + pause(record.samples.last_key_value().map(|(_, s)| s.seconds));
    let each = record.settings.get("updates_per_epoch").and_then(|n| n.as_u64()).filter(|&n| n > 0);
    let validations = each.map_or(0, |each| updates.div_ceil(each));
    let work = updates as f64 * update + validations as f64 * validation;
    let limit = record.settings.get("time_limit").and_then(|t| t.as_f64());
    let gone = record.updates.range(record.begun_at.saturating_add(1)..).map(|(_, u)| u.seconds);
    let rest = limit.map(|limit| (limit - gone.filter(|s| s.is_finite()).sum::<f64>()).max(0.0));
    Some(rest.map_or(work, |rest| work.min(rest))).filter(|s| s.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.filter(|v| v.is_finite()).fold((0.0, 0u32), |(s, n), v| (s + v, n + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(lines: &[&str]) -> Outlook {
        let mut record = Record::default();
        lines.iter().for_each(|l| record.add(l.as_bytes()));
        Outlook::of(&record)
    }

    const START: &str = r#"{"event":"start","training":{"max_updates":100,"max_epochs":3},"updates_per_epoch":10}"#;
    const UPDATE: &str =
        r#"{"event":"update","updates":4,"epoch":1,"loss":8,"perplexity":16,"tokens":50,"seconds":0.5}"#;
    const VALIDATION: &str = r#"{"event":"validation","updates":4,"seconds":2}"#;

    #[test]
    fn what_is_left_follows_from_what_was() {
        let o = outlook(&[START, UPDATE, VALIDATION]);
        assert_eq!((o.updates, o.last, o.last_epoch, o.epoch), (4, Some(30), Some(3), 1));
        // 26 updates, and the ends of three epochs.
        assert_eq!((o.seconds_left, o.seconds, o.speed), (Some(26.0 * 0.5 + 3.0 * 2.0), 2.5, 100.0));
        assert_eq!((o.loss, o.perplexity), (8.0, 16.0));
        let limited = START.replacen("\"event\"", "\"time_limit\":1.25,\"event\"", 1);
        assert_eq!(outlook(&[&limited, UPDATE]).seconds_left, Some(0.75));
        let bare = outlook(&[UPDATE]);
        assert_eq!((bare.seconds_left, bare.last, bare.share()), (None, None, None));
        assert_eq!(outlook(&[START]).seconds_left, None, "no update has told how long one takes");
    }

    #[test]
    fn what_is_not_over_may_be_silent() {
        let end = r#"{"event":"end","ending":"complete"}"#;
        let age = |seconds| Some(Duration::from_secs(seconds));
        // Scoring tells nothing between the last update and the scores.
        for (lines, long) in [(&[START][..], 300), (&[START, UPDATE], 300), (&[START, UPDATE, end], 1800)] {
            let o = outlook(lines);
            assert_eq!([o.silence(age(long - 1)), o.silence(age(long)), o.silence(None)], [None, age(long), None]);
        }
        assert_eq!(outlook(&[START, UPDATE, end, r#"{"event":"scores"}"#]).silence(age(9999)), None);
    }

    #[test]
    fn phases_follow_one_another() {
        let end = |ending: &str| format!(r#"{{"event":"end","ending":"{ending}"}}"#);
        let scores = r#"{"event":"scores"}"#;
        assert_eq!(outlook(&[START]).phase, Phase::Beginning);
        assert_eq!(outlook(&[START, UPDATE]).phase, Phase::Training);
        assert_eq!(outlook(&[START, UPDATE, &end("complete")]).phase, Phase::Scoring);
        assert_eq!(outlook(&[START, &end("converged"), scores]).phase, Phase::Ended("converged".to_owned()));
        assert_eq!(outlook(&[START, &end("failed")]).phase, Phase::Ended("failed".to_owned()));
        assert!(outlook(&[START, scores]).is_over(), "logs of earlier versions tell of no end");
        assert_eq!(outlook(&[START, UPDATE, &end("interrupted"), r#"{"event":"resume"}"#]).phase, Phase::Training);
    }
}
