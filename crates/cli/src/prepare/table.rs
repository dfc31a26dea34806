//! A report as text.

use crate::columns::columns;
use crate::profile::grouped;
use lsra_text::prepare::{Dropped, Report, SideReport};

/// What became of the pairs, then what each part holds.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!(
        "{}: {} pairs read, {} kept, {} dropped\n\n",
        report.files.join(", "),
        grouped(report.read),
        grouped(report.kept()),
        grouped(report.read - report.kept()),
    );
    for part in &report.given {
        let files = part.files.join(", ");
        text.insert_str(text.len() - 1, &format!("{}: {files}, {} pairs read\n", part.name, grouped(part.read)));
    }
    let row = |part: &str, d: &Dropped, read| {
        vec![format!("{part}{}", d.reason.text()), grouped(d.count), percent(d.count, read)]
    };
    let mut reasons: Vec<_> = report.dropped.iter().map(|d| row("", d, report.read)).collect();
    for part in &report.given {
        reasons.extend(part.dropped.iter().map(|d| row(&format!("{}: ", part.name), d, part.read)));
    }
    if !reasons.is_empty() {
        text += &columns(&["dropped", "pairs", "share"], reasons);
        text.push('\n');
    }
    let heads = ["part", "pairs", "characters", "words", "pieces", "pieces/line", "unknown", "new words"];
    text += &columns(&heads, rows(report));
    let [source, target] = &report.parts[0].sides;
    text += &format!(
        "\ndictionaries: {} of {}, {} of {}; {:.2} characters of {} for one of {}\n",
        grouped(source.dictionary as u64),
        report.languages.source,
        grouped(target.dictionary as u64),
        report.languages.target,
        report.ratio,
        report.languages.target,
        report.languages.source,
    );
    text
}

fn rows(report: &Report) -> Vec<Vec<String>> {
    let names = [&report.languages.source, &report.languages.target];
    let parts = report.parts.iter();
    parts.flat_map(|part| names.iter().zip(&part.sides).map(|(name, side)| row(&part.name, name, side))).collect()
}

fn row(part: &str, language: &str, side: &SideReport) -> Vec<String> {
    vec![
        format!("{part}.{language}"),
        grouped(side.lines),
        grouped(side.characters),
        grouped(side.words),
        grouped(side.pieces),
        format!("{:.1}", side.pieces as f64 / side.lines.max(1) as f64),
        percent(side.unknown_pieces, side.pieces),
        if part == "train" { "–".to_owned() } else { percent(side.new_words, side.words) },
    ]
}

/// To hundredths: of some shares less than a tenth of a percent matters.
pub(super) fn percent(part: u64, whole: u64) -> String {
    format!("{:.2}%", 100.0 * part as f64 / whole.max(1) as f64)
}
