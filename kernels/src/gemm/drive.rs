//! c = a b, over blocks of k, tiles of rows, panels of columns.

use super::micro::{NV, Operands, load, multiply, store};
use super::packed::{PackedB, lanes};
use crate::{Isa, Rows, RowsMut, Tier, work};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;

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
    /// c += a b: the accumulator starts from c.
    Accumulate,
}

/// Sizes of blocks. They move no bit of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// Steps of k between two visits of c.
    pub k: usize,
    /// Columns of b that are reused by all rows before the next ones are read.
    pub n: usize,
}

impl Default for Blocking {
    /// 512 steps x 12 rows of a are 24 KiB, of a first-level cache of 32; 512 steps x 256 columns of b are 512 KiB, half of a
    /// second-level cache of 1 MiB.
    fn default() -> Blocking {
        Blocking { k: 512, n: 256 }
    }
}

/// c = epilogue(a b). a: `[m, k]`, b: `[k, n]`, c: `[m, n]`. Panics where shapes disagree.
pub fn gemm(isa: Isa, a: Rows<'_>, b: &PackedB, c: RowsMut<'_>, epilogue: Epilogue<'_>) {
    gemm_blocked(isa, a, b, c, epilogue, Blocking::default());
}

/// [`gemm`] with blocks of one's own.
pub fn gemm_blocked(isa: Isa, a: Rows<'_>, b: &PackedB, c: RowsMut<'_>, epilogue: Epilogue<'_>, blocking: Blocking) {
    assert_eq!(b.lanes(), lanes(isa), "b was packed for another tier");
    assert_eq!(a.cols, b.k(), "columns of a [{}, {}] and rows of b [{}, {}]", a.rows, a.cols, b.k(), b.n());
    assert_eq!((c.rows, c.cols), (a.rows, b.n()), "shape of c");
    if let Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) | Epilogue::BiasResidual { bias, .. } = epilogue {
        assert_eq!(bias.len(), b.n(), "length of the bias");
    }
    if let Epilogue::BiasResidual { residual, .. } = epilogue {
        assert_eq!((residual.rows, residual.cols), (c.rows, c.cols), "shape of the residual");
    }
    assert!(blocking.k > 0 && blocking.n > 0, "blocks are not empty");
    work::add(a.rows * a.cols * b.n());
    let product = Product { a, b, c, epilogue, blocking };
    match isa.tier() {
        Tier::Avx512 => isa.vectorize(Tall::<12>(product)),
        Tier::Avx2 => isa.vectorize(Tall::<6>(product)),
        Tier::Scalar => isa.vectorize(Tall::<4>(product)),
    }
}

struct Product<'a> {
    a: Rows<'a>,
    b: &'a PackedB,
    c: RowsMut<'a>,
    epilogue: Epilogue<'a>,
    blocking: Blocking,
}

/// The product with tiles of at most MR rows.
struct Tall<'a, const MR: usize>(Product<'a>);

thread_local! {
    /// A tile of a, its rows side by side.
    static A_TILE: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl<const MR: usize> WithSimd for Tall<'_, MR> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { a, b, mut c, epilogue, blocking } = self.0;
        let (m, k, n) = (a.rows, a.cols, b.n());
        let nr = NV * S::F32_LANES;
        let columns = blocking.n.next_multiple_of(nr);
        // An empty sum still has its epilogue.
        let k_blocks = k.div_ceil(blocking.k).max(1);
        for n0 in (0..n).step_by(columns) {
            for block in 0..k_blocks {
                let k0 = block * blocking.k;
                let steps = blocking.k.min(k - k0);
                let part = Part {
                    k0,
                    steps,
                    columns: n0..n.min(n0 + columns),
                    first: block == 0,
                    last: block + 1 == k_blocks,
                    epilogue,
                };
                let mut row = 0;
                while row < m {
                    let rows = match m - row {
                        left if left >= MR => MR,
                        8.. => 8,
                        left @ (6..8) => {
                            if MR > 6 {
                                6
                            } else {
                                left.min(4)
                            }
                        }
                        left @ 4..6 => left.min(4),
                        left => left,
                    };
                    // Each height is its own instance, so that accumulators stay in registers.
                    match rows {
                        12 => tile_row::<S, 12>(simd, &a, b, &mut c, row, &part),
                        8 => tile_row::<S, 8>(simd, &a, b, &mut c, row, &part),
                        6 => tile_row::<S, 6>(simd, &a, b, &mut c, row, &part),
                        4 => tile_row::<S, 4>(simd, &a, b, &mut c, row, &part),
                        3 => tile_row::<S, 3>(simd, &a, b, &mut c, row, &part),
                        2 => tile_row::<S, 2>(simd, &a, b, &mut c, row, &part),
                        _ => tile_row::<S, 1>(simd, &a, b, &mut c, row, &part),
                    }
                    row += rows;
                }
            }
        }
    }
}

