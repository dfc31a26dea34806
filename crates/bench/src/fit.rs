//! How cost grows.

use crate::Record;

/// Sizes and values of the figures that are called `family`/size.
pub fn points(record: &Record, family: &str) -> Vec<(f64, f64)> {
    let size = |name: &str| name.strip_prefix(family)?.strip_prefix('/')?.parse().ok();
    record.iter().filter_map(|f| Some((size(&f.name)?, f.value))).collect()
}

/// The exponent b and the goodness R^2 of y = a x^b, by least squares of logarithms. Panics with fewer than two points, or values not
/// above 0.
pub fn power(points: &[(f64, f64)]) -> (f64, f64) {
    assert!(points.len() > 1, "a line needs two points");
    let logs: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / n, logs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: fn(f64, f64) -> f64| logs.iter().map(|p| f(p.0 - mx, p.1 - my)).sum::<f64>();
    let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
    assert!(xx > 0.0 && yy.is_finite(), "points above 0 at different places");
    (xy / xx, if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_is_found() {
        let points: Vec<(f64, f64)> = [1.0, 2.0, 5.0, 9.0].iter().map(|&x: &f64| (x, 3.0 * x.powf(1.5))).collect();
        let (exponent, goodness) = power(&points);
        assert!((exponent - 1.5).abs() < 1e-12 && (goodness - 1.0).abs() < 1e-12, "{exponent} {goodness}");
        let (_, goodness) = power(&[(1.0, 1.0), (2.0, 5.0), (3.0, 1.0)]);
        assert!(goodness < 0.5, "{goodness}");
    }
}
