//! ReLU and gated linear units.

use super::Real;

/// max(0, x).
pub fn relu<T: Real>(x: &[T]) -> Vec<T> {
    x.iter().map(|&x| x.max(T::ZERO)).collect()
}

/// Gradient of [`relu`] from its result and the gradient of that.
pub fn relu_backward<T: Real>(y: &[T], dy: &[T]) -> Vec<T> {
    y.iter().zip(dy).map(|(&y, &dy)| if y > T::ZERO { dy } else { T::ZERO }).collect()
}

/// x: `[rows, 2 channels]` -> first half x sigmoid(second half). Dauphin et al. 2017.
pub fn glu<T: Real>(x: &[T], channels: usize) -> Vec<T> {
    let row = |x: &[T]| (0..channels).map(|c| x[c] * sigmoid(x[channels + c])).collect::<Vec<T>>();
    x.chunks(2 * channels).flat_map(row).collect()
}

/// Gradient of [`glu`] from x and dy.
pub fn glu_backward<T: Real>(x: &[T], dy: &[T], channels: usize) -> Vec<T> {
    let mut dx = vec![T::ZERO; x.len()];
    for ((x, dx), dy) in x.chunks(2 * channels).zip(dx.chunks_mut(2 * channels)).zip(dy.chunks(channels)) {
        for c in 0..channels {
            let gate = sigmoid(x[channels + c]);
            dx[c] = dy[c] * gate;
            dx[channels + c] = dy[c] * x[c] * gate * (T::ONE - gate);
        }
    }
    dx
}

fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}
