//! Adam with decoupled weight decay. Kingma and Ba 2015; Loshchilov and Hutter 2019; as fairseq computes it.

use crate::{Isa, trace};
use pulp::{Simd, WithSimd};

/// What one update of Adam depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate of this update.
    pub lr: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added outside the root.
    pub eps: f64,
    /// p -= lr x weight_decay x p comes first.
    pub weight_decay: f64,
    /// Counts from 1.
    pub step: u64,
}

/// g' = g x grad_scale; m = b1 m + (1 - b1) g'; v = b2 v + (1 - b2) g'^2; p -= lr wd p;
/// p -= lr sqrt(1 - b2^t) / (1 - b1^t) x m / (sqrt(v) + eps). All: as many values as the parameter has.
pub fn adam(isa: Isa, s: &AdamStep, grad_scale: f32, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let _span = trace::kernel("adam", [p.len()]);
    assert_eq!([g.len(), m.len(), v.len()], [p.len(); 3], "values of g, m and v");
    let correction = (1.0 - s.beta2.powi(s.step as i32)).sqrt() / (1.0 - s.beta1.powi(s.step as i32));
    let c = Constants {
        grad_scale,
        beta1: s.beta1 as f32,
        rest1: (1.0 - s.beta1) as f32,
        beta2: s.beta2 as f32,
        rest2: (1.0 - s.beta2) as f32,
        decay: (1.0 - s.lr * s.weight_decay) as f32,
        size: (s.lr * correction) as f32,
        eps: s.eps as f32,
    };
    isa.vectorize(Adam { c, p, g, m, v });
}

#[derive(Clone, Copy)]
struct Constants {
    grad_scale: f32,
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    decay: f32,
    size: f32,
    eps: f32,
}

struct Adam<'a> {
    c: Constants,
    p: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl WithSimd for Adam<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let c = self.c;
        let (p, p_tail) = S::as_mut_simd_f32s(self.p);
        let (g, g_tail) = S::as_simd_f32s(self.g);
        let (m, m_tail) = S::as_mut_simd_f32s(self.m);
        let (v, v_tail) = S::as_mut_simd_f32s(self.v);
        for i in 0..p.len() {
            (p[i], m[i], v[i]) = update(simd, c, p[i], g[i], m[i], v[i]);
        }
        if !p_tail.is_empty() {
            let load = |x: &[f32]| simd.partial_load_f32s(x);
            let (p, m, v) = update(simd, c, load(p_tail), load(g_tail), load(m_tail), load(v_tail));
            simd.partial_store_f32s(p_tail, p);
            simd.partial_store_f32s(m_tail, m);
            simd.partial_store_f32s(v_tail, v);
        }
    }
}

#[inline(always)]
fn update<S: Simd>(
    simd: S,
    c: Constants,
    p: S::f32s,
    g: S::f32s,
    m: S::f32s,
    v: S::f32s,
) -> (S::f32s, S::f32s, S::f32s) {
    let g = simd.mul_f32s(g, simd.splat_f32s(c.grad_scale));
    let m = simd.mul_add_e_f32s(g, simd.splat_f32s(c.rest1), simd.mul_f32s(m, simd.splat_f32s(c.beta1)));
    let squared = simd.mul_f32s(g, g);
    let v = simd.mul_add_e_f32s(squared, simd.splat_f32s(c.rest2), simd.mul_f32s(v, simd.splat_f32s(c.beta2)));
    let denominator = simd.add_f32s(simd.sqrt_f32s(v), simd.splat_f32s(c.eps));
    let direction = simd.div_f32s(m, denominator);
    let decayed = simd.mul_f32s(p, simd.splat_f32s(c.decay));
    (simd.mul_add_e_f32s(direction, simd.splat_f32s(-c.size), decayed), m, v)
}
