//! Masks: the generator against its published answers, every mask value against the oracle, and what is promised of rates and keys.

mod common;

use common::values;
use lsra_kernels::dropout::{DropoutKey, dropout, keep_scale, mask_into};
use lsra_kernels::reference::dropout as oracle;
use lsra_kernels::{Isa, RowsMut};
use proptest::prelude::*;

/// The answers that Random123 1.09 ships for philox4x32-10.
#[test]
fn philox_gives_its_authors_answers() {
    let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    for (key, counter, words) in [
        ([0; 2], [0; 4], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 2], [u32::MAX; 4], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        ([0xa409_3822, 0x299f_31d0], pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
    ] {
        assert_eq!(oracle::philox(key, counter), words, "{key:x?} {counter:x?}");
    }
}

fn mask(isa: Isa, key: DropoutKey, p: f32, start: u64, n: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; n];
    mask_into(isa, key, p, start, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn masks_are_the_oracles(
        key: [u32; 2],
        counter: [u32; 2],
        p in 0.0f32..1.0,
        // Also about 2^35, where the block's number no longer fits one word of the counter.
        start in prop_oneof![0u64..1000, (1u64 << 35) - 300..(1 << 35) + 300],
        n in 0usize..500,
    ) {
        let key = DropoutKey { key, counter };
        let want: Vec<f32> = (0..n as u64).map(|i| oracle::mask(key, p, start + i)).collect();
        for isa in Isa::available() {
            prop_assert_eq!(&mask(isa, key, p, start, n), &want);
        }
    }

    #[test]
    fn dropping_is_multiplying_by_each_sequences_mask(
        lengths in prop::collection::vec(0usize..9, 1..5),
        channels in 1usize..70,
        gap in 0usize..4,
        p in prop_oneof![Just(0.0f32), 0.0f32..1.0],
        seed: u64,
    ) {
        let offsets = common::offsets(&lengths);
        let (rows, stride) = (offsets[lengths.len()], channels + gap);
        let keys: Vec<DropoutKey> = (0..lengths.len()).map(|s| DropoutKey::new(seed, 7, 3, s as u64)).collect();
        let x = values(rows * stride, seed);
        let mut want = x.clone();
        for (key, range) in keys.iter().zip(offsets.windows(2)) {
            for t in range[0]..range[1] {
                for c in 0..channels {
                    want[t * stride + c] *= oracle::mask::<f32>(*key, p, ((t - range[0]) * channels + c) as u64);
                }
            }
        }
        for isa in Isa::available() {
            let mut y = x.clone();
            dropout(isa, p, &keys, &offsets, RowsMut::strided(&mut y, rows, channels, stride));
            prop_assert_eq!(&y, &want);
        }
    }
}

/// Of n elements, n p are dropped, give or take six standard deviations; and what is kept makes up for it.
#[test]
fn rates_are_kept() {
    let n = 1 << 18;
    for p in [0.05f32, 0.1, 0.3, 0.5, 0.9] {
        let dropped = mask(Isa::SCALAR, DropoutKey::new(1, 2, 3, 4), p, 0, n).iter().filter(|&&m| m == 0.0).count();
        let (mean, deviation) = (n as f64 * f64::from(p), (n as f64 * f64::from(p * (1.0 - p))).sqrt());
        assert!((dropped as f64 - mean).abs() < 6.0 * deviation, "{dropped} of {n} at rate {p}");
        assert!((f64::from(keep_scale(p)) * (1.0 - f64::from(p)) - 1.0).abs() < 1e-4 / f64::from(1.0 - p), "{p}");
    }
    assert!(mask(Isa::SCALAR, DropoutKey::new(1, 2, 3, 4), 0.0, 0, 1000).iter().all(|&m| m == 1.0));
}

/// Masks under keys that differ in one part agree as often as chance has it.
#[test]
fn keys_that_differ_in_anything_have_masks_of_their_own() {
    let keys = [
        DropoutKey::new(1, 2, 3, 4),
        DropoutKey::new(2, 2, 3, 4),
        DropoutKey::new(1, 3, 3, 4),
        DropoutKey::new(1, 2, 4, 4),
        DropoutKey::new(1, 2, 3, 5),
        DropoutKey::new(1, 2, 3, 4 | 1 << 32),
    ];
    let n = 1 << 14;
    let masks: Vec<Vec<f32>> = keys.iter().map(|&k| mask(Isa::SCALAR, k, 0.5, 0, n)).collect();
    for (i, a) in masks.iter().enumerate() {
        for b in &masks[..i] {
            let agree = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
            assert!((agree - n as f64 / 2.0).abs() < 6.0 * (n as f64 / 4.0).sqrt(), "{agree} of {n} agree");
        }
    }
}
