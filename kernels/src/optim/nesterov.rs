//! Nesterov's accelerated gradient, as fairseq computes it. Sutskever et al. 2013; Bengio et al. 2013.

use crate::{Isa, trace};
use pulp::{Simd, WithSimd};

/// What one update depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NesterovStep {
    /// Learning rate of this update.
    pub lr: f64,
    /// Learning rate of the update before (of this one, at the first).
    pub last_lr: f64,
    /// Decay of the velocity.
    pub momentum: f64,
    /// p is multiplied by 1 - lr x weight_decay first.
    pub weight_decay: f64,
}

/// With c = lr / last_lr: p = p (1 - lr wd) + mu^2 c velocity - (1 + mu) lr g'; velocity = mu c velocity - lr g', g' = g x grad_scale.
pub fn nesterov(isa: Isa, s: &NesterovStep, grad_scale: f32, p: &mut [f32], g: &[f32], velocity: &mut [f32]) {
    let _span = trace::kernel("nesterov", [p.len()]);
    assert_eq!([g.len(), velocity.len()], [p.len(); 2], "values of g and of the velocity");
    let correction = if s.last_lr > 0.0 { s.lr / s.last_lr } else { s.lr };
    let c = Constants {
        decay: (1.0 - s.lr * s.weight_decay) as f32,
        ahead: (s.momentum * s.momentum * correction) as f32,
        keep: (s.momentum * correction) as f32,
        step: (-(1.0 + s.momentum) * s.lr) as f32,
        lr: -s.lr as f32,
        grad_scale,
    };
    isa.vectorize(Nesterov { c, p, g, velocity });
}

#[derive(Clone, Copy)]
struct Constants {
    decay: f32,
    ahead: f32,
    keep: f32,
    step: f32,
    lr: f32,
    grad_scale: f32,
}

struct Nesterov<'a> {
    c: Constants,
    p: &'a mut [f32],
    g: &'a [f32],
    velocity: &'a mut [f32],
}

impl WithSimd for Nesterov<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let c = self.c;
        let (p, p_tail) = S::as_mut_simd_f32s(self.p);
        let (g, g_tail) = S::as_simd_f32s(self.g);
        let (u, u_tail) = S::as_mut_simd_f32s(self.velocity);
        for i in 0..p.len() {
            (p[i], u[i]) = update(simd, c, p[i], g[i], u[i]);
        }
        if !p_tail.is_empty() {
            let load = |x: &[f32]| simd.partial_load_f32s(x);
            let (p, u) = update(simd, c, load(p_tail), load(g_tail), load(u_tail));
            simd.partial_store_f32s(p_tail, p);
            simd.partial_store_f32s(u_tail, u);
        }
    }
}

#[inline(always)]
fn update<S: Simd>(simd: S, c: Constants, p: S::f32s, g: S::f32s, u: S::f32s) -> (S::f32s, S::f32s) {
    let g = simd.mul_f32s(g, simd.splat_f32s(c.grad_scale));
    let decayed = simd.mul_f32s(p, simd.splat_f32s(c.decay));
    let ahead = simd.mul_add_e_f32s(u, simd.splat_f32s(c.ahead), decayed);
    let p = simd.mul_add_e_f32s(g, simd.splat_f32s(c.step), ahead);
    let u = simd.mul_add_e_f32s(g, simd.splat_f32s(c.lr), simd.mul_f32s(u, simd.splat_f32s(c.keep)));
    (p, u)
}
