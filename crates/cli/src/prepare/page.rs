//! A report as one page that needs nothing else.

use super::table::percent;
use crate::document::{document, visible};
use crate::profile::grouped;
use lsra_text::prepare::{
    Dropped, Histogram, LENGTH_BUCKET, LENGTH_BUCKETS, PartReport, RATIO_BUCKETS, Reason, Report, SideReport,
    ratio_of_bucket,
};
use maud::{Markup, html};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(super) fn render(report: &Report) -> String {
    let title = format!("Corpus {} → {}", report.languages.source, report.languages.target);
    let body = html! {
        h1 { (title) }
        p { "Prepared from " (report.files.join(", "))
            @for part in &report.given { ", " (part.name) " from " (part.files.join(", ")) } "." }
        (figures(report))
        h2 { "What was dropped, and why" }
        (dropped(report))
        h2 { "What each part holds" }
        p { "Words are what white space separates. New words stand in no line of train; for train itself, its distinct words are "
            "given. Unknown pieces are missing in the dictionary and reach the model as " code { "<unk>" } "." }
        (parts(report))
        h2 { "How long sentences are" }
        (lengths(report))
        h2 { "How lengths compare" }
        p { "Characters of " (report.languages.target) " for each of " (report.languages.source) ", by pair of train; "
            (format!("{:.2}", report.ratio)) " over all. The scale is logarithmic." }
        (ratios(report))
        h2 { "Vocabulary" }
        (vocabulary(report))
        h2 { "Some of what was dropped" }
        (examples(report))
        h2 { "Settings" }
        (settings(report))
    };
    document(&title, STYLE, body)
}

fn figures(report: &Report) -> Markup {
    let kept = report.kept();
    html! {
        div.figures {
            div { b { (grouped(report.read)) } span { "pairs read" } }
            div { b { (grouped(kept)) } span { "kept, " (grouped(report.read - kept)) " dropped" } }
            @for part in &report.parts { div { b { (grouped(part.pairs as u64)) } span { (part.name) } } }
        }
        p { (apart(report)) " Of "
            (grouped(report.components as u64)) " sets of pairs that share no sentence, the largest has "
            (grouped(report.largest_component as u64)) " pairs." }
    }
}

/// What the parts have in common.
fn apart(report: &Report) -> String {
    let kept = report.config.keep.contains(&Reason::HeldOut) && !report.given.is_empty();
    match (kept, report.overlap) {
        (true, _) => {
            "Sentences of the given parts may stand in train: pairs that share one were to be kept.".to_owned()
        }
        (false, 0) => {
            "No sentence of one part stands in another, on either side, not even with other capitals or marks."
                .to_owned()
        }
        (false, shared) => format!(
            "No sentence of valid or test stands in train, on either side, not even with other capitals or marks; {} pairs \
             of valid share one with test, as they were given.",
            grouped(shared)
        ),
    }
}

fn dropped(report: &Report) -> Markup {
    html! {
        (reasons(&report.dropped, report.read))
        @for part in &report.given {
            p { "Of " (part.name) ", of which " (grouped(part.read)) " pairs were read, only what cannot be read is dropped:" }
            (reasons(&part.dropped, part.read))
        }
    }
}

fn reasons(all: &[Dropped], read: u64) -> Markup {
    let most = all.iter().map(|d| d.count).max().unwrap_or(1).max(1);
    html! {
        @if all.is_empty() { p { "Nothing." } }
        @else { div.wide { table {
            thead { tr { th { "reason" } th { "pairs" } th { "share" } th {} } }
            tbody { @for d in all { tr {
                th scope="row" { (d.reason.text()) }
                td { (grouped(d.count)) } td { (percent(d.count, read)) }
                td.bar { i style=(format!("width:{:.2}%", 100.0 * d.count as f64 / most as f64)) {} }
            } } }
        } } }
    }
}

fn parts(report: &Report) -> Markup {
    let each = |whole: u64, lines: u64| format!("{:.1}", whole as f64 / lines.max(1) as f64);
    let row = |part: &PartReport, language: &str, side: &SideReport| {
        html! { tr {
            th scope="row" { (part.name) "." (language) }
            td { (grouped(side.lines)) }
            td { (grouped(side.characters)) } td { (each(side.characters, side.lines)) }
            td { (grouped(side.words)) } td { (each(side.words, side.lines)) }
            td { (grouped(side.pieces)) } td { (each(side.pieces, side.lines)) } td { (grouped(side.most_pieces)) }
            td { (percent(side.unknown_pieces, side.pieces)) }
            td { @if part.name == "train" { (grouped(side.new_words)) " distinct" } @else { (percent(side.new_words, side.words)) } }
        } }
    };
    html! {
        div.wide { table {
            thead {
                tr { th rowspan="2" {} th rowspan="2" { "lines" } th colspan="2" { "characters" } th colspan="2" { "words" }
                    th colspan="4" { "pieces" } th rowspan="2" { "new words" } }
                tr { th { "all" } th { "a line" } th { "all" } th { "a line" } th { "all" } th { "a line" } th { "most" } th { "unknown" } }
            }
            tbody { @for part in &report.parts {
                (row(part, &report.languages.source, &part.sides[0]))
                (row(part, &report.languages.target, &part.sides[1]))
            } }
        } }
    }
}