/// A block of k and of columns.
struct Part<'a> {
    k0: usize,
    steps: usize,
    columns: std::ops::Range<usize>,
    first: bool,
    last: bool,
    epilogue: Epilogue<'a>,
}

/// Rows `row..row + MR` of a part.
#[inline(always)]
fn tile_row<S: Simd, const MR: usize>(
    simd: S,
    a: &Rows<'_>,
    b: &PackedB,
    c: &mut RowsMut<'_>,
    row: usize,
    part: &Part<'_>,
) {
    // Rows of a that lie a multiple of 2 KiB apart fall into the same few sets of the first-level cache: side by side they do not.
    if MR > 8 && a.stride.is_multiple_of(512) && part.columns.len() > 4 * S::F32_LANES {
        // Taken out rather than borrowed in a closure, which would not be compiled for this tier.
        let mut tile = A_TILE.take();
        tile.resize(MR * part.steps, 0.0);
        for r in 0..MR {
            let from = &a.row(row + r)[part.k0..part.k0 + part.steps];
            for (k, &x) in from.iter().enumerate() {
                tile[k * MR + r] = x;
            }
        }
        panels::<S, MR>(simd, (&tile, 1, MR), b, c, row, part);
        A_TILE.set(tile);
    } else {
        let start = row * a.stride + part.k0;
        let span = if part.steps == 0 { 0 } else { (MR - 1) * a.stride + part.steps };
        panels::<S, MR>(simd, (&a.data[start.min(a.data.len())..][..span], a.stride, 1), b, c, row, part);
    }
}

/// a: its values, and how far apart rows and steps of k lie.
#[inline(always)]
fn panels<S: Simd, const MR: usize>(
    simd: S,
    (a, a_row, a_k): (&[f32], usize, usize),
    b: &PackedB,
    c: &mut RowsMut<'_>,
    row: usize,
    part: &Part<'_>,
) {
    assert!(part.steps == 0 || a.len() > (MR - 1) * a_row + (part.steps - 1) * a_k);
    let nr = NV * S::F32_LANES;
    for start in part.columns.clone().step_by(nr) {
        let width = b.panel_width(start);
        let panel = b.panel(start, part.k0, part.steps);
        assert_eq!(panel.len(), part.steps * width);
        let o = Operands { a: a.as_ptr(), a_row, a_k, b: panel.as_ptr(), b_k: width, k: part.steps };
        let end = part.columns.end.min(start + width);
        if width == nr {
            tile::<S, MR, NV>(simd, o, c, row, start..end, part);
        } else {
            tile::<S, MR, 1>(simd, o, c, row, start..end, part);
        }
    }
}

/// One tile: accumulators from c or zero, a block of k, then the epilogue or back to c.
#[inline(always)]
fn tile<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    o: Operands,
    c: &mut RowsMut<'_>,
    row: usize,
    columns: std::ops::Range<usize>,
    part: &Part<'_>,
) {
    let mut acc = [[simd.splat_f32s(0.0); V]; MR];
    if !part.first || matches!(part.epilogue, Epilogue::Accumulate) {
        for (r, acc) in acc.iter_mut().enumerate() {
            let from = &c.row(row + r)[columns.clone()];
            for (v, acc) in acc.iter_mut().enumerate() {
                *acc = load(simd, from, v);
            }
        }
    }
    // SAFETY: `panels` checked that a holds MR rows of `o.k` steps and that b holds `o.k` rows of V vectors.
    unsafe { multiply::<S, MR, V>(simd, o, &mut acc) };
    let zero = simd.splat_f32s(0.0);
    for (r, acc) in acc.into_iter().enumerate() {
        let to = &mut c.row_mut(row + r)[columns.clone()];
        for (v, mut x) in acc.into_iter().enumerate() {
            if part.last {
                match part.epilogue {
                    Epilogue::None | Epilogue::Accumulate => {}
                    Epilogue::Bias(bias) => x = simd.add_f32s(x, load(simd, &bias[columns.clone()], v)),
                    Epilogue::BiasRelu(bias) => {
                        x = simd.max_f32s(zero, simd.add_f32s(x, load(simd, &bias[columns.clone()], v)));
                    }
                    Epilogue::BiasResidual { bias, residual } => {
                        x = simd.add_f32s(x, load(simd, &bias[columns.clone()], v));
                        x = simd.add_f32s(x, load(simd, &residual.row(row + r)[columns.clone()], v));
                    }
                }
            }
            store(simd, to, v, x);
        }
    }
}
