//! What was measured.

use serde::{Deserialize, Serialize};

/// One figure of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What: `decode/iwslt-160/int8/batch1/beam1/1-thread`.
    pub name: String,
    /// The median of its rounds.
    pub value: f64,
    /// `GFLOP/s`, `tokens/s`, `ms`.
    pub unit: String,
    /// The roof's time / its time x 100, each round's own; the median.
    pub percent_of_roof: Option<f64>,
    /// The peer's value in the same rounds, in the same unit; the best peer's where there are several.
    pub baseline: Option<f64>,
    /// How many times as fast as the baseline; the median of each round's own.
    pub ratio: Option<f64>,
    /// The peer, by its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Half the distance of the quartiles of its rounds / the median: of the share of the roof where there is one, else of the value.
    pub noise: f64,
}

impl Figure {
    /// A figure that came from other figures.
    pub fn derived(name: impl Into<String>, value: f64, unit: &str) -> Figure {
        let (name, unit) = (name.into(), unit.to_owned());
        Figure { name, value, unit, percent_of_roof: None, baseline: None, ratio: None, peer: None, noise: 0.0 }
    }

    /// Whether more is better.
    pub fn is_rate(&self) -> bool {
        self.unit.ends_with("/s") || self.unit == "x"
    }
}

/// All figures of one run.
pub type Record = Vec<Figure>;
