//! One step of each optimiser against its oracle, on every tier. Whole trajectories are held to the original's elsewhere.

mod common;

use common::{assert_within, values};
use lsra_kernels::Isa;
use lsra_kernels::optim::{AdamStep, NesterovStep, adam, nesterov};
use lsra_kernels::reference::optim as oracle;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adam_is_the_oracles(
        n in 0usize..150,
        lr in 1e-7f64..1e-2,
        beta2 in prop_oneof![Just(0.98f64), Just(0.999)],
        weight_decay in prop_oneof![Just(0.0f64), 0.0..0.1],
        step in prop_oneof![1u64..20, 1000u64..100_000],
        grad_scale in 1e-4f32..2.0,
        seed: u64,
    ) {
        let s = AdamStep { lr, beta1: 0.9, beta2, eps: 1e-8, weight_decay, step };
        let (p, g, m) = (values(n, seed), values(n, seed ^ 1), values(n, seed ^ 2));
        let v: Vec<f32> = values(n, seed ^ 3).iter().map(|x| x * x).collect();
        let at = |i: usize| [p[i], g[i], m[i], v[i]].map(f64::from);
        let want: Vec<[f64; 3]> = (0..n).map(|i| oracle::adam(&s, grad_scale, at(i))).collect();
        // The same step with nothing cancelling: a parameter below 0 and a mean and a gradient above.
        let scale: Vec<[f64; 3]> = (0..n).map(|i| {
            let [p, g, m, v] = at(i).map(f64::abs);
            oracle::adam(&s, grad_scale, [-p, g, m, v]).map(f64::abs)
        }).collect();
        for isa in Isa::available() {
            let (mut got_p, mut got_m, mut got_v) = (p.clone(), m.clone(), v.clone());
            adam(isa, &s, grad_scale, &mut got_p, &g, &mut got_m, &mut got_v);
            for (which, got) in [got_p, got_m, got_v].iter().enumerate() {
                let [want, scale] = [&want, &scale].map(|x| x.iter().map(|x| x[which]).collect::<Vec<f64>>());
                assert_within(&format!("{isa:?} {}", ["p", "m", "v"][which]), got, &want, &scale, 12);
            }
        }
    }

    #[test]
    fn nesterov_is_the_oracles(
        n in 0usize..150,
        lr in 1e-7f64..1.0,
        last_lr in prop_oneof![Just(0.0f64), 1e-7f64..1.0],
        momentum in 0.5f64..0.999,
        weight_decay in prop_oneof![Just(0.0f64), 0.0..0.1],
        grad_scale in 1e-4f32..2.0,
        seed: u64,
    ) {
        let s = NesterovStep { lr, last_lr, momentum, weight_decay };
        let (p, g, velocity) = (values(n, seed), values(n, seed ^ 1), values(n, seed ^ 2));
        let at = |i: usize| [p[i], g[i], velocity[i]].map(f64::from);
        let want: Vec<[f64; 2]> = (0..n).map(|i| oracle::nesterov(&s, grad_scale, at(i))).collect();
        let scale: Vec<[f64; 2]> = (0..n).map(|i| {
            let [p, g, velocity] = at(i).map(f64::abs);
            oracle::nesterov(&s, grad_scale, [p, -g, velocity])
        }).collect();
        for isa in Isa::available() {
            let (mut got_p, mut got_velocity) = (p.clone(), velocity.clone());
            nesterov(isa, &s, grad_scale, &mut got_p, &g, &mut got_velocity);
            for (which, got) in [got_p, got_velocity].iter().enumerate() {
                let [want, scale] = [&want, &scale].map(|x| x.iter().map(|x| x[which]).collect::<Vec<f64>>());
                assert_within(&format!("{isa:?} {}", ["p", "velocity"][which]), got, &want, &scale, 12);
            }
        }
    }

    /// A value's step does not depend on where in the parameter it stands, nor on how many stand beside it.
    #[test]
    fn a_values_bits_do_not_depend_on_its_place(n in 1usize..70, seed: u64) {
        let s = AdamStep { lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 1e-4, step: 3 };
        let (p, g, m) = (values(n, seed), values(n, seed ^ 1), values(n, seed ^ 2));
        let v: Vec<f32> = values(n, seed ^ 3).iter().map(|x| x * x).collect();
        for isa in Isa::available() {
            let mut all = [p.clone(), m.clone(), v.clone()];
            let [all_p, all_m, all_v] = &mut all;
            adam(isa, &s, 0.5, all_p, &g, all_m, all_v);
            for i in 0..n {
                let (mut one_p, mut one_m, mut one_v) = ([p[i]], [m[i]], [v[i]]);
                adam(isa, &s, 0.5, &mut one_p, &[g[i]], &mut one_m, &mut one_v);
                prop_assert_eq!([one_p[0], one_m[0], one_v[0]], [all[0][i], all[1][i], all[2][i]]);
            }
        }
    }
}
