//! c = a b, over blocks of k, tiles of rows, panels of columns.

use super::epilogue::{Epilogue, begin, finish};
use super::int8;
use super::micro::{NV, Operands, most_panels, panels_at_once, tallest};
#[cfg(target_arch = "x86_64")]
use super::operand::Pairs;
use super::operand::{Exact, Operand, Rounded, Tile};
use super::packed::{PackedB, Panels, Values, lanes};
use super::precision::Precision;
#[cfg(target_arch = "x86_64")]
use super::tiles;
use crate::{Isa, Rows, RowsMut, trace, work};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Rows of a tile that takes several panels at once, at most.
const FEW: usize = 4;

/// Sizes of blocks. They move no bit of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// Steps of k between two visits of c.
    pub k: usize,
    /// Columns of b that are reused by all rows before the next ones are read.
    pub n: usize,
}

impl Blocking {
    /// For a product of so many rows and steps. f32 that takes several blocks of k by default takes twice the steps and one panel at a time: c is
    /// visited half as often, a is read where it lies, and a panel of 128 KiB stays in a second-level cache for all rows (measured on Zen 5:
    /// 1024^3 248 -> 260 GFLOP/s, 128 x 160 x 32,768 197 -> 230; bf16, which copies a for every visit, loses a fourth). Few rows want several
    /// panels at once instead, or their accumulators wait for one another.
    fn of(precision: Precision, rows: usize, steps: usize) -> Blocking {
        let usual = Blocking::default();
        if precision == Precision::F32 && rows > FEW && steps > usual.k { Blocking { k: 1024, n: 32 } } else { usual }
    }
}

impl Default for Blocking {
    /// 512 steps x 8 rows of a are 16 KiB, half of a first-level cache of 32; 512 steps x 256 columns of b are 512 KiB, half of a
    /// second-level cache of 1 MiB.
    fn default() -> Blocking {
        Blocking { k: 512, n: 256 }
    }
}

/// c = epilogue(a b). a: `[m, k]`, b: `[k, n]`, c: `[m, n]`. Panics where shapes disagree.
pub fn gemm(isa: Isa, a: Rows<'_>, b: &PackedB, c: RowsMut<'_>, epilogue: Epilogue<'_>) {
    gemm_blocked(isa, a, b, c, epilogue, Blocking::of(b.precision(), a.rows, b.k()));
}

/// [`gemm`] with blocks of one's own.
pub fn gemm_blocked(isa: Isa, a: Rows<'_>, b: &PackedB, c: RowsMut<'_>, epilogue: Epilogue<'_>, blocking: Blocking) {
    let _span = trace::kernel(trace::GEMM[b.precision() as usize], [a.rows, a.cols, b.n()]);
    assert_eq!(b.lanes(), lanes(isa), "b was packed for another tier");
    assert_eq!(a.cols, b.k(), "columns of a [{}, {}] and rows of b [{}, {}]", a.rows, a.cols, b.k(), b.n());
    assert_eq!((c.rows, c.cols), (a.rows, b.n()), "shape of c");
    a.assert_whole();
    c.as_rows().assert_whole();
    if let Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) | Epilogue::BiasResidual { bias, .. } = epilogue {
        assert_eq!(bias.len(), b.n(), "length of the bias");
    }
    if let Epilogue::BiasResidual { residual, .. } = epilogue {
        assert_eq!((residual.rows, residual.cols), (c.rows, c.cols), "shape of the residual");
        residual.assert_whole();
    }
    assert!(blocking.k > 0 && blocking.n > 0, "blocks are not empty");
    work::add(a.rows * a.cols * b.n());
    match b.values() {
        Values::F32(b) => isa.vectorize(Product::<Exact> { a, b, c, epilogue, blocking }),
        Values::Rounded(b) => isa.vectorize(Product::<Rounded> { a, b, c, epilogue, blocking }),
        #[cfg(target_arch = "x86_64")]
        Values::Pairs(b) => {
            // Tiles would give other bits.
            assert!(!isa.has_tiles(), "b was packed for another tier");
            isa.vectorize_bf16(Product::<Pairs> { a, b, c, epilogue, blocking });
        }
        #[cfg(target_arch = "x86_64")]
        Values::Tiles(b) => isa.vectorize_tiles(tiles::product::Product { a, b, c, epilogue, blocking }),
        Values::Bytes(b) => int8::product(isa, a, b, c, epilogue),
    }
}

struct Product<'a, O: Operand> {
    a: Rows<'a>,
    b: &'a Panels<O::Word>,
    c: RowsMut<'a>,
    epilogue: Epilogue<'a>,
    blocking: Blocking,
}

