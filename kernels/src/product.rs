//! Small matrix products within attention and convolution, on the tile of the matrix product.

use crate::gemm::micro::{Operands, multiply};
use pulp::Simd;

/// What a sum begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Zero.
    Zero,
    /// What the output holds.
    Output,
}

/// A factor read value by value: element (r, n) is `data[r * strides[0] + n * strides[1]]`.
#[derive(Clone, Copy)]
pub(crate) struct Scalars<'a> {
    pub data: &'a [f32],
    pub strides: [usize; 2],
}

/// A factor read by vectors, or the output: row n starts at `n * stride` and holds whole vectors.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<T> {
    pub data: T,
    pub stride: usize,
}

/// out[r, v] = begin + sum over n < steps of a[r, n] b[n, v], n ascending, for R rows and `width` vectors. Panics where an operand ends
/// before its last element.
#[inline(always)]
pub(crate) fn product<S: Simd, const R: usize>(
    simd: S,
    a: Scalars<'_>,
    b: Vectors<&[f32]>,
    steps: usize,
    width: usize,
    out: Vectors<&mut [f32]>,
    begin: Begin,
) {
    let lanes = S::F32_LANES;
    let last = steps.saturating_sub(1);
    let scalars = (R - 1).checked_mul(a.strides[0]).zip(last.checked_mul(a.strides[1]));
    let ends = scalars.and_then(|(row, step)| row.checked_add(step)).is_some_and(|end| end < a.data.len());
    assert!(steps == 0 || ends, "the scalars end early");
    assert!(steps == 0 || b.data.len() >= last * b.stride + width * lanes, "the vectors end early");
    assert!(out.data.len() >= (R - 1) * out.stride + width * lanes, "the output ends early");
    let mut v = 0;
    while v < width {
        let wide = width - v >= 2;
        let o = Operands {
            a: a.data.as_ptr(),
            a_row: a.strides[0],
            a_k: a.strides[1],
            b: b.data.as_ptr().wrapping_add(v * lanes),
            b_k: b.stride,
            b_panel: 0,
            k: steps,
        };
        let out = Vectors { data: &mut out.data[v * lanes..], stride: out.stride };
        // SAFETY: as asserted, a holds R rows and `steps` steps, b `steps` rows of `width` vectors; vectors v and, where wide, v + 1
        // are among those.
        unsafe {
            if wide {
                tile::<S, R, 2>(simd, o, out, begin);
            } else {
                tile::<S, R, 1>(simd, o, out, begin);
            }
        }
        v += 2;
    }
}

/// # Safety
/// As [`multiply`].
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const V: usize>(simd: S, o: Operands, out: Vectors<&mut [f32]>, begin: Begin) {
    let mut acc = [[simd.splat_f32s(0.0); V]; R];
    if begin == Begin::Output {
        for (r, acc) in acc.iter_mut().enumerate() {
            let row = S::as_simd_f32s(&out.data[r * out.stride..][..V * S::F32_LANES]).0;
            acc.copy_from_slice(row);
        }
    }
    // SAFETY: the caller's.
    unsafe { multiply::<S, R, V>(simd, o, &mut acc) };
    for (r, acc) in acc.iter().enumerate() {
        let row = S::as_mut_simd_f32s(&mut out.data[r * out.stride..][..V * S::F32_LANES]).0;
        row.copy_from_slice(acc);
    }
}
