//! Tables of a run's page.

use crate::clock::clock_of_seconds;
use crate::document::visible;
use crate::line_chart::short;
use crate::profile::grouped;
use crate::run_log::Record;
use maud::{Markup, html};
use serde_json::Value;

/// Validations that are shown, the last ones.
const VALIDATIONS: usize = 100;

/// A line for each validation, the last first.
pub(super) fn validations(record: &Record) -> Markup {
    let best = record.best_validation().map(|(n, _)| n);
    let bits = |x: f64| if x.is_finite() { format!("{x:.3}") } else { "–".to_owned() };
    html! {
        details open[record.validations.len() <= 20] {
            summary { (record.validations.len()) ", the last first" }
            div.wide { table {
                thead { tr { th { "epoch" } th { "update" } th { "train loss" } th { "valid loss" } th { "valid perplexity" } th { "BLEU" }
                    th { "seconds" } th {} } }
                tbody { @for (n, v) in record.validations.iter().rev().take(VALIDATIONS) {
                    @let sample = record.samples.get(n);
                    tr {
                        th scope="row" { (v.epoch) }
                        td { (grouped(*n)) } td { (bits(v.train_loss)) } td { (bits(v.loss)) } td { (short(v.perplexity)) }
                        td { (sample.filter(|s| s.bleu.is_finite()).map_or("–".to_owned(), |s| format!("{:.2}", s.bleu))) }
                        td { (short(v.seconds + sample.map_or(0.0, |s| s.seconds))) }
                        td.within { @if Some(*n) == best { "best" } }
                    }
                } }
            } }
            @if record.validations.len() > VALIDATIONS { p { "Earlier ones are in metrics.jsonl." } }
        }
    }
}

/// What was trained on what, and where.
pub(super) fn about(record: &Record) -> Markup {
    let number = |key: &str| record.settings.get(key).and_then(Value::as_u64).map(grouped);
    let text = |key: &str| record.about(key).map(str::to_owned);
    let languages = record.settings.get("languages").and_then(|l| Some((l["source"].as_str()?, l["target"].as_str()?)));
    let rows = [
        ("model", text("name")),
        ("parameters", number("parameters")),
        ("corpus", text("corpus")),
        ("languages", languages.map(|(source, target)| format!("{source} to {target}"))),
        ("pairs to learn from", number("pairs")),
        ("updates an epoch", number("updates_per_epoch")),
        ("target tokens so far", Some(short(record.tokens())).filter(|_| !record.updates.is_empty())),
        ("command", text("command")),
        ("begun", text("begun")),
        (
            "resumed",
            Some(record.resumed)
                .filter(|&n| n > 0)
                .map(|n| if n == 1 { "once".to_owned() } else { format!("{n} times") }),
        ),
        ("time limit", record.settings.get("time_limit").and_then(Value::as_f64).map(clock_of_seconds)),
        ("machine", text("machine")),
        ("instructions", text("isa")),
        ("threads", number("threads")),
        ("seed", record.settings.get("seed").and_then(Value::as_u64).map(|n| n.to_string())),
        ("fingerprint of the text", text("data")),
    ];
    html! {
        div.wide { table.setting { tbody {
            @for (name, value) in rows { @if let Some(value) = value { tr { th scope="row" { (name) } td { (visible(&value)) } } } }
        } } }
    }
}

/// The tables of the preset as they were used.
pub(super) fn settings(record: &Record) -> Markup {
    let tables = ["model", "training", "decoding", "watch"].map(|name| (name, record.settings.get(name)));
    html! {
        @for (name, table) in tables { @if let Some(Value::Object(table)) = table {
            details {
                summary { "[" (name) "]" }
                div.wide { table.setting { tbody {
                    @for (key, value) in table { tr { th scope="row" { code { (visible(key)) } } td { code { (shown(value)) } } } }
                } } }
            }
        } }
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "not given".to_owned() } else { visible(&value.to_string()) }
}
