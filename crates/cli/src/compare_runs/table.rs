//! Runs as columns of a table.

use super::Named;
use super::differences::Difference;
use crate::clock::clock_of_seconds;
use crate::columns::columns;
use crate::document::visible;
use crate::line_chart::short;
use crate::profile::grouped;
use crate::run_log::{Outlook, Phase};

/// Letters of a setting's value that are shown.
const LETTERS: usize = 40;

/// What each run reached: a line for each figure, a cell for each run.
pub(super) fn rows(runs: &[Named]) -> Vec<(&'static str, Vec<String>)> {
    let each = |cell: &dyn Fn(&Named, &Outlook) -> Option<String>| -> Vec<String> {
        let cell = |run: &Named| cell(run, &Outlook::of(&run.record)).unwrap_or_else(|| "–".to_owned());
        runs.iter().map(cell).collect()
    };
    let bits = |x: f64| x.is_finite().then(|| format!("{x:.3}"));
    let hundredths = |x: f64| x.is_finite().then(|| format!("{x:.2}"));
    let whole = |x: f64| x.is_finite().then(|| grouped(x as u64));
    let last = |run: &Named| run.record.validations.last_key_value().map(|(_, v)| *v);
    let best = |run: &Named| run.record.best_validation().map(|(n, v)| (n, *v));
    let rows: Vec<(&'static str, Vec<String>)> = vec![
        ("state", each(&|_, o| Some(state(&o.phase)))),
        ("parameters", each(&|r, _| r.record.settings.get("parameters").and_then(|p| p.as_u64()).map(grouped))),
        ("updates", each(&|_, o| Some(grouped(o.updates)))),
        ("epoch", each(&|_, o| Some(grouped(o.epoch)))),
        ("target tokens", each(&|r, _| Some(short(r.record.tokens())))),
        ("time at work", each(&|_, o| Some(clock_of_seconds(o.seconds)))),
        ("tokens/s, all updates", each(&|r, _| whole(r.record.speed()))),
        ("train loss, recent", each(&|_, o| bits(o.loss))),
        ("valid loss, last", each(&|r, _| bits(last(r)?.loss))),
        ("valid loss, best", each(&|r, _| bits(best(r)?.1.loss))),
        ("  its perplexity", each(&|r, _| hundredths(best(r)?.1.perplexity))),
        ("  after update", each(&|r, _| Some(grouped(best(r)?.0)))),
        ("sample BLEU, last", each(&|r, _| hundredths(r.record.samples.last_key_value()?.1.bleu))),
        ("sample BLEU, best", each(&|r, _| hundredths(r.record.best_sample()?.1.bleu))),
        ("  after update", each(&|r, _| Some(grouped(r.record.best_sample()?.0)))),
        ("valid BLEU, beam", each(&|r, _| hundredths(r.record.score("valid", "beam")?))),
        ("test BLEU, greedy", each(&|r, _| hundredths(r.record.score("test", "greedy")?))),
        ("test BLEU, beam", each(&|r, _| hundredths(r.record.score("test", "beam")?))),
    ];
    rows.into_iter().filter(|(_, cells)| cells.iter().any(|c| c != "–")).collect()
}

/// [`rows`] as text.
pub(super) fn figures(runs: &[Named]) -> String {
    let names: Vec<String> = runs.iter().map(|r| visible(&r.name)).collect();
    let heads: Vec<&str> = std::iter::once("").chain(names.iter().map(String::as_str)).collect();
    columns(&heads, rows(runs).into_iter().map(|(name, cells)| [vec![name.to_owned()], cells].concat()).collect())
}

/// Settings that differ, as text.
pub(super) fn differences(runs: &[Named], differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "No setting differs.\n".to_owned();
    }
    let names: Vec<String> = runs.iter().map(|r| visible(&r.name)).collect();
    let heads: Vec<&str> = std::iter::once("differs").chain(names.iter().map(String::as_str)).collect();
    let row = |d: &Difference| [vec![visible(&d.key)], d.values.iter().map(|v| shown(v.as_deref())).collect()].concat();
    columns(&heads, differences.iter().map(row).collect())
}

/// A value, cut where it is long; a dash where there is none.
pub(super) fn shown(value: Option<&str>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    match value.char_indices().nth(LETTERS) {
        Some((end, _)) => visible(&value[..end]) + "…",
        None => visible(value),
    }
}

fn state(phase: &Phase) -> String {
    match phase {
        Phase::Beginning => "beginning".to_owned(),
        Phase::Training => "not ended".to_owned(),
        Phase::Scoring => "being scored".to_owned(),
        Phase::Ended(ending) => visible(ending),
    }
}
