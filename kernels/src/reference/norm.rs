//! Layer norm: y = (x - mean) / sqrt(variance + eps) gamma + beta, row by row. Ba et al. 2016.

use super::Real;

/// x: `[rows, channels]`; gamma and beta: `[channels]`. Returns y, as x.
pub fn norm<T: Real>(x: &[T], gamma: &[T], beta: &[T], eps: f32) -> Vec<T> {
    let mut y = Vec::with_capacity(x.len());
    for x in x.chunks(gamma.len()) {
        let (normed, _) = normalise(x, eps);
        y.extend(normed.iter().zip(gamma).zip(beta).map(|((&n, &g), &b)| n * g + b));
    }
    y
}

/// Gradients (dx, dgamma, dbeta) of [`norm`] from x and dy.
pub fn norm_backward<T: Real>(x: &[T], gamma: &[T], eps: f32, dy: &[T]) -> (Vec<T>, Vec<T>, Vec<T>) {
    let channels = gamma.len();
    let (mut dx, mut dgamma, mut dbeta) =
        (Vec::with_capacity(x.len()), vec![T::ZERO; channels], vec![T::ZERO; channels]);
    for (x, dy) in x.chunks(channels).zip(dy.chunks(channels)) {
        let (normed, scale) = normalise(x, eps);
        let dnormed: Vec<T> = dy.iter().zip(gamma).map(|(&d, &g)| d * g).collect();
        let mean_d = mean(&dnormed);
        let mean_dn = mean(&dnormed.iter().zip(&normed).map(|(&d, &n)| d * n).collect::<Vec<T>>());
        for c in 0..channels {
            dgamma[c] += dy[c] * normed[c];
            dbeta[c] += dy[c];
            dx.push(scale * (dnormed[c] - mean_d - normed[c] * mean_dn));
        }
    }
    (dx, dgamma, dbeta)
}

/// (x - mean) / sqrt(variance + eps), and the factor 1 / sqrt(variance + eps).
fn normalise<T: Real>(x: &[T], eps: f32) -> (Vec<T>, T) {
    let centre = mean(x);
    let centred: Vec<T> = x.iter().map(|&x| x - centre).collect();
    let variance = mean(&centred.iter().map(|&c| c * c).collect::<Vec<T>>());
    let scale = T::ONE / (variance + T::from_f64(eps.into())).sqrt();
    (centred.iter().map(|&c| c * scale).collect(), scale)
}

fn mean<T: Real>(x: &[T]) -> T {
    x.iter().copied().sum::<T>() / T::from_f64(x.len() as f64)
}
