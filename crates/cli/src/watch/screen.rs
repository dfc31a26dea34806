//! What is shown, as lines of letters: as much of it as there is room for.

use super::blocks::{bar, chart, spark};
use crate::clock::{clock, clock_of_seconds};
use crate::document::visible;
use crate::line_chart::{Scale, short};
use crate::profile::grouped;
use crate::run_log::{Across, Outlook, Phase, Quantity, Record, curve};
use console::{measure_text_width, style, truncate_str};
use std::time::Duration;

/// What a run has told, and how long ago.
pub(super) struct Screen<'a> {
    pub(super) record: &'a Record,
    /// Since its last line.
    pub(super) age: Option<Duration>,
}

/// Room, in letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// How much of each thing is shown.
#[derive(Clone, Copy)]
struct Plan {
    /// Lines of a chart.
    chart: usize,
    /// Lines of small curves: none or all.
    sparks: usize,
    validations: usize,
    sentences: usize,
}

/// From the fullest to the barest.
const PLANS: [Plan; 10] = [
    Plan { chart: 9, sparks: 4, validations: 6, sentences: 9 },
    Plan { chart: 8, sparks: 4, validations: 5, sentences: 4 },
    Plan { chart: 8, sparks: 4, validations: 4, sentences: 2 },
    Plan { chart: 6, sparks: 4, validations: 3, sentences: 1 },
    Plan { chart: 6, sparks: 0, validations: 2, sentences: 1 },
    Plan { chart: 5, sparks: 0, validations: 1, sentences: 1 },
    Plan { chart: 4, sparks: 0, validations: 2, sentences: 0 },
    Plan { chart: 0, sparks: 4, validations: 1, sentences: 0 },
    Plan { chart: 0, sparks: 0, validations: 1, sentences: 0 },
    Plan { chart: 0, sparks: 0, validations: 0, sentences: 0 },
];

/// Width from which two charts stand side by side.
const TWO_CHARTS: usize = 84;

