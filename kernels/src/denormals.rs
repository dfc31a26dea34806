//! Subnormal numbers cost a hundred cycles each and carry nothing here: worker threads flush them to zero.

/// While it lives, this thread flushes subnormal results and operands to zero, where the processor can. Dropping it restores what was.
#[derive(Debug)]
#[must_use = "subnormal numbers are flushed while the guard lives"]
pub struct FlushDenormals {
    #[cfg(target_arch = "x86_64")]
    before: u32,
    /// The setting is a thread's own: the guard stays on it.
    _not_send: std::marker::PhantomData<*const ()>,
}

/// Flush-to-zero and denormals-are-zero of the SSE control register, which governs every tier on x86-64.
#[cfg(target_arch = "x86_64")]
const FLUSH: u32 = 1 << 15 | 1 << 6;

/// Flushes subnormal numbers on this thread until the guard is dropped.
pub fn flush_denormals() -> FlushDenormals {
    #[cfg(target_arch = "x86_64")]
    {
        let before = control();
        set_control(before | FLUSH);
        FlushDenormals { before, _not_send: std::marker::PhantomData }
    }
    #[cfg(not(target_arch = "x86_64"))]
    FlushDenormals { _not_send: std::marker::PhantomData }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        set_control(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
fn control() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores the control register into a u32 of this frame.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut value, options(nostack, preserves_flags)) };
    value
}

#[cfg(target_arch = "x86_64")]
fn set_control(value: u32) {
    // SAFETY: loads the control register from a u32 of this frame; only the two flushing bits, and the flags of exceptions, differ from what the
    // processor gave. Rust promises nothing of arithmetic under other bits than its own; what kernels rely on is that it rounds as before and
    // has zero for what is subnormal, which the processor says.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &value, options(nostack)) };
}
