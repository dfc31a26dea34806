//! Runs' curves over one another, as one page that needs nothing else.

use super::Named;
use super::differences::Difference;
use super::table::{rows, shown};
use crate::document::{document, visible};
use crate::line_chart::{LineChart, Mark, STYLE, Scale, Series};
use crate::run_log::{Across, Quantity, curve};
use maud::{Markup, html};

/// Means of neighbours across a whole chart, as many of each run as its share of the chart's length: the lines of many runs stay apart, and so
/// do the sizes of pages.
const POINTS: usize = 120;

pub(super) fn render(runs: &[Named], differences: &[Difference]) -> String {
    let names: Vec<&str> = runs.iter().map(|r| r.name.as_str()).collect();
    let title = format!("Trainings compared: {}", visible(&names.join(", ")));
    let body = html! {
        h1 { (title) }
        p { "Losses are in bits a target token, of training batches with dropout, each point the mean of neighbours. BLEU is that of greedy "
            "search on a sample of valid, which may differ from run to run." }
        @for (across, what) in [
            (Across::Updates, "By updates"), (Across::Tokens, "By target tokens"), (Across::Hours, "By time at work"),
        ] {
            h2 { (what) }
            div.charts { @for chart in charts(runs, across) { (chart.figure()) } }
        }
        h2 { "Rates and norms" }
        div.charts { @for chart in rates(runs) { (chart.figure()) } }
        h2 { "What each reached" }
        (table("", runs, rows(runs).into_iter().map(|(name, cells)| (name.to_owned(), cells)).collect()))
        h2 { "Settings that differ" }
        @if differences.is_empty() { p { "None." } } @else {
            (table("setting", runs, differences.iter().map(|d| {
                (d.key.clone(), d.values.iter().map(|v| shown(v.as_deref())).collect())
            }).collect()))
        }
    };
    document(&title, STYLE, body)
}

fn charts(runs: &[Named], across: Across) -> Vec<LineChart> {
    vec![
        chart(runs, "Train loss", Scale::Linear, across, Quantity::Loss, Mark::Line),
        chart(runs, "Valid loss", Scale::Linear, across, Quantity::ValidLoss, Mark::Points),
        chart(runs, "BLEU on a sample of valid", Scale::Linear, across, Quantity::Bleu, Mark::Points),
    ]
}

fn rates(runs: &[Named]) -> Vec<LineChart> {
    let of = |title: &str, scale, quantity, mark| chart(runs, title, scale, Across::Updates, quantity, mark);
    vec![
        of("Valid perplexity, logarithmic", Scale::Log, Quantity::ValidPerplexity, Mark::Points),
        of("Learning rate", Scale::Linear, Quantity::LearningRate, Mark::Line),
        of("Gradient norm, logarithmic", Scale::Log, Quantity::GradientNorm, Mark::Line),
        of("Target tokens a second", Scale::Linear, Quantity::Speed, Mark::Line),
    ]
}

fn chart(runs: &[Named], title: &str, scale: Scale, across: Across, quantity: Quantity, mark: Mark) -> LineChart {
    let ends = runs.iter().filter_map(|run| curve(&run.record, Quantity::Loss, across).last().map(|p| p.0));
    let end = ends.fold(0.0, f64::max);
    let series = |(colour, run): (usize, &Named)| {
        let points = curve(&run.record, quantity, across);
        let share = points.last().map_or(0.0, |last| if end > 0.0 { last.0 / end } else { 1.0 });
        let most = (share.clamp(0.0, 1.0) * POINTS as f64).ceil().max(2.0) as usize;
        Series::new(&visible(&run.name), colour, mark, &points, most)
    };
    let unit = match across {
        Across::Updates => "updates",
        Across::Tokens => "million target tokens",
        Across::Hours => "hours at work",
    };
    LineChart {
        title: title.to_owned(),
        extent: [0.0, end],
        across: unit.to_owned(),
        scale,
        series: runs.iter().enumerate().map(series).collect(),
    }
}

fn table(head: &str, runs: &[Named], rows: Vec<(String, Vec<String>)>) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th { (head) } @for run in runs { th { (visible(&run.name)) } } } }
            tbody { @for (name, cells) in &rows { tr { th scope="row" { (visible(name)) } @for cell in cells { td { (cell) } } } } }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::differences::between;
    use super::*;
    use crate::document::well_formed::assert_well_formed;
    use crate::run_log::Record;

    fn named(name: &str, updates: u64, lr: f64) -> Named {
        let mut record = Record::default();
        record.add(format!(r#"{{"event":"start","training":{{"lr":{lr},"lanes":4}}}}"#).as_bytes());
        for n in 1..=updates {
            let loss = 9.0 - (n as f64).ln() / 2.0;
            let line = format!(
                r#"{{"event":"update","updates":{n},"loss":{loss},"lr":{lr},"gradient_norm":1,"tokens":9000,"seconds":1}}"#
            );
            record.add(line.as_bytes());
            if n % 50 == 0 {
                let line =
                    format!(r#"{{"event":"validation","updates":{n},"loss":{loss},"perplexity":9,"seconds":3}}"#);
                record.add(line.as_bytes());
            }
        }
        Named { name: name.to_owned(), record }
    }

    #[test]
    fn runs_of_any_length_share_a_page() {
        let runs = [named("x/run", 300, 0.5), named("<y>/run", 5000, 0.25), named("new", 0, 0.25)];
        let page = render(&runs, &between(&runs));
        assert_well_formed(&page);
        for part in ["x/run", "&lt;y&gt;/run", "training.lr", "0.25", "million target tokens", "hours at work", "5,000"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("training.lanes"), "what is the same is not told");
        assert!(page.len() < 200_000, "{} bytes", page.len());
    }

    #[test]
    fn many_long_runs_stay_small_and_one_setting_for_all_is_told() {
        let runs: Vec<Named> = (0..12).map(|i| named(&format!("run {i}"), 3000, 0.5)).collect();
        let page = render(&runs, &between(&runs));
        assert_well_formed(&page);
        assert!(page.contains("None.") && page.len() < 400_000, "{} bytes", page.len());
    }
}
