//! What binds a kernel: a peak of this machine, measured right beside it.

use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_kernels::peak::{Reader, bf16_gflops, fma_gflops, int8_gops};
use std::collections::HashMap;

/// Work that cannot be done faster than some peak. The roof of a case is the slowest of its bounds.
pub enum Bound {
    /// So many multiply-adds of operands of a type, at the peak of its instructions.
    MultiplyAdds(Precision, f64),
    /// So many bytes, out of whatever cache holds data of `within` bytes.
    Bytes {
        /// Size of the data.
        within: usize,
        /// Bytes read or written.
        moved: f64,
    },
    /// What another kernel takes, in seconds, timed on its own: an exponential, a generator of random numbers, a plain product.
    Own(Box<dyn FnMut() -> f64>),
}

/// Peaks of this machine.
pub struct Roofs {
    isa: Isa,
    readers: HashMap<usize, Reader>,
}

/// Readings of a cache, the best of which counts.
const READINGS: usize = 4;

impl Roofs {
    /// Of this instruction set.
    pub fn new(isa: Isa) -> Roofs {
        Roofs { isa, readers: HashMap::new() }
    }

    /// Seconds that the slowest bound takes at least on so many cores, measured now on one. 0 without bounds.
    pub fn seconds(&mut self, bounds: &mut [Bound], threads: usize) -> f64 {
        bounds.iter_mut().map(|b| self.seconds_of(b)).fold(0.0, f64::max) / threads as f64
    }

    fn seconds_of(&mut self, bound: &mut Bound) -> f64 {
        match bound {
            Bound::MultiplyAdds(precision, n) => 2.0 * *n / (1e9 * self.peak(*precision)),
            Bound::Bytes { within, moved } => {
                let reader = self.readers.entry(*within).or_insert_with(|| Reader::new(*within));
                let best = (0..READINGS).map(|_| reader.read(self.isa)).fold(0.0, f64::max);
                *moved / (1e9 * best)
            }
            Bound::Own(seconds) => seconds(),
        }
    }

    /// 10^9 operations a second; without instructions for a type, what f32 does.
    fn peak(&self, precision: Precision) -> f64 {
        match precision {
            Precision::Bf16 if self.isa.has_bf16() => bf16_gflops(self.isa),
            Precision::Int8 if self.isa.has_vnni() => int8_gops(self.isa),
            _ => fma_gflops(self.isa),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_bound_is_the_roof_and_threads_share_it() {
        let own = |s: f64| Bound::Own(Box::new(move || s));
        let mut roofs = Roofs::new(Isa::best());
        assert_eq!(roofs.seconds(&mut [own(1.0), own(3.0), own(2.0)], 2), 1.5);
        assert_eq!(roofs.seconds(&mut [], 1), 0.0);
    }

    #[test]
    fn more_work_takes_longer() {
        let mut roofs = Roofs::new(Isa::best());
        for precision in Precision::ALL {
            let [few, many] = [1e6, 1e9].map(|n| roofs.seconds(&mut [Bound::MultiplyAdds(precision, n)], 1));
            assert!(0.0 < few && few < many, "{precision}: {few} {many}");
        }
        let [few, many] = [1e6, 1e9].map(|moved| roofs.seconds(&mut [Bound::Bytes { within: 1 << 16, moved }], 1));
        assert!(0.0 < few && few < many, "{few} {many}");
    }
}
