//! Charts as SVG.

use maud::{Markup, html};

const ROW: usize = 18;
const WIDTH: usize = 420;
const TOP: usize = 34;

/// A bar for each name, with its value written beside it, and a line at `mark` where there is one.
pub fn bars(title: &str, unit: &str, rows: &[(String, f64)], mark: Option<f64>) -> String {
    let most = rows.iter().map(|r| r.1).chain(mark).fold(0.0, f64::max).max(1e-9);
    // A letter takes about six and a half units.
    let label = 20 + 13 * rows.iter().map(|r| r.0.len()).max().unwrap_or(0) / 2;
    let x = |value: f64| label as f64 + value / most * WIDTH as f64;
    let height = TOP + ROW * rows.len() + 10;
    svg(
        label + WIDTH + 110,
        height,
        title,
        html! {
            @if let Some(mark) = mark {
                line x1=(x(mark)) x2=(x(mark)) y1=(TOP - 4) y2=(height - 8) stroke="#999" stroke-dasharray="3 3" {}
            }
            @for (i, (name, value)) in rows.iter().enumerate() {
                text x=(label - 8) y=(TOP + ROW * i + 12) text-anchor="end" { (name) }
                rect x=(label) y=(TOP + ROW * i) width=(format!("{:.1}", x(*value) - label as f64)) height=(ROW - 5) fill="#3b6ea8" {}
                text x=(format!("{:.1}", x(*value) + 6.0)) y=(TOP + ROW * i + 12) { (number(*value)) " " (unit) }
            }
        },
    )
}

/// Points joined by lines, both axes logarithmic: a straight line is a power.
pub fn powers(title: &str, across: &str, lines: &[(String, Vec<(f64, f64)>)]) -> String {
    const COLOURS: [&str; 4] = ["#3b6ea8", "#c2571a", "#3a8f4d", "#7a4fa0"];
    let all = || lines.iter().flat_map(|l| &l.1);
    let range = |f: fn(&(f64, f64)) -> f64| {
        let (low, high) = all().map(f).fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        (low.ln(), (high.ln() - low.ln()).max(1e-9))
    };
    let ((x0, dx), (y0, dy)) = (range(|p| p.0), range(|p| p.1));
    let at = |p: &(f64, f64)| (60.0 + (p.0.ln() - x0) / dx * 480.0, 270.0 - (p.1.ln() - y0) / dy * 220.0);
    svg(
        760,
        320,
        title,
        html! {
            line x1="60" x2="540" y1="280" y2="280" stroke="#666" {}
            text x="300" y="312" text-anchor="middle" { (across) }
            @for (i, (name, points)) in lines.iter().enumerate() {
                @let path = points.iter().map(|p| { let (x, y) = at(p); format!("{x:.1},{y:.1} ") }).collect::<String>();
                polyline points=(path.trim_end()) fill="none" stroke=(COLOURS[i % COLOURS.len()]) stroke-width="2" {}
                @for p in points {
                    @let (x, y) = at(p);
                    circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" fill=(COLOURS[i % COLOURS.len()]) {}
                    text x=(format!("{x:.1}")) y=(format!("{:.1}", y - 8.0)) text-anchor="middle" { (number(p.1)) }
                    @if i == 0 { text x=(format!("{x:.1}")) y="295" text-anchor="middle" { (p.0) } }
                }
                text x="570" y=(60 + 20 * i) fill=(COLOURS[i % COLOURS.len()]) { (name) }
            }
        },
    )
}

fn svg(width: usize, height: usize, title: &str, inside: Markup) -> String {
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
            font-family="sans-serif" font-size="11" {
            rect width="100%" height="100%" fill="white" {}
            text x="10" y="18" font-size="14" font-weight="bold" { (title) }
            (inside)
        }
    }
    .into_string()
}

/// Three digits that count.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_bar_and_names_are_escaped() {
        let chart = bars("a & b", "%", &[("x<y".to_owned(), 50.0), ("z".to_owned(), 100.0)], Some(80.0));
        assert_eq!(chart.matches("fill=\"#3b6ea8\"").count(), 2);
        assert!(chart.contains("a &amp; b") && chart.contains("x&lt;y") && chart.contains("50.0 %"), "{chart}");
        // The longer bar is twice as long.
        assert!(chart.contains("width=\"210.0\"") && chart.contains("width=\"420.0\""), "{chart}");
    }

    #[test]
    fn a_power_is_a_straight_line() {
        let points = [1.0, 10.0, 100.0].map(|x: f64| (x, x * x)).to_vec();
        let chart = powers("cost", "tokens", &[("square".to_owned(), points)]);
        assert!(chart.contains("60.0,270.0 300.0,160.0 540.0,50.0"), "{chart}");
    }
}
