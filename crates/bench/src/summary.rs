//! A record as a page to read, and its charts.

use crate::chart::{bars, number, powers};
use crate::{Figure, Record, fit};
use std::fmt::Write;

/// What a record needs to be understood.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The CPU's name and how many cores.
    pub machine: String,
    /// The day, `2026-11-24`.
    pub date: String,
    /// Peers' versions.
    pub peers: String,
    /// Peers below four fifths of their figure: comparisons are void.
    pub void: Vec<String>,
}

/// Names of a table's figures begin so.
const TABLES: [(&str, &str); 10] = [
    ("Training", "train/"),
    ("Translating", "decode/"),
    ("Loading", "load/"),
    ("How cost grows", "scaling/"),
    ("Matrix products", "gemm/"),
    ("Convolutions", "conv/"),
    ("Attention", "attention/"),
    ("Projection and loss", "loss/"),
    ("Row by row", "rowwise/"),
    ("Text", "text/"),
];

/// Markdown with a table for each kind of figure, each chart's file named above it.
pub fn markdown(about: &About, record: &Record) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "# Measured on {}, {}\n\nWritten by `cargo xtask bench --peers --save`; a part is measured anew with `--filter`. The machine is shared with others.\n\nThe median of rounds; within a round the roof, this project and the peers \
         run right after one another, and each one's best run counts. Noise is half the distance between the quartiles of the rounds.\n",
        about.machine, about.date
    );
    if !about.peers.is_empty() {
        let _ = writeln!(text, "\nPeers: {}.", about.peers);
    }
    if !about.void.is_empty() {
        let _ = writeln!(
            text,
            "\n**Void**: these peers stayed below four fifths of the figure known for them, so no ratio to a peer counts:"
        );
        about.void.iter().for_each(|v| _ = writeln!(text, "- {v}"));
    }
    let charts = charts(record);
    for (title, prefix) in TABLES {
        let figures: Vec<&Figure> = record.iter().filter(|f| f.name.starts_with(prefix)).collect();
        if figures.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n## {title}");
        for (file, _) in charts.iter().filter(|(file, _)| file.starts_with(prefix.trim_end_matches('/'))) {
            let _ = writeln!(text, "![{title}]({file})");
        }
        let _ = writeln!(
            text,
            "\n| what | value | of the roof | peer | times as fast | noise |\n|---|---|---|---|---|---|"
        );
        figures.iter().for_each(|f| _ = writeln!(text, "{}", row(f)));
    }
    text
}

fn row(f: &Figure) -> String {
    let roof = f.percent_of_roof.map(|p| format!("{p:.0}%")).unwrap_or_default();
    let peer = match (&f.peer, f.baseline) {
        (Some(peer), Some(value)) => format!("{} ({peer})", number(value)),
        _ => String::new(),
    };
    let ratio = f.ratio.map(|r| format!("{r:.2}")).unwrap_or_default();
    let noise = if f.noise > 0.0 { format!("{:.1}%", 100.0 * f.noise) } else { String::new() };
    format!("| {} | {} {} | {roof} | {peer} | {ratio} | {noise} |", f.name, number(f.value), f.unit)
}

/// Files and what is in them: shares of the roof, speed against peers, cost against size.
pub fn charts(record: &Record) -> Vec<(String, String)> {
    let mut charts = Vec::new();
    for (title, prefix) in TABLES {
        let of: Vec<&Figure> = record.iter().filter(|f| f.name.starts_with(prefix)).collect();
        let stem = prefix.trim_end_matches('/');
        let roofs: Vec<(String, f64)> = of
            .iter()
            .filter_map(|f| Some((f.name.clone(), f.percent_of_roof?)))
            .filter(|r| !r.0.contains("/against/"))
            .collect();
        if !roofs.is_empty() {
            charts.push((
                format!("{stem}-roof.svg"),
                bars(&format!("{title}: percent of the roof"), "%", &roofs, Some(100.0)),
            ));
        }
        let ratios: Vec<(String, f64)> = of.iter().filter_map(|f| Some((f.name.clone(), f.ratio?))).collect();
        if !ratios.is_empty() {
            charts.push((
                format!("{stem}-peers.svg"),
                bars(&format!("{title}: times as fast as the fastest peer"), "x", &ratios, Some(1.0)),
            ));
        }
    }
    for (against, across) in [("length", "tokens of a sentence"), ("width", "channels")] {
        let line = |job: &str| (format!("{job}, ms"), fit::points(record, &format!("scaling/{job}/{against}")));
        let lines: Vec<_> = ["train", "decode"].map(line).into_iter().filter(|l| l.1.len() > 1).collect();
        if !lines.is_empty() {
            charts.push((
                format!("scaling-{against}.svg"),
                powers(&format!("Cost against {against}, both axes logarithmic"), across, &lines),
            ));
        }
    }
    charts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_every_figure_and_names_its_charts() {
        let record = vec![
            Figure {
                percent_of_roof: Some(91.2),
                baseline: Some(95.9),
                ratio: Some(1.1),
                peer: Some("linear/f32".into()),
                noise: 0.01,
                ..Figure::derived("gemm/f32/x", 105.0, "GFLOP/s")
            },
            Figure::derived("scaling/train/length/10", 1.0, "ms"),
            Figure::derived("scaling/train/length/20", 2.0, "ms"),
        ];
        let about = About { void: vec!["linear: slow".into()], ..About::default() };
        let page = markdown(&about, &record);
        assert!(page.contains("| gemm/f32/x | 105 GFLOP/s | 91% | 95.9 (linear/f32) | 1.10 | 1.0% |"), "{page}");
        assert!(page.contains("**Void**") && page.contains("(scaling-length.svg)"), "{page}");
        let files: Vec<String> = charts(&record).into_iter().map(|c| c.0).collect();
        assert_eq!(files, ["gemm-roof.svg", "gemm-peers.svg", "scaling-length.svg"]);
    }
}
