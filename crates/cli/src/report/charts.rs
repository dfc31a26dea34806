//! What a run is drawn as.

use crate::line_chart::{LineChart, Mark, Scale, Series};
use crate::run_log::{Across, Quantity, Record, curve};
use maud::{Markup, html};

/// Points of a curve: few enough that a mean is of many updates of a long run, and a line is seen before its band.
const MOST: usize = 160;

const UPDATES: &str = "updates";

/// All charts of a run.
pub(super) fn charts(record: &Record) -> Markup {
    let of = |quantity| curve(record, quantity, Across::Updates);
    let series = |name: &str, colour, mark, quantity| Series::new(name, colour, mark, &of(quantity), MOST);
    let chart = |title: &str, scale, series: Vec<Series>| {
        LineChart {
            title: title.to_owned(),
            across: UPDATES.to_owned(),
            extent: [0.0, record.last_update() as f64],
            scale,
            series,
        }
        .figure()
    };
    let loss = vec![
        series("train, with dropout", 0, Mark::Band, Quantity::Loss),
        series("valid", 1, Mark::Points, Quantity::ValidLoss),
    ];
    let perplexity = vec![
        series("train, with dropout", 0, Mark::Band, Quantity::Perplexity),
        series("valid", 1, Mark::Points, Quantity::ValidPerplexity),
    ];
    html! {
        div.charts {
            (chart("Loss, bits a target token", Scale::Linear, loss))
            (chart("Perplexity, logarithmic", Scale::Log, perplexity))
            (chart(&bleu_title(record), Scale::Linear, vec![series("BLEU", 2, Mark::Points, Quantity::Bleu)]))
            (chart("Learning rate", Scale::Linear, vec![series("rate", 4, Mark::Line, Quantity::LearningRate)]))
            (chart("Gradient norm, logarithmic", Scale::Log, vec![series("norm", 3, Mark::Band, Quantity::GradientNorm)]))
            (chart("Target tokens a second", Scale::Linear, vec![series("speed", 6, Mark::Band, Quantity::Speed)]))
        }
    }
}

fn bleu_title(record: &Record) -> String {
    match record.samples.last_key_value() {
        Some((_, s)) if s.sentences > 0 => format!("BLEU on {} sentences of valid, greedy", s.sentences),
        _ => "BLEU on sentences of valid".to_owned(),
    }
}
