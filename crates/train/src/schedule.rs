//! The learning rate of every update, as fairseq computes it.

use crate::config::{ScheduleKind, TrainingConfig};
use std::f64::consts::PI;

/// A linear warm-up, then a decay.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    peak: f64,
    warmup_updates: u64,
    warmup_from: f64,
    decay: Decay,
}

#[derive(Clone, Debug, PartialEq)]
enum Decay {
    InverseSqrt,
    /// Loshchilov and Hutter 2017, with both ends of the range shrinking from period to period.
    Cosine {
        lowest: f64,
        period: f64,
        growth: f64,
        shrink: f64,
    },
}

impl Schedule {
    /// What the settings say.
    pub fn new(c: &TrainingConfig) -> Schedule {
        let decay = match c.schedule {
            ScheduleKind::InverseSqrt => Decay::InverseSqrt,
            ScheduleKind::Cosine => {
                let rest = c.max_updates.saturating_sub(c.warmup_updates).max(1);
                let period = if c.period_updates > 0 { c.period_updates } else { rest } as f64;
                Decay::Cosine { lowest: c.final_lr, period, growth: c.period_growth, shrink: c.period_shrink }
            }
        };
        Schedule { peak: c.lr, warmup_updates: c.warmup_updates, warmup_from: c.warmup_from, decay }
    }

    /// The learning rate of the update that follows `updates` others.
    pub fn lr(&self, updates: u64) -> f64 {
        if updates < self.warmup_updates {
            let rise = (self.peak - self.warmup_from) / self.warmup_updates as f64;
            return self.warmup_from + updates as f64 * rise;
        }
        match self.decay {
            Decay::InverseSqrt => {
                // Without a warm-up the decay still has to start somewhere: as after a warm-up of one update.
                let warmup = self.warmup_updates.max(1) as f64;
                self.peak * warmup.sqrt() * (updates.max(1) as f64).powf(-0.5)
            }
            Decay::Cosine { lowest, period, growth, shrink } => {
                let since = (updates - self.warmup_updates) as f64;
                let place = Place::of(since, period, growth);
                let shrunk = shrink.powf(place.number);
                let (low, high) = (lowest * shrunk, self.peak * shrunk);
                low + 0.5 * (high - low) * (1.0 + (PI * place.into / place.length).cos())
            }
        }
    }
}

/// Where an update lies among periods that grow by a factor.
struct Place {
    number: f64,
    into: f64,
    length: f64,
}

impl Place {
    fn of(since: f64, period: f64, growth: f64) -> Place {
        if growth == 1.0 {
            let number = (since / period).floor();
            return Place { number, into: since - period * number, length: period };
        }
        // Periods before number n take period x (growth^n - 1) / (growth - 1) updates.
        let number = (1.0 - since / period * (1.0 - growth)).log(growth).floor();
        let place = |number: f64| {
            let power = growth.powf(number);
            Place { number, into: since - (1.0 - power) / (1.0 - growth) * period, length: power * period }
        };
        let found = place(number);
        // Where a period begins, the logarithm may fall just short of a whole number.
        if found.into >= found.length { place(number + 1.0) } else { found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logarithms of powers of 3 and 10 fall short of whole numbers.
    #[test]
    fn every_period_begins_at_its_highest_rate() {
        for growth in [1.0, 2.0, 3.0, 5.0, 10.0] {
            let decay = Decay::Cosine { lowest: 0.0, period: 10.0, growth, shrink: 0.5 };
            let schedule = Schedule { peak: 1.0, warmup_updates: 7, warmup_from: 0.0, decay };
            let (mut start, mut length) = (7, 10);
            for number in 0..8 {
                let highest = 0.5f64.powi(number);
                assert!((schedule.lr(start) - highest).abs() < 1e-9 * highest, "period {number} of growth {growth}");
                assert!(schedule.lr(start + length - 1) < 0.03 * highest, "period {number} of growth {growth}");
                start += length;
                length *= growth as u64;
            }
        }
    }
}
