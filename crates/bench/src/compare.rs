//! Two records, figure by figure.

use crate::{Figure, Record};

/// A figure that both records have.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// How many times as good as before.
    pub times: f64,
    /// What both records' noise would explain.
    pub noise: f64,
    /// In what it was compared: `of the roof`, `against the peer`, or the unit.
    pub by: String,
}

impl Change {
    /// Whether it is worse than noise explains.
    pub fn is_fall(&self) -> bool {
        self.times < 1.0 - self.noise
    }

    /// Whether it is better than noise explains.
    pub fn is_rise(&self) -> bool {
        self.times > 1.0 + self.noise
    }
}

/// Noise is never taken for less: two runs of the same program differ by so much.
const LEAST_NOISE: f64 = 0.03;

/// Figures that both have, in the order of the new. By the share of the roof where both have one, else by the ratio to the peer, else by
/// the value: the first two do not follow the machine's drift.
pub fn compare(old: &Record, new: &Record) -> Vec<Change> {
    // Of an exponent neither more nor less is better.
    let pairs =
        new.iter().filter(|f| f.unit != "exponent").filter_map(|n| Some((old.iter().find(|o| o.name == n.name)?, n)));
    pairs.map(|(o, n)| change(o, n)).collect()
}

fn change(old: &Figure, new: &Figure) -> Change {
    let (times, by) = match (old.percent_of_roof.zip(new.percent_of_roof), old.ratio.zip(new.ratio)) {
        (Some((o, n)), _) => (n / o, "of the roof".to_owned()),
        (None, Some((o, n))) => (n / o, "against the peer".to_owned()),
        _ if new.is_rate() => (new.value / old.value, new.unit.clone()),
        _ => (old.value / new.value, new.unit.clone()),
    };
    // Two quartiles' distances of both: about what one run in twenty exceeds by chance.
    let noise = (2.0 * (old.noise + new.noise)).max(LEAST_NOISE);
    Change { name: new.name.clone(), times, noise, by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64, unit: &str, roof: Option<f64>) -> Figure {
        Figure { percent_of_roof: roof, noise: 0.01, ..Figure::derived(name, value, unit) }
    }

    #[test]
    fn a_fall_beyond_noise_is_flagged_whatever_the_unit() {
        let old = vec![
            figure("roof", 10.0, "GFLOP/s", Some(80.0)),
            figure("rate", 100.0, "tokens/s", None),
            figure("time", 2.0, "ms", None),
            figure("gone", 1.0, "ms", None),
            figure("slope", 1.0, "exponent", None),
        ];
        let new = vec![
            // Slower, but so was the machine.
            figure("roof", 7.0, "GFLOP/s", Some(80.5)),
            figure("rate", 90.0, "tokens/s", None),
            figure("time", 2.2, "ms", None),
            figure("fresh", 1.0, "ms", None),
            figure("slope", 2.0, "exponent", None),
        ];
        let changes = compare(&old, &new);
        let falls: Vec<&str> = changes.iter().filter(|c| c.is_fall()).map(|c| c.name.as_str()).collect();
        assert_eq!(changes.len(), 3);
        assert_eq!(falls, ["rate", "time"]);
        assert!(compare(&new, &old).iter().filter(|c| c.is_rise()).count() == 2);
    }
}
