//! How numbers lie along an axis, and which of them are written at it.

/// The kind of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Linear,
    /// By their logarithm; what is not above 0 has no place.
    Log,
}

/// An axis from one end to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    scale: Scale,
    /// Logarithms on a scale of such.
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis on which all of these have a place; none where none of them has one.
    pub(crate) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Axis> {
        let placed = values.filter_map(|v| scale.place(v));
        let (low, high) = placed.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        // One value alone lies in the middle.
        let room = if high > low { 0.0 } else { 0.5 * if low == 0.0 || scale == Scale::Log { 1.0 } else { low.abs() } };
        Some(Axis { scale, low: low - room, high: high + room })
    }

    /// The same with a twentieth of its length more at both ends.
    pub(super) fn with_room(self) -> Axis {
        let room = (self.high - self.low) / 20.0;
        // What never is negative does not look so.
        let low =
            if self.scale == Scale::Linear && self.low >= 0.0 { (self.low - room).max(0.0) } else { self.low - room };
        Axis { low, high: self.high + room, ..self }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    pub(crate) fn share(&self, value: f64) -> Option<f64> {
        self.scale.place(value).map(|p| ((p - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// The values at its ends.
    pub(crate) fn ends(&self) -> [f64; 2] {
        [self.low, self.high].map(|place| match self.scale {
            Scale::Linear => place,
            Scale::Log => 10f64.powf(place),
        })
    }

    /// About `count` round values within the axis.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, count),
            Scale::Log => log_ticks(self.low, self.high, count),
        }
    }
}

impl Scale {
    fn place(self, value: f64) -> Option<f64> {
        let place = match self {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => return None,
        };
        place.is_finite().then_some(place)
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = power
        * match rough / power {
            m if m < 1.35 => 1.0,
            m if m < 3.2 => 2.0,
            m if m < 7.0 => 5.0,
            _ => 10.0,
        };
    let first = (low / step).ceil();
    // Beyond the precision of numbers a step may add nothing; there are never many more than asked for.
    (0..2 * count + 2)
        .map(|i| (first + i as f64) * step)
        .take_while(|&t| t <= high * (1.0 + 1e-12) || t <= high)
        .collect()
}

/// Powers of ten, and 2 and 5 times those where there are few of them; where even these are few, as on a plain axis.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let within = |v: &f64| (low..=high).contains(&v.log10());
    let times = |steps: &[f64]| -> Vec<f64> {
        (first..=last)
            .flat_map(|p| steps.iter().map(move |s| s * 10f64.powi(p)).collect::<Vec<_>>())
            .filter(within)
            .collect()
    };
    let tens = times(&[1.0]);
    if tens.len() > count {
        let every = tens.len().div_ceil(count);
        return tens.into_iter().step_by(every).collect();
    }
    if tens.len() >= 3 {
        return tens;
    }
    let more = times(&[1.0, 2.0, 5.0]);
    if more.len() >= 3 { more } else { linear_ticks(10f64.powf(low), 10f64.powf(high), count) }
}

/// A number in few letters: `12.5`, `20k`, `1.5M`, `3e-4`.
pub fn short(value: f64) -> String {
    let (magnitude, divisor, unit) = match value.abs() {
        0.0 => return "0".to_owned(),
        m if !m.is_finite() => return "–".to_owned(),
        m if !(1e-3..1e15).contains(&m) => return exponent(value),
        m if m >= 1e9 => (m, 1e9, "G"),
        m if m >= 1e6 => (m, 1e6, "M"),
        m if m >= 1e4 => (m, 1e3, "k"),
        m => (m, 1.0, ""),
    };
    let digits = match magnitude / divisor {
        m if m >= 100.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 0.1 => 3,
        m if m >= 0.01 => 4,
        _ => 5,
    };
    let text = format!("{:.digits$}", value / divisor);
    let trimmed = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{trimmed}{unit}")
}

fn exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').expect("an exponent is written");
    format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, values: &[f64]) -> Axis {
        Axis::of(scale, values.iter().copied()).unwrap()
    }

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |scale, values: &[f64]| axis(scale, values).ticks(5).into_iter().map(short).collect::<Vec<_>>();
        assert_eq!(ticks(Scale::Linear, &[0.0, 100.0]), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(ticks(Scale::Linear, &[1.0, 48_213.0]), ["10k", "20k", "30k", "40k"]);
        assert_eq!(ticks(Scale::Linear, &[4.31, 4.38]), ["4.32", "4.34", "4.36", "4.38"]);
        assert_eq!(ticks(Scale::Log, &[3.0, 20_000.0]), ["10", "100", "1000", "10k"]);
        assert_eq!(ticks(Scale::Log, &[3.0, 60.0]), ["5", "10", "20", "50"]);
        assert_eq!(ticks(Scale::Log, &[4.1, 4.9]), ["4.2", "4.4", "4.6", "4.8"]);
        assert!(ticks(Scale::Log, &[1e-300, 1e300]).len() <= 6);
        assert!(ticks(Scale::Linear, &[1e15, 1e15 + 1.0]).len() <= 12);
    }

    #[test]
    fn an_axis_of_one_value_or_none() {
        assert_eq!(axis(Scale::Linear, &[7.0]).share(7.0), Some(0.5));
        assert_eq!(axis(Scale::Linear, &[0.0, 0.0]).share(0.0), Some(0.5));
        assert_eq!(axis(Scale::Log, &[7.0]).share(7.0), Some(0.5));
        assert_eq!(Axis::of(Scale::Linear, [f64::NAN, f64::INFINITY].into_iter()), None);
        assert_eq!(Axis::of(Scale::Log, [0.0, -1.0].into_iter()), None);
        assert_eq!(axis(Scale::Log, &[1.0, 100.0]).share(-1.0), None);
        assert_eq!(axis(Scale::Linear, &[0.0, 10.0]).with_room().share(0.0), Some(0.0), "0 is the floor");
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (12.345, "12.3"),
            (999.6, "1000"),
            (1234.0, "1234"),
            (20_000.0, "20k"),
            (1_500_000.0, "1.5M"),
            (0.25, "0.25"),
            (0.0125, "0.0125"),
            (0.0015, "0.0015"),
            (0.0005, "5e-4"),
            (-3.5, "-3.5"),
            (1e20, "1e20"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
