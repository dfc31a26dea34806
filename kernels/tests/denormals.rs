//! Subnormal numbers: flushed while the guard lives, kept before and after, on this thread alone.

use lsra_kernels::denormals::flush_denormals;
use std::hint::black_box;

/// Half the smallest normal number, computed here and now.
fn half_of_smallest() -> f32 {
    black_box(f32::MIN_POSITIVE) * black_box(0.5)
}

#[test]
fn a_guard_flushes_while_it_lives() {
    let flushed = if cfg!(target_arch = "x86_64") { 0.0 } else { f32::MIN_POSITIVE / 2.0 };
    let subnormal = f32::from_bits(1 << 22);
    assert_eq!(half_of_smallest(), subnormal);
    {
        let _outer = flush_denormals();
        assert_eq!(half_of_smallest().to_bits(), f32::to_bits(flushed));
        assert_eq!((black_box(subnormal) * black_box(1e10)).to_bits(), f32::to_bits(flushed * 1e10), "operands too");
        drop(flush_denormals());
        assert_eq!(
            half_of_smallest().to_bits(),
            f32::to_bits(flushed),
            "the inner guard restores the outer one's setting"
        );
        std::thread::scope(|s| s.spawn(|| assert_eq!(half_of_smallest(), subnormal)).join())
            .expect("a thread of its own");
    }
    assert_eq!(half_of_smallest(), subnormal);
}
