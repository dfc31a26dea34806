//! Optimiser steps, a parameter's values one by one.

use super::Real;
use crate::optim::{AdamStep, NesterovStep};

/// Parameter, mean of gradients, mean of squared gradients after one step. Kingma and Ba 2015, section 2, in the order of the last lines
/// there ("efficiency"), with decoupled weight decay.
pub fn adam<T: Real>(s: &AdamStep, grad_scale: f32, [p, g, m, v]: [T; 4]) -> [T; 3] {
    let [lr, beta1, beta2, eps, decay] = [s.lr, s.beta1, s.beta2, s.eps, s.weight_decay].map(T::from_f64);
    let power = |b: f64| T::from_f64(1.0 - b.powi(s.step as i32));
    let g = g * T::from_f64(grad_scale.into());
    let m = beta1 * m + (T::ONE - beta1) * g;
    let v = beta2 * v + (T::ONE - beta2) * g * g;
    let lr_t = lr * power(s.beta2).sqrt() / power(s.beta1);
    [p - lr * decay * p - lr_t * m / (v.sqrt() + eps), m, v]
}

/// Parameter and velocity after one step: the look-ahead form of Bengio et al. 2013, equation 7, the velocity in the units of the step before.
pub fn nesterov<T: Real>(s: &NesterovStep, grad_scale: f32, [p, g, velocity]: [T; 3]) -> [T; 2] {
    let [lr, momentum, decay] = [s.lr, s.momentum, s.weight_decay].map(T::from_f64);
    let correction = if s.last_lr > 0.0 { lr / T::from_f64(s.last_lr) } else { lr };
    let step = lr * g * T::from_f64(grad_scale.into());
    let kept = momentum * correction * velocity;
    [p - lr * decay * p + momentum * kept - (T::ONE + momentum) * step, kept - step]
}
