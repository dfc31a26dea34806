//! What happens to a tile of outputs before its first multiply-add and after its last.

use super::micro::{NV, load, store};
use crate::{Rows, RowsMut};
use pulp::Simd;
use std::ops::Range;

/// What happens to an output after its last multiply-add, or before its first.
#[derive(Clone, Copy)]
pub enum Epilogue<'a> {
    /// c = a b.
    None,
    /// c = a b + bias, bias: `[n]`.
    Bias(&'a [f32]),
    /// c = max(0, a b + bias).
    BiasRelu(&'a [f32]),
    /// c = a b + bias + residual, residual: `[m, n]`.
    BiasResidual {
        /// `[n]`.
        bias: &'a [f32],
        /// `[m, n]`.
        residual: Rows<'a>,
    },
    /// c += a b: the accumulator starts from c; of bytes, whose sums are integers, c is added last.
    Accumulate,
}

/// acc = what c holds.
#[inline(always)]
pub(super) fn begin<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    acc: &mut [[S::f32s; V]; MR],
    c: &RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
) {
    for (r, acc) in acc.iter_mut().enumerate() {
        *acc = vectors(simd, &c.row(row + r)[columns.clone()]);
    }
}

/// Writes a tile of outputs, after what the epilogue adds.
///
/// The choice of the epilogue stands outside the loop over rows: within, it would cost a jump in each row and keep all accumulators in memory.
#[inline(always)]
pub(super) fn finish<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    acc: &[[S::f32s; V]; MR],
    c: &mut RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
    epilogue: Epilogue<'_>,
) {
    match epilogue {
        Epilogue::None | Epilogue::Accumulate => write(simd, acc, c, row, columns, Nothing),
        Epilogue::Bias(bias) => {
            let bias = vectors::<S, V>(simd, &bias[columns.clone()]);
            write(simd, acc, c, row, columns, Bias { bias });
        }
        Epilogue::BiasRelu(bias) => {
            let bias = vectors::<S, V>(simd, &bias[columns.clone()]);
            write(simd, acc, c, row, columns, Then(Bias { bias }, Relu));
        }
        Epilogue::BiasResidual { bias, residual } => {
            let bias = vectors::<S, V>(simd, &bias[columns.clone()]);
            write(simd, acc, c, row, columns.clone(), Then(Bias { bias }, Residual { residual, columns }));
        }
    }
}

/// The same where sums began from the bias.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn finish_biased<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    acc: &[[S::f32s; V]; MR],
    c: &mut RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
    epilogue: Epilogue<'_>,
) {
    match epilogue {
        Epilogue::None | Epilogue::Accumulate | Epilogue::Bias(_) => write(simd, acc, c, row, columns, Nothing),
        Epilogue::BiasRelu(_) => write(simd, acc, c, row, columns, Relu),
        Epilogue::BiasResidual { residual, .. } => {
            write(simd, acc, c, row, columns.clone(), Residual { residual, columns });
        }
    }
}

/// What is done to the sums of row r of c. A trait's method, not a closure, which would not be compiled for the tier.
trait Ending<S: Simd, const V: usize> {
    fn apply(&self, simd: S, r: usize, sums: [S::f32s; V]) -> [S::f32s; V];
}

struct Nothing;

impl<S: Simd, const V: usize> Ending<S, V> for Nothing {
    #[inline(always)]
    fn apply(&self, _simd: S, _r: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        sums
    }
}

struct Bias<B> {
    bias: B,
}

impl<S: Simd, const V: usize> Ending<S, V> for Bias<[S::f32s; V]> {
    #[inline(always)]
    fn apply(&self, simd: S, _r: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        std::array::from_fn(|v| simd.add_f32s(sums[v], self.bias[v]))
    }
}

struct Relu;

impl<S: Simd, const V: usize> Ending<S, V> for Relu {
    #[inline(always)]
    fn apply(&self, simd: S, _r: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        let zero = simd.splat_f32s(0.0);
        // A sum that is no number stays none, which a scalar maximum would not leave.
        std::array::from_fn(|v| simd.select_f32s(simd.less_than_f32s(sums[v], zero), zero, sums[v]))
    }
}

struct Residual<'a> {
    residual: Rows<'a>,
    columns: Range<usize>,
}

impl<S: Simd, const V: usize> Ending<S, V> for Residual<'_> {
    #[inline(always)]
    fn apply(&self, simd: S, r: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        let residual = vectors::<S, V>(simd, &self.residual.row(r)[self.columns.clone()]);
        std::array::from_fn(|v| simd.add_f32s(sums[v], residual[v]))
    }
}

/// One ending after another.
struct Then<A, B>(A, B);

impl<S: Simd, const V: usize, A: Ending<S, V>, B: Ending<S, V>> Ending<S, V> for Then<A, B> {
    #[inline(always)]
    fn apply(&self, simd: S, r: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        self.1.apply(simd, r, self.0.apply(simd, r, sums))
    }
}

#[inline(always)]
fn write<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    acc: &[[S::f32s; V]; MR],
    c: &mut RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
    ending: impl Ending<S, V>,
) {
    // Whole vectors need no masks, and several panels are whole.
    if const { V > NV } || columns.len() == V * S::F32_LANES {
        for (r, &acc) in acc.iter().enumerate() {
            let y = ending.apply(simd, row + r, acc);
            S::as_mut_simd_f32s(&mut c.row_mut(row + r)[columns.clone()]).0.copy_from_slice(&y);
        }
    } else {
        for (r, &acc) in acc.iter().enumerate() {
            let y = ending.apply(simd, row + r, acc);
            for (v, y) in y.into_iter().enumerate() {
                store(simd, &mut c.row_mut(row + r)[columns.clone()], v, y);
            }
        }
    }
}

/// V vectors of a run that may end before the last of them or within it; zeros beyond.
#[inline(always)]
fn vectors<S: Simd, const V: usize>(simd: S, run: &[f32]) -> [S::f32s; V] {
    if const { V > NV } || run.len() == V * S::F32_LANES {
        let run = S::as_simd_f32s(run).0;
        std::array::from_fn(|v| run[v])
    } else {
        std::array::from_fn(|v| load(simd, run, v))
    }
}