impl Screen<'_> {
    /// The lines, none wider than the room, and no more than it is high.
    pub(super) fn lines(&self, size: Size) -> Vec<String> {
        let head = self.head(size.width);
        let fits = |plan: &Plan| {
            let lines = [head.clone(), self.body(plan, size.width)].concat();
            (lines.len() <= size.height).then_some(lines)
        };
        let mut lines = PLANS.iter().find_map(fits).unwrap_or(head);
        lines.truncate(size.height);
        lines.iter().map(|line| truncate_str(line, size.width, "…").into_owned()).collect()
    }

    fn body(&self, plan: &Plan, width: usize) -> Vec<String> {
        let parts = [
            self.charts(plan.chart, width),
            if plan.sparks > 0 { self.sparks(width) } else { Vec::new() },
            self.validations(plan.validations),
            self.sentences(plan.sentences),
        ];
        parts.into_iter().filter(|p| !p.is_empty()).flat_map(|p| [vec![String::new()], p].concat()).collect()
    }

    fn head(&self, width: usize) -> Vec<String> {
        let o = Outlook::of(self.record);
        let about = |key: &str| self.record.about(key).map(visible);
        let name = about("name").unwrap_or_else(|| "run".to_owned());
        let parameters = self.record.settings.get("parameters").and_then(|p| p.as_u64());
        let of: Vec<String> = [
            about("corpus").filter(|c| *c != name).map(|c| format!("on {c}")),
            parameters.map(|p| format!("{} parameters", grouped(p))),
            about("machine"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut lines = vec![format!("{}  {}", style(name).bold(), style(of.join(", ")).dim()), self.state(&o)];
        if let Some(share) = o.share() {
            let percent = format!(" {:.0}%", 100.0 * share);
            lines.push(bar(share, width.saturating_sub(percent.len()).min(60)) + &percent);
        }
        let bits = |x: f64| format!("{x:.3}");
        let numbers: Vec<String> = [
            ("loss", o.loss.is_finite().then(|| bits(o.loss))),
            ("perplexity", o.perplexity.is_finite().then(|| short(o.perplexity))),
            ("learning rate", o.lr.is_finite().then(|| short(o.lr))),
            ("gradient norm", o.gradient_norm.is_finite().then(|| short(o.gradient_norm))),
            ("tokens/s", o.speed.is_finite().then(|| grouped(o.speed as u64))),
            ("best valid loss", self.record.best_validation().map(|(_, v)| bits(v.loss))),
            ("best BLEU", self.record.best_sample().map(|(_, s)| format!("{:.2}", s.bleu))),
            ("test BLEU", self.record.score("test", "beam").map(|b| format!("{b:.2}"))),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|v| format!("{name} {}", style(v).bold())))
        .collect();
        lines.extend(wrapped(&numbers, width));
        lines.extend(self.record.misread());
        lines
    }

    fn state(&self, o: &Outlook) -> String {
        let of = |n: u64, last: Option<u64>| {
            last.map_or_else(|| grouped(n), |last| format!("{} of {}", grouped(n), grouped(last)))
        };
        let epoch = if o.epoch > 0 { format!(", epoch {}", of(o.epoch, o.last_epoch)) } else { String::new() };
        let position = format!("update {}{epoch}, {} at work", of(o.updates, o.last), clock_of_seconds(o.seconds));
        let state = match &o.phase {
            Phase::Beginning => "It begins".to_owned(),
            Phase::Training => position,
            Phase::Scoring => format!("{position}; scoring the final weights"),
            Phase::Ended(ending) => {
                let why = self.record.reason.as_ref().map_or(String::new(), |r| format!(" ({})", visible(r)));
                return format!("ended, {ending}{why}: {position}");
            }
        };
        match (o.silence(self.age), o.seconds_left) {
            (Some(age), _) => format!("{state}; silent for {}: killed? lsra train … --resume goes on", clock(age)),
            (None, Some(left)) => format!("{state}, at most {} left", clock_of_seconds(left)),
            (None, None) => state,
        }
    }

    fn charts(&self, height: usize, width: usize) -> Vec<String> {
        let of = |quantity| curve(self.record, quantity, Across::Updates);
        let (loss, valid, bleu) = (of(Quantity::Loss), of(Quantity::ValidLoss), of(Quantity::Bleu));
        let each = if width >= TWO_CHARTS && !bleu.is_empty() { (width - 2) / 2 } else { width };
        let end = self.record.last_update() as f64;
        let titled = |title: &str, lines: Vec<String>| {
            if lines.is_empty() { lines } else { [vec![style(title).bold().to_string()], lines].concat() }
        };
        let left = titled("loss, bits a token; o on valid", chart(&loss, &valid, end, each, height));
        let right = titled("BLEU on a sample of valid", chart(&[], &bleu, end, each, height));
        if each == width {
            // One above the other takes too much room: the loss tells more.
            return left;
        }
        beside(left, &right, each)
    }

    fn sparks(&self, width: usize) -> Vec<String> {
        const NAME: usize = 14;
        const ENDS: usize = 9;
        let room = width.saturating_sub(NAME + 2 * ENDS + 2);
        if room < 5 {
            return Vec::new();
        }
        let line = |(name, quantity, scale)| {
            let points = curve(self.record, quantity, Across::Updates);
            let (first, last) = (points.first()?, points.last()?);
            let drawn = spark(&points, scale, room);
            Some(format!("{name:NAME$}{:>ENDS$} {drawn} {}", short(first.1), short(last.1)))
        };
        [
            ("perplexity", Quantity::Perplexity, Scale::Log),
            ("learning rate", Quantity::LearningRate, Scale::Linear),
            ("gradient norm", Quantity::GradientNorm, Scale::Log),
            ("tokens/s", Quantity::Speed, Scale::Linear),
        ]
        .into_iter()
        .filter_map(line)
        .collect()
    }

    fn validations(&self, count: usize) -> Vec<String> {
        let best = self.record.best_validation().map(|(n, _)| n);
        let row = |(n, v): (&u64, &crate::run_log::ValidationRow)| {
            let bleu = self.record.samples.get(n).filter(|s| s.bleu.is_finite());
            format!(
                "{:>5} {:>9} {:>10.3} {:>10.3} {:>10} {:>6}{}",
                v.epoch,
                grouped(*n),
                v.train_loss,
                v.loss,
                short(v.perplexity),
                bleu.map_or("–".to_owned(), |s| format!("{:.2}", s.bleu)),
                if Some(*n) == best { "  best" } else { "" },
            )
            .replace("NaN", "  –")
        };
        let rows: Vec<String> = self.record.validations.iter().rev().take(count).map(row).collect();
        if rows.is_empty() {
            return rows;
        }
        let heads = format!(
            "{:>5} {:>9} {:>10} {:>10} {:>10} {:>6}",
            "epoch", "update", "train loss", "valid loss", "perplexity", "BLEU"
        );
        [vec![style(heads).bold().to_string()], rows].concat()
    }

    fn sentences(&self, count: usize) -> Vec<String> {
        let Some((n, sample)) = self.record.samples.last_key_value().filter(|(_, s)| !s.translations.is_empty()) else {
            return Vec::new();
        };
        if count == 0 {
            return Vec::new();
        }
        let mut lines = vec![style(format!("valid, as translated after update {}", grouped(*n))).bold().to_string()];
        for t in sample.translations.iter().take(count) {
            lines.push(style(format!("  {}", visible(&t.source))).dim().to_string());
            lines.push(style(format!("  {}", visible(&t.reference))).dim().to_string());
            lines.push(format!("> {}", visible(&t.translation)));
        }
        lines
    }
}

