//! The page, from top to bottom.

use super::charts::charts;
use super::samples::samples;
use super::tables::{about, settings, validations};
use crate::clock::{clock, clock_of_seconds};
use crate::document::{changing_document, document};
use crate::line_chart;
use crate::profile::grouped;
use crate::run_log::{Outlook, Phase, Record};
use maud::{Markup, html};
use std::time::Duration;

const STYLE: &str = concat!(include_str!("../line_chart/chart.css"), include_str!("page.css"));

/// Whether a page is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// By the run that it is of, until that ends.
    ByTheRun,
    /// It stays as it is.
    Never {
        /// Since the last line of the run's log, where that is known.
        age: Option<Duration>,
    },
}

/// The whole page. `now` is when it is written, in words.
pub fn render(record: &Record, now: &str, renewal: Renewal) -> String {
    let outlook = Outlook::of(record);
    let silence = match renewal {
        Renewal::ByTheRun => None,
        Renewal::Never { age } => outlook.silence(age),
    };
    let name = record.about("name").unwrap_or("run");
    let title = format!("Training of {name}");
    let body = html! {
        h1 { (title) }
        p {
            (state(&outlook, record))
            @if let Some(age) = silence { " Silent for " (clock(age)) ": killed? lsra train … --resume goes on." }
            " As of " (now) "."
        }
        @if let Some(share) = outlook.share() { div.done { i style=(format!("width:{:.1}%", 100.0 * share)) {} } }
        (figures(record, &outlook, silence))
        (charts(record))
        @if !record.samples.is_empty() {
            h2 { "The same sentences, epoch by epoch" }
            (samples(record))
        }
        @if !record.validations.is_empty() {
            h2 { "Validations" }
            (validations(record))
        }
        h2 { "The run" }
        (about(record))
        (settings(record))
        @if let Some(misread) = record.misread() { p.over { (misread) } }
    };
    let changes = renewal == Renewal::ByTheRun && !outlook.is_over();
    if changes { changing_document(&title, STYLE, body) } else { document(&title, STYLE, body) }
}

/// How far it is, as sentences.
fn state(o: &Outlook, record: &Record) -> String {
    let of = |n: u64, last: Option<u64>| match last {
        Some(last) => format!("{} of {}", grouped(n), grouped(last)),
        None => grouped(n),
    };
    let epoch = if o.epoch > 0 { format!(", epoch {}", of(o.epoch, o.last_epoch)) } else { String::new() };
    let position = format!("update {}{epoch}", of(o.updates, o.last));
    match &o.phase {
        Phase::Beginning => "It begins.".to_owned(),
        Phase::Training => format!("At {position}."),
        Phase::Scoring => format!("Trained, up to {position}; the final weights are being scored."),
        Phase::Ended(ending) => {
            let why = record.reason.as_ref().map_or(String::new(), |r| format!(" ({r})"));
            format!("Ended, {ending}{why}, at {position}.")
        }
    }
}

fn figures(record: &Record, o: &Outlook, silence: Option<Duration>) -> Markup {
    let number = line_chart::short;
    html! {
        div.figures {
            @if let Some(bleu) = record.score("test", "beam") { (figure(&format!("{bleu:.2}"), "BLEU on test, beam search")) }
            @if let Some((updates, best)) = record.best_sample() {
                (figure(&format!("{:.2}", best.bleu), &format!("best BLEU on the sample, update {}", grouped(updates))))
            }
            @if let Some((updates, best)) = record.best_validation() {
                (figure(&format!("{:.3}", best.loss), &format!("best valid loss, bits, update {}", grouped(updates))))
                (figure(&number(best.perplexity), "its perplexity"))
            }
            @if o.loss.is_finite() { (figure(&format!("{:.3}", o.loss), "train loss, bits, recent updates")) }
            @if o.speed.is_finite() { (figure(&grouped(o.speed as u64), "target tokens a second")) }
            (figure(&clock_of_seconds(o.seconds), "at work"))
            @if let Some(age) = silence {
                (figure(&clock(age), "since it last told anything"))
            } @else if let Some(left) = o.seconds_left {
                (figure(&clock_of_seconds(left), "left at most"))
            }
        }
    }
}

fn figure(value: &str, what: &str) -> Markup {
    html! { div { b { (value) } span { (what) } } }
}
