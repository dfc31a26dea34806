//! Time in ticks, as cheaply as it can be had: what reading the clock takes is outside every kernel.
//!
//! On x86-64 the processor counts ticks of equal length, whatever it does and on all cores alike, where it says so; reading the count takes
//! 10 ns, a third of what the system's clock takes. Elsewhere a tick is a nanosecond of the system's clock.

use std::sync::OnceLock;
use std::time::Instant;

/// Where a recording begins: the same moment by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    ticks: u64,
    instant: Instant,
}

impl Origin {
    pub fn now() -> Origin {
        Origin { ticks: ticks(), instant: Instant::now() }
    }

    /// How long a tick is, in nanoseconds, by what has passed since.
    pub fn tick(&self) -> f64 {
        if !has_counter() {
            return 1.0;
        }
        // A millisecond at least: reading both clocks is off by some 50 ns, a twenty-thousandth of that.
        while self.instant.elapsed().as_micros() < 1000 {
            std::hint::spin_loop();
        }
        let passed = ticks() - self.ticks;
        self.instant.elapsed().as_nanos() as f64 / passed as f64
    }

    /// Nanoseconds from here to there.
    pub fn nanoseconds_to(&self, ticks: u64, tick: f64) -> u64 {
        (ticks.saturating_sub(self.ticks) as f64 * tick).round() as u64
    }
}

/// Ticks since some moment in the past.
#[inline(always)]
pub(super) fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    if has_counter() {
        // SAFETY: reads a register that every x86-64 processor has.
        return unsafe { std::arch::x86_64::_rdtsc() };
    }
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Whether the processor's count goes on evenly: bit 8 of edx of leaf 8000_0007.
#[inline(always)]
fn has_counter() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        static IS_EVEN: OnceLock<bool> = OnceLock::new();
        *IS_EVEN.get_or_init(|| __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx >> 8 & 1 == 1)
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}