/// Items with two spaces between them, in as many lines as they need.
fn wrapped(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 3 + measure_text_width(item) <= width => {
                line.push_str("   ");
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}

/// Lines with other lines to the right of them, from column `width` on.
fn beside(left: Vec<String>, right: &[String], width: usize) -> Vec<String> {
    let nothing = String::new();
    let pad = |line: &str| " ".repeat((width + 2).saturating_sub(measure_text_width(line)));
    (0..left.len().max(right.len()))
        .map(|i| {
            let (l, r) = (left.get(i).unwrap_or(&nothing), right.get(i).unwrap_or(&nothing));
            format!("{l}{}{r}", pad(l))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record::default();
        let start = r#"{"event":"start","name":"demo","corpus":"tiny\u001b[31m","parameters":12345,"training":{"max_updates":1000},
            "updates_per_epoch":100}"#;
        record.add(start.as_bytes());
        for n in 1..=500u32 {
            let line = format!(
                r#"{{"event":"update","updates":{n},"epoch":{},"loss":{},"perplexity":64,"lr":0.001,"gradient_norm":1.5,
                "tokens":1000,"seconds":0.5}}"#,
                n.div_ceil(100),
                3.0 + 6.0 / f64::from(n)
            );
            record.add(line.as_bytes());
            if n % 100 == 0 {
                record
                    .add(format!(r#"{{"event":"validation","updates":{n},"epoch":{},"loss":4}}"#, n / 100).as_bytes());
                let sample = format!(
                    r#"{{"event":"sample","updates":{n},"bleu":{},"sentences":9,"translations":[
                    {{"source":"ein haus","reference":"a house","translation":"a 家 \u001b[2Jhouse"}},
                    {{"source":"zwei","reference":"two","translation":"too"}}]}}"#,
                    n / 50
                );
                record.add(sample.as_bytes());
            }
        }
        record
    }

    fn lines(record: &Record, age: u64, width: usize, height: usize) -> Vec<String> {
        Screen { record, age: Some(Duration::from_secs(age)) }.lines(Size { width, height })
    }

    #[test]
    fn all_is_shown_where_there_is_room() {
        let text = lines(&record(), 1, 120, usize::MAX).join("\n");
        for part in [
            "demo  on tiny⟨001B⟩[31m, 12,345 parameters",
            "update 500 of 1,000, epoch 5, 0:04:10 at work, at most 0:04:10 left",
            "██████████████████████████████░░",
            " 50%",
            "loss 3.013",
            "perplexity 64",
            "tokens/s 2,000",
            "best BLEU 10.00",
            "loss, bits a token; o on valid",
            "BLEU on a sample of valid",
            "learning rate     0.001 ▅▅▅",
            "    1       100",
            "best",
            "valid, as translated after update 500",
            "> a 家 ⟨001B⟩[2Jhouse",
            "> too",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "what a log says is no command to the terminal");
    }

    #[test]
    fn any_room_is_enough() {
        let record = record();
        for width in [1, 7, 20, 39, 60, 83, 84, 200] {
            for height in [1, 2, 5, 10, 24, 50, 1000] {
                let lines = lines(&record, 1, width, height);
                assert!(lines.len() <= height && !lines.is_empty(), "{width} x {height}");
                assert!(lines.iter().all(|l| measure_text_width(l) <= width), "{width} x {height}: {lines:#?}");
            }
        }
        let usual = lines(&record, 1, 80, 24);
        assert!(usual.len() >= 20, "a usual terminal is well filled: {usual:#?}");
    }

    #[test]
    fn states_are_told() {
        let mut r = Record::default();
        assert_eq!(lines(&r, 1, 80, 24)[1], "It begins");
        assert!(lines(&r, 3600, 80, 24)[1].starts_with("It begins; silent for 1:00:00: killed?"));
        r.add(br#"{"event":"update","updates":3,"loss":2}"#);
        assert!(lines(&r, 1, 80, 24)[1].contains("update 3, 0:00:00 at work"));
        assert!(lines(&r, 3600, 80, 24)[1].contains("silent for 1:00:00"));
        r.add(b"???");
        assert!(lines(&r, 1, 80, 24).iter().any(|l| l.contains("One line of the log is not understood")));
        r.add(br#"{"event":"end","ending":"converged"}"#);
        assert!(lines(&r, 1, 80, 24)[1].ends_with("scoring the final weights"));
        assert!(lines(&r, 3600, 120, 24)[1].contains("scoring the final weights; silent for 1:00:00"));
        r.add(br#"{"event":"scores","bleu":{"test":{"beam":12.5}}}"#);
        let text = lines(&r, 3600, 80, 24).join("\n");
        assert!(text.contains("ended, converged: update 3") && text.contains("test BLEU 12.50"), "{text}");
    }
}