fn lengths(report: &Report) -> Markup {
    let [source, target] = &report.parts[0].sides;
    let label = |bucket: usize, _| match bucket {
        LAST => format!("{}+", LAST * LENGTH_BUCKET),
        _ => (bucket * LENGTH_BUCKET).to_string(),
    };
    const LAST: usize = LENGTH_BUCKETS - 1;
    html! {
        p.key { i.s0 {} (report.languages.source) " " i.s1 {} (report.languages.target) ": characters of a line, train" }
        (chart(&[&source.lengths, &target.lengths], LENGTH_BUCKETS, 5, &label))
    }
}

fn ratios(report: &Report) -> Markup {
    chart(&[&report.ratios], RATIO_BUCKETS, 5, &|bucket, digits| {
        let ratio = ratio_of_bucket(bucket);
        if ratio < 1.0 { format!("1/{:.digits$}", 1.0 / ratio) } else { format!("{ratio:.digits$}") }
    })
}

/// Bars by bucket, side by side, with a label under every `every`-th.
///
/// A label tells a bar's bucket in so many digits after the point.
fn chart(series: &[&Histogram], buckets: usize, every: usize, label: &dyn Fn(usize, usize) -> String) -> Markup {
    const WIDTH: f64 = 760.0;
    const HEIGHT: f64 = 190.0;
    const LEFT: f64 = 60.0;
    const GROUND: f64 = 160.0;
    let most = series.iter().flat_map(|h| &h.0).copied().max().unwrap_or(1).max(1);
    let slot = (WIDTH - LEFT) / buckets as f64;
    let bar = slot * 0.86 / series.len() as f64;
    let height = |count: u64| (GROUND - 12.0) * count as f64 / most as f64;
    html! {
        figure { svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" style="max-width:60rem" {
            text.most x=(LEFT - 8.0) y="12" { (grouped(most)) }
            line x1=(LEFT) x2=(WIDTH) y1=(GROUND) y2=(GROUND) {}
            @for (s, histogram) in series.iter().enumerate() {
                @for (bucket, &count) in histogram.0.iter().enumerate() {
                    rect class=(format!("s{s}")) width=(format!("{bar:.2}")) height=(format!("{:.2}", height(count)))
                        x=(format!("{:.2}", LEFT + slot * (bucket as f64 + 0.07) + bar * s as f64))
                        y=(format!("{:.2}", GROUND - height(count))) {
                        title { (label(bucket, 2)) ": " (grouped(count)) }
                    }
                }
            }
            @for bucket in (0..buckets).step_by(every) {
                text.tick x=(format!("{:.2}", LEFT + slot * (bucket as f64 + 0.5))) y=(GROUND + 14.0) { (label(bucket, 0)) }
            }
        } }
    }
}

fn vocabulary(report: &Report) -> Markup {
    let names = [&report.languages.source, &report.languages.target];
    html! {
        div.wide { table {
            thead { tr { th { "side" } th { "ids in the dictionary" } th { "pieces seen less than ten times" }
                th { "pieces for a word of train" } th { "known pieces, valid" } th { "known pieces, test" } } }
            tbody { @for (side, name) in names.iter().enumerate() {
                @let of = |part: usize| &report.parts[part].sides[side];
                tr {
                    th scope="row" { (name) }
                    td { (grouped(of(0).dictionary as u64)) } td { (grouped(of(0).rare_pieces as u64)) }
                    td { (format!("{:.2}", of(0).pieces as f64 / of(0).words.max(1) as f64)) }
                    td { (percent(of(1).pieces - of(1).unknown_pieces, of(1).pieces)) }
                    td { (percent(of(2).pieces - of(2).unknown_pieces, of(2).pieces)) }
                }
            } }
        } }
    }
}

fn examples(report: &Report) -> Markup {
    let table = |d: &Dropped| {
        html! {
            div.wide { table {
                thead { tr { th { "line" } th.text { (report.languages.source) } th.text { (report.languages.target) } } }
                tbody { @for e in &d.examples { tr {
                    td.place { (e.place) } td.text { (visible(&e.source)) } td.text { (visible(&e.target)) }
                } } }
            } }
        }
    };
    let of_train = report.dropped.iter().map(|d| (None, d));
    let of_given = report.given.iter().flat_map(|part| part.dropped.iter().map(|d| (Some(&part.name), d)));
    html! {
        @for (part, d) in of_train.chain(of_given) {
            details open[d.examples.len() <= 8 && report.dropped.len() <= 4] {
                summary { @if let Some(part) = part { (part) ": " } (d.reason.text()) ", " (grouped(d.count)) }
                (table(d))
            }
        }
    }
}

fn settings(report: &Report) -> Markup {
    let settings = serde_json::to_value(&report.config).expect("names and numbers");
    html! {
        div.wide { table { tbody {
            @for (name, value) in settings.as_object().into_iter().flatten() {
                tr { th scope="row" { (name) } td { code { @if value.is_null() { "not given" } @else { (value) } } } }
            }
        } } }
    }
}
