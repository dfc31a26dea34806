//! Whole jobs: training, translating, loading, tokenising; and how their cost grows.

mod decode;
mod load;
mod model;
mod text;
mod train;

use crate::{Figure, Plan, Record, fit};

/// Every job's.
pub fn plans() -> Vec<Plan> {
    [train::plans(), decode::plans(), load::plans(), text::plans()].into_iter().flatten().collect()
}

/// Figures that follow from others: how two cores compare with one, and exponents of cost.
pub fn derived(record: &Record) -> Record {
    let mut figures: Record = Vec::new();
    for one in record.iter().filter(|f| f.name.starts_with("train/")) {
        let Some(stem) = one.name.strip_suffix("/1-thread") else { continue };
        if let Some(two) = record.iter().find(|f| f.name == format!("{stem}/2-threads")) {
            figures.push(Figure::derived(format!("{stem}/two-cores-over-one"), two.value / one.value, "x"));
        }
    }
    for family in ["scaling/train/length", "scaling/decode/length", "scaling/train/width", "scaling/decode/width"] {
        let points = fit::points(record, family);
        if points.len() > 2 {
            figures.push(Figure::derived(format!("{family}/exponent"), fit::power(&points).0, "exponent"));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_and_exponents_follow() {
        let mut record = vec![
            Figure::derived("train/x/f32/1-thread", 100.0, "tokens/s"),
            Figure::derived("train/x/f32/2-threads", 190.0, "tokens/s"),
        ];
        record.extend(
            [10, 20, 40].map(|n| Figure::derived(format!("scaling/train/length/{n}"), 3.0 * f64::from(n), "ms")),
        );
        let found = derived(&record);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].value), ("train/x/f32/two-cores-over-one", 1.9));
        assert!((found[1].value - 1.0).abs() < 1e-9, "{found:?}");
    }
}
