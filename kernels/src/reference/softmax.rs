//! Softmax of rows, and its logarithm.

use super::Real;

/// e^x / sum of e^x, row by row.
pub fn softmax_rows<T: Real>(x: &[T], columns: usize) -> Vec<T> {
    log_softmax_rows(x, columns).into_iter().map(Real::exp).collect()
}

/// Gradient of [`softmax_rows`] from its result and the gradient of that: y (dy - sum of dy y).
pub fn softmax_rows_backward<T: Real>(y: &[T], dy: &[T], columns: usize) -> Vec<T> {
    let mut dx = Vec::with_capacity(y.len());
    for (y, dy) in y.chunks(columns).zip(dy.chunks(columns)) {
        let dot: T = y.iter().zip(dy).map(|(&y, &dy)| y * dy).sum();
        dx.extend(y.iter().zip(dy).map(|(&y, &dy)| y * (dy - dot)));
    }
    dx
}

/// x - log sum exp(x), row by row.
pub fn log_softmax_rows<T: Real>(x: &[T], columns: usize) -> Vec<T> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(columns) {
        let max = row.iter().fold(T::NEG_INFINITY, |m, &x| m.max(x));
        let log_sum = row.iter().map(|&x| (x - max).exp()).sum::<T>().ln() + max;
        y.extend(row.iter().map(|&x| x - log_sum));
    }
    y
}
