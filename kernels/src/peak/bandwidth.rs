//! How fast data that lies in a cache, or in memory, can be read.

use crate::Isa;
use pulp::{Simd, WithSimd};
use std::hint::black_box;
use std::time::Instant;

/// Vectors in flight: a load each, all independent.
const STREAMS: usize = 8;
/// Bytes that a cache moves together, and those of the widest vector.
const LINE: usize = 64;
/// Bytes read in one timing at least: some hundred microseconds out of a first-level cache.
const BYTES: usize = 16 << 20;
/// Timings of which the best counts.
const TIMINGS: usize = 20;

/// Data of one size, read from end to end again and again.
pub struct Reader {
    data: Vec<u32>,
    /// Values before the first that starts a line: a load across two lines is two.
    first: usize,
    passes: usize,
}

impl Reader {
    /// `bytes` of data, touched, so that it lies wherever data of that size stays.
    pub fn new(bytes: usize) -> Reader {
        let unit = LINE * STREAMS;
        let bytes = (bytes / unit).max(1) * unit;
        let data: Vec<u32> = (0..((bytes + LINE) / 4) as u32).collect();
        let first = data.as_ptr().align_offset(LINE);
        Reader { data, first, passes: (BYTES / bytes).max(1) }
    }

    fn lines(&self) -> &[u32] {
        &self.data[self.first..][..self.data.len() - LINE / 4]
    }

    /// 10^9 bytes a second of one timing on this core.
    pub fn read(&self, isa: Isa) -> f64 {
        let start = Instant::now();
        for _ in 0..self.passes {
            black_box(isa.vectorize(Pass(black_box(self.lines()))));
        }
        (4 * self.lines().len() * self.passes) as f64 / start.elapsed().as_secs_f64() / 1e9
    }
}

/// Bytes that this core reads a second out of `bytes` of data read over and over, in 10^9.
pub fn read_bandwidth(isa: Isa, bytes: usize) -> f64 {
    let reader = Reader::new(bytes);
    (0..TIMINGS).map(|_| reader.read(isa)).fold(0.0, f64::max)
}

/// The or of all values: of the operations on a load, one that never is the bound.
struct Pass<'a>(&'a [u32]);

impl WithSimd for Pass<'_> {
    type Output = u32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u32 {
        let (vectors, _) = S::as_simd_u32s(self.0);
        let mut acc = [simd.splat_u32s(0); STREAMS];
        for chunk in vectors.as_chunks::<STREAMS>().0 {
            for (acc, x) in acc.iter_mut().zip(chunk) {
                *acc = simd.or_u32s(*acc, *x);
            }
        }
        acc.iter().fold(0, |all, &x| all | bytemuck::cast_slice::<S::u32s, u32>(&[x])[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;

    #[test]
    fn every_value_is_read() {
        for isa in Isa::available() {
            let lanes = match isa.tier() {
                Tier::Scalar => 1,
                Tier::Avx2 => 8,
                Tier::Avx512 | Tier::Amx => 16,
            };
            let mut data = vec![0; 1 << 10];
            for i in 0..data.len() {
                data[i] = 1 << (i % 32);
                // The first lane is what comes back.
                let want = if i % lanes == 0 { data[i] } else { 0 };
                assert_eq!(isa.vectorize(Pass(&data)), want, "{isa:?} {i}");
                data[i] = 0;
            }
        }
    }
}
