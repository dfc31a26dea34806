//! Rows that end within a vector, and rows turned into columns.

use pulp::{MemMask, Simd};

/// The first `n` lanes, for masked loads and stores that compile to one instruction.
///
/// pulp's own partial loads jump through a table; a mask without the table's entry does not.
#[inline(always)]
pub(crate) fn first_lanes<S: Simd>(simd: S, n: usize) -> MemMask<S::m32s> {
    MemMask::new(simd.mask_between_m32s(0, n as u32).mask())
}

/// Vectors that `n` values take.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(n: usize) -> usize {
    n.div_ceil(S::F32_LANES)
}

/// A vector of x, which is shorter than one or as long, with zeros in the lanes beyond.
#[inline(always)]
pub(crate) fn load_first<S: Simd>(simd: S, x: &[f32]) -> S::f32s {
    debug_assert!(x.len() <= S::F32_LANES);
    // SAFETY: lanes from x.len() on are masked off, and nothing is read for them.
    unsafe { simd.mask_load_ptr_f32s(first_lanes(simd, x.len()), x.as_ptr()) }
}

/// The lanes of `value` that x, shorter than a vector or as long, has room for.
#[inline(always)]
pub(crate) fn store_first<S: Simd>(simd: S, x: &mut [f32], value: S::f32s) {
    debug_assert!(x.len() <= S::F32_LANES);
    // SAFETY: lanes from x.len() on are masked off, and nothing is written for them.
    unsafe { simd.mask_store_ptr_f32s(first_lanes(simd, x.len()), x.as_mut_ptr(), value) }
}

/// to[c * stride + j] = row(j)[c] for c < width, j < count. Values up to the next multiple of 4 after `count` are overwritten too.
///
/// 4 x 4 values at a time: column by column the compiler makes scatters of it, each as slow as its 16 stores.
#[inline(always)]
pub(crate) fn transpose_rows<'a>(
    row: impl Fn(usize) -> &'a [f32],
    count: usize,
    width: usize,
    to: &mut [f32],
    stride: usize,
) {
    for j in (0..count).step_by(4) {
        // Beyond the last row, the last row again. (No `map`: the compiler leaves its closures outside the function of this tier.)
        let last = count - 1;
        let (a, b) = (&row(j)[..width], &row((j + 1).min(last))[..width]);
        let (c, d) = (&row((j + 2).min(last))[..width], &row((j + 3).min(last))[..width]);
        let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
        let ((c, c_tail), (d, d_tail)) = (c.as_chunks::<4>(), d.as_chunks::<4>());
        let mut at = j;
        for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
            let columns = transpose_4x4([*a, *b, *c, *d]);
            let to = &mut to[at..at + 3 * stride + 4];
            for (e, column) in columns.iter().enumerate() {
                to[e * stride..e * stride + 4].copy_from_slice(column);
            }
            at += 4 * stride;
        }
        for (((a, b), c), d) in a_tail.iter().zip(b_tail).zip(c_tail).zip(d_tail) {
            to[at..at + 4].copy_from_slice(&[*a, *b, *c, *d]);
            at += stride;
        }
    }
}

/// Rows as columns.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn transpose_4x4(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{__m128, _MM_TRANSPOSE4_PS};
    let [mut a, mut b, mut c, mut d]: [__m128; 4] = bytemuck::cast(rows);
    // SAFETY: SSE is part of x86-64.
    unsafe { _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d) };
    bytemuck::cast([a, b, c, d])
}

/// Rows as columns.
#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn transpose_4x4([a, b, c, d]: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]], [a[2], b[2], c[2], d[2]], [a[3], b[3], c[3], d[3]]]
}
