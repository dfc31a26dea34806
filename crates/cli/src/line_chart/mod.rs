//! Curves as SVG inside a page: axes with units, a band of what means hide, values where a pointer rests.

mod scale;
mod svg;
mod thin;

pub(crate) use scale::Axis;
pub use scale::{Scale, short};
pub use thin::{Bucket, thin};

use maud::{Markup, html};

/// Some curves over the same axes.
pub struct LineChart {
    /// What is drawn, with its unit.
    pub title: String,
    /// What is counted from left to right.
    pub across: String,
    /// Places from left to right that the axis reaches at least, so that charts beside one another can be compared.
    pub extent: [f64; 2],
    /// How values lie from bottom to top.
    pub scale: Scale,
    /// The curves, those that matter most last.
    pub series: Vec<Series>,
}

/// One curve.
pub struct Series {
    /// As the legend has it.
    pub name: String,
    /// Its colour's number; see [`COLOURS`].
    pub colour: usize,
    /// How it is drawn.
    pub mark: Mark,
    /// From left to right.
    pub buckets: Vec<Bucket>,
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line of means.
    Line,
    /// A line of means, with a band from the least to the most value behind it.
    Band,
    /// Points joined by a line, for values that are few.
    Points,
}

/// How many colours there are; further curves take them again.
pub const COLOURS: usize = 8;

/// The style of charts, for a page's `style`.
pub const STYLE: &str = include_str!("chart.css");

impl Series {
    /// A curve of at most `most` means. points: (x, y), x ascending.
    pub fn new(name: &str, colour: usize, mark: Mark, points: &[(f64, f64)], most: usize) -> Series {
        Series { name: name.to_owned(), colour, mark, buckets: thin(points, most) }
    }
}

impl LineChart {
    /// The chart with its title and, where it has several curves, the names of those that have points; a sentence where there is nothing to draw.
    pub fn figure(&self) -> Markup {
        let drawn: Vec<&Series> = self.series.iter().filter(|s| !s.buckets.is_empty()).collect();
        html! {
            figure.chart {
                figcaption {
                    b { (self.title) }
                    @if self.series.len() > 1 { span.key { @for s in &drawn { span { i class=(class(s.colour)) {} (s.name) } } } }
                }
                @if drawn.is_empty() { p.none { "Nothing yet." } } @else { (svg::svg(self, &drawn)) }
            }
        }
    }
}

fn class(colour: usize) -> String {
    format!("c{}", colour % COLOURS)
}

#[cfg(test)]
mod tests;
