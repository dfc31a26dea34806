//! Linear layers: y = x W' + b.

use super::Real;

/// x: `[rows, inputs]`, w: `[outputs, inputs]`, bias: `[outputs]`. Returns y: `[rows, outputs]`.
pub fn linear<T: Real>(x: &[T], w: &[T], bias: Option<&[T]>, inputs: usize) -> Vec<T> {
    let outputs = w.len() / inputs;
    let mut y = Vec::with_capacity(x.len() / inputs * outputs);
    for x in x.chunks(inputs) {
        for (o, w) in w.chunks(inputs).enumerate() {
            let product: T = x.iter().zip(w).map(|(&x, &w)| x * w).sum();
            y.push(product + bias.map_or(T::ZERO, |b| b[o]));
        }
    }
    y
}

/// Gradients (dx, dw, dbias) of [`linear`] from dy.
pub fn linear_backward<T: Real>(x: &[T], w: &[T], dy: &[T], inputs: usize) -> (Vec<T>, Vec<T>, Vec<T>) {
    let outputs = w.len() / inputs;
    let (mut dx, mut dw, mut db) = (vec![T::ZERO; x.len()], vec![T::ZERO; w.len()], vec![T::ZERO; outputs]);
    for ((x, dx), dy) in x.chunks(inputs).zip(dx.chunks_mut(inputs)).zip(dy.chunks(outputs)) {
        for (o, &d) in dy.iter().enumerate() {
            db[o] += d;
            for i in 0..inputs {
                dx[i] += d * w[o * inputs + i];
                dw[o * inputs + i] += d * x[i];
            }
        }
    }
    (dx, dw, db)
}