impl<O: Operand> WithSimd for Product<'_, O> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { a, b, mut c, epilogue, blocking } = self;
        let (m, k, n) = (a.rows, b.steps, b.n);
        let nr = NV * S::F32_LANES;
        let columns = blocking.n.next_multiple_of(nr);
        // An empty sum still has its epilogue.
        let k_blocks = k.div_ceil(blocking.k).max(1);
        // Taken out rather than borrowed in a closure, which would not be compiled for this tier.
        let mut room = O::room().take();
        for n0 in (0..n).step_by(columns) {
            for block in 0..k_blocks {
                let k0 = block * blocking.k;
                let part = Part {
                    steps: k0..k.min(k0 + blocking.k),
                    columns: n0..n.min(n0 + columns),
                    first: block == 0,
                    last: block + 1 == k_blocks,
                    epilogue,
                };
                let mut row = 0;
                while row < m {
                    // Each height is its own instance, so that accumulators stay in registers; those above the tier's are not made.
                    let rows = match m - row {
                        8.. if const { tallest(S::F32_LANES) >= 8 } => {
                            tile_row::<S, O, 8>(simd, &a, b, &mut c, row, &part, &mut room)
                        }
                        6.. if const { tallest(S::F32_LANES) >= 6 } => {
                            tile_row::<S, O, 6>(simd, &a, b, &mut c, row, &part, &mut room)
                        }
                        4.. => tile_row::<S, O, 4>(simd, &a, b, &mut c, row, &part, &mut room),
                        3 => tile_row::<S, O, 3>(simd, &a, b, &mut c, row, &part, &mut room),
                        2 => tile_row::<S, O, 2>(simd, &a, b, &mut c, row, &part, &mut room),
                        _ => tile_row::<S, O, 1>(simd, &a, b, &mut c, row, &part, &mut room),
                    };
                    row += rows;
                }
            }
        }
        O::room().set(room);
    }
}

/// A block of steps of k and of columns.
struct Part<'a> {
    steps: Range<usize>,
    columns: Range<usize>,
    first: bool,
    last: bool,
    epilogue: Epilogue<'a>,
}

/// Rows `row..row + MR` of a part; returns MR.
#[inline(always)]
fn tile_row<S: Simd, O: Operand, const MR: usize>(
    simd: S,
    a: &Rows<'_>,
    b: &Panels<O::Word>,
    c: &mut RowsMut<'_>,
    row: usize,
    part: &Part<'_>,
    room: &mut Vec<O::Word>,
) -> usize {
    let steps = part.steps.len();
    let values = O::VALUES * part.steps.start..a.cols.min(O::VALUES * part.steps.end);
    // SAFETY: bodies are entered for the instructions of their form of operands.
    let Tile { words, a_row, a_k } = unsafe { O::tile::<MR>(a, row, values, part.columns.len(), room) };
    assert!(steps == 0 || words.len() > (MR - 1) * a_row + (steps - 1) * a_k);
    let nr = NV * S::F32_LANES;
    let mut start = part.columns.start;
    while start < part.columns.end {
        let whole = (part.columns.end - start) / nr;
        let panels = panels_at_once(const { if O::FAST { most_panels(S::REGISTER_COUNT, MR) } else { 1 } }, whole);
        let width = b.width(start);
        let at_once = b.panels(start, panels, part.steps.clone());
        let end = part.columns.end.min(start + panels * width);
        let a = words.as_ptr();
        let o = Operands { a, a_row, a_k, b: at_once.as_ptr(), b_k: width, b_panel: b.steps * width, k: steps };
        // SAFETY: a holds MR rows of the steps, as was just checked, b the panels' vectors.
        unsafe {
            let at = start..end;
            match panels {
                5 if const { O::FAST && MR == 1 } => tile::<S, O, MR, { 5 * NV }>(simd, o, c, row, at, part),
                4 if const { O::FAST && MR == 1 } => tile::<S, O, MR, { 4 * NV }>(simd, o, c, row, at, part),
                3 if const { O::FAST && MR <= FEW } => tile::<S, O, MR, { 3 * NV }>(simd, o, c, row, at, part),
                2 if const { O::FAST && MR <= FEW } => tile::<S, O, MR, { 2 * NV }>(simd, o, c, row, at, part),
                1 if width == nr => tile::<S, O, MR, NV>(simd, o, c, row, at, part),
                1 => tile::<S, O, MR, 1>(simd, o, c, row, at, part),
                other => unreachable!("no tile of {MR} rows takes {other} panels"),
            }
        }
        start = end;
    }
    MR
}

/// One tile: accumulators from c or zero, a block of k, then the epilogue or back to c.
///
/// # Safety
/// As [`Operand::multiply`].
#[inline(always)]
unsafe fn tile<S: Simd, O: Operand, const MR: usize, const V: usize>(
    simd: S,
    o: Operands<O::Word>,
    c: &mut RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
    part: &Part<'_>,
) {
    let mut acc = [[simd.splat_f32s(0.0); V]; MR];
    if !part.first || matches!(part.epilogue, Epilogue::Accumulate) {
        begin(simd, &mut acc, c, row, columns.clone());
    }
    // SAFETY: the caller's.
    unsafe { O::multiply::<S, MR, V>(simd, o, &mut acc) };
    let epilogue = if part.last { part.epilogue } else { Epilogue::None };
    finish(simd, &acc, c, row, columns, epilogue);
}
