//! The drawing itself.

use super::scale::{Axis, Scale, short};
use super::{Bucket, LineChart, Mark, Series, class};
use maud::{Markup, html};

// In SVG units. A phone shows 420 of them in some 350 pixels, so that 12 are still letters to read; a wide window shows three charts in a
// row at about that size. The left margin holds numbers of seven letters, the right one half of such a number at the last tick.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 8.0;
const GROUND: f64 = 190.0;

/// A curve that spans less is a dot: a line as short as that is not seen.
const SPECK: f64 = 3.0;

/// Columns in which values are told where a pointer rests; of many curves fewer, so that a page stays small.
const COLUMNS: usize = 72;
const FEWEST_COLUMNS: usize = 24;

/// series: those of the chart that have points.
pub(super) fn svg(chart: &LineChart, series: &[&Series]) -> Markup {
    let buckets = || series.iter().flat_map(|s| s.buckets.iter());
    let shown = |s: &Series, b: &Bucket| if s.mark == Mark::Band { [b.low, b.high] } else { [b.mean, b.mean] };
    let ys = series.iter().flat_map(|s| s.buckets.iter().flat_map(|b| shown(s, b)));
    let across = Axis::of(Scale::Linear, buckets().flat_map(|b| b.x).chain(chart.extent));
    let (Some(across), Some(up)) = (across, Axis::of(chart.scale, ys)) else {
        return html! { p.none { "Nothing above 0 yet." } };
    };
    let frame = Frame { across, up: up.with_room() };
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
            aria-label=(format!("{} by {}: {}", chart.title, chart.across, names.join(", "))) {
            (frame.grid(&chart.across))
            @for s in series { (frame.curve(s)) }
            (frame.columns(chart, series))
        }
    }
}

struct Frame {
    across: Axis,
    up: Axis,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * self.across.share(value).unwrap_or(0.0)
    }

    /// A value that has no place on a logarithmic axis lies at its foot.
    fn y(&self, value: f64) -> f64 {
        GROUND - (GROUND - TOP) * self.up.share(value).unwrap_or(0.0)
    }

    fn grid(&self, across: &str) -> Markup {
        html! {
            @for t in self.up.ticks(5) {
                @let y = tenths(self.y(t));
                line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                text.up x=(LEFT - 6.0) y=(y) { (short(t)) }
            }
            @for t in self.across.ticks(4) {
                @let x = tenths(self.x(t));
                line x1=(x) x2=(x) y1=(GROUND) y2=(GROUND + 4.0) {}
                text.across x=(x) y=(GROUND + 14.0) { (short(t)) }
            }
            text.across x=((LEFT + WIDTH - RIGHT) / 2.0) y=(HEIGHT - 9.0) { (across) }
        }
    }

    fn curve(&self, s: &Series) -> Markup {
        let point = |x: f64, y: f64| format!("{},{} ", tenths(self.x(x)), tenths(self.y(y)));
        let means: String = s.buckets.iter().map(|b| point(b.middle(), b.mean)).collect();
        let band: String = if s.mark == Mark::Band {
            let above = s.buckets.iter().map(|b| point(b.middle(), b.high));
            above.chain(s.buckets.iter().rev().map(|b| point(b.middle(), b.low))).collect()
        } else {
            String::new()
        };
        let dots = if s.mark == Mark::Points { &s.buckets[..] } else { self.speck(&s.buckets) };
        html! {
            g class=(class(s.colour)) {
                @if !band.is_empty() { polygon points=(band.trim_end()) {} }
                polyline points=(means.trim_end()) {}
                @for b in dots {
                    circle cx=(tenths(self.x(b.middle()))) cy=(tenths(self.y(b.mean))) r="2.2" {}
                }
            }
        }
    }

    /// The last point of a curve that is too small to be seen as one, as a short run's beside a long one.
    fn speck<'b>(&self, buckets: &'b [Bucket]) -> &'b [Bucket] {
        let spread = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        let across = spread(&mut buckets.iter().map(|b| self.x(b.middle())));
        let up = spread(&mut buckets.iter().map(|b| self.y(b.mean)));
        if across.max(up) < SPECK { &buckets[buckets.len() - 1..] } else { &[] }
    }

    /// Invisible columns, each with a title that has the values there.
    fn columns(&self, chart: &LineChart, series: &[&Series]) -> Markup {
        let count = (3 * COLUMNS / series.len()).clamp(FEWEST_COLUMNS, COLUMNS);
        let width = (WIDTH - LEFT - RIGHT) / count as f64;
        let column = |b: &Bucket| (((self.x(b.middle()) - LEFT) / width) as usize).min(count - 1);
        let mut titles = vec![Vec::new(); count];
        let mut ranges = vec![[f64::INFINITY, f64::NEG_INFINITY]; count];
        for s in series {
            for there in s.buckets.chunk_by(|a, b| column(a) == column(b)) {
                let i = column(&there[0]);
                ranges[i] = [ranges[i][0].min(there[0].x[0]), ranges[i][1].max(there[there.len() - 1].x[1])];
                titles[i].push(format!("{} {}", s.name, values(s.mark, there)));
            }
        }
        html! {
            @for (i, lines) in titles.iter().enumerate().filter(|(_, t)| !t.is_empty()) {
                rect.at x=(tenths(LEFT + i as f64 * width)) y=(TOP) width=(tenths(width)) height=(GROUND - TOP) {
                    title { (range(ranges[i])) " " (chart.across) "\n" (lines.join("\n")) }
                }
            }
        }
    }
}

/// The mean of buckets and, where a band shows it, between what they lie.
fn values(mark: Mark, buckets: &[Bucket]) -> String {
    let mean = buckets.iter().map(|b| b.mean).sum::<f64>() / buckets.len() as f64;
    let low = buckets.iter().map(|b| b.low).fold(f64::INFINITY, f64::min);
    let high = buckets.iter().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max);
    if low == high || mark != Mark::Band {
        digits(mean)
    } else {
        format!("{}, from {} to {}", digits(mean), digits(low), digits(high))
    }
}

fn range([low, high]: [f64; 2]) -> String {
    if low == high { digits(low) } else { format!("{} to {}", digits(low), digits(high)) }
}

/// A value in full where that is short.
fn digits(value: f64) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 1e9;
    if whole {
        format!("{value:.0}")
    } else if (1e-3..1e9).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}

/// A tenth of a pixel is fine enough.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
