//! Outputs of a convolution: a product of a band of taps with rows, both read where they lie.
//!
//! Output o takes `kernel` rows, the first of them `reach` before its own. Of R neighbouring outputs most rows serve all: there a row's
//! vectors are loaded once for R taps. The R - 1 rows before those and after serve some of the outputs, and take steps of their own, so that
//! neither taps nor rows need be padded with zeros. Where all outputs have the same taps, R - 1 of those that a row gives are those that the
//! row before gave, and stay in registers. Every output is one accumulator over rows ascending.

use crate::product::Begin;
use crate::rows::holds;
use crate::vectors::{first_lanes, vectors};
use crate::{Rows, RowsMut};
use pulp::{MemMask, Simd};

/// What a tap is.
pub(super) trait Tap {
    /// Whether what a row gives to an output, the next row gives to the next output: `output` is `-row`.
    const SLIDES: bool;

    /// # Safety
    /// `at` is readable: one value, or a vector of them.
    unsafe fn load<S: Simd>(simd: S, at: *const f32) -> S::f32s;
}

/// One value for all channels of a group.
pub(super) struct Splat;

impl Tap for Splat {
    const SLIDES: bool = false;

    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, at: *const f32) -> S::f32s {
        // SAFETY: the caller's.
        simd.splat_f32s(unsafe { *at })
    }
}

/// A value a channel, the same for all outputs.
pub(super) struct PerChannel;

impl Tap for PerChannel {
    const SLIDES: bool = true;

    #[inline(always)]
    unsafe fn load<S: Simd>(_: S, at: *const f32) -> S::f32s {
        // SAFETY: the caller's; `S::f32s` has no alignment requirement when read unaligned.
        unsafe { at.cast::<S::f32s>().read_unaligned() }
    }
}

/// Where taps lie: output o of a sequence gives its row p the tap at `start + o * output + p * row`, the group after it at `group` further.
#[derive(Clone, Copy)]
pub(super) struct Band<'a> {
    pub taps: &'a [f32],
    pub start: usize,
    pub output: isize,
    pub row: isize,
    pub group: usize,
    /// Taps of an output.
    pub kernel: usize,
    /// How many rows before its own an output's first tap lies.
    pub reach: usize,
}

impl Band<'_> {
    /// The same taps with the roles of outputs and rows exchanged: what rows got from outputs.
    pub fn exchanged(self) -> Self {
        Band { output: self.row, row: self.output, reach: self.kernel - 1 - self.reach, ..self }
    }
}

/// Which rows of x make which of y, and how many neighbouring channels are a group that shares taps.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// First row of x.
    pub start: usize,
    /// Rows of x.
    pub rows: usize,
    /// First row of y.
    pub first: usize,
    /// Rows of y.
    pub outputs: usize,
    /// Channels of a group; the last may have fewer.
    pub width: usize,
    /// What sums begin with. Those that go on from y come in blocks of four outputs, none of which may be made twice.
    pub begin: Begin,
}

impl Span {
    /// As many outputs as rows, at the same places.
    pub fn of(ends: &[usize; 2], width: usize) -> Span {
        let [start, rows] = [ends[0], ends[1] - ends[0]];
        Span { start, rows, first: start, outputs: rows, width, begin: Begin::Zero }
    }
}

/// y = band x rows. Panics where x or y ends before its rows do.
///
/// # Safety
/// Of each group, `band.taps` holds the taps that outputs of the span have for rows of the span within their reach, at the places that
/// [`Band`] says; a vector each where they are [`PerChannel`]. Where taps slide, all `kernel` taps of each output are there, whatever rows the
/// span has.
#[inline(always)]
pub(super) unsafe fn band_times_rows<S: Simd, T: Tap>(
    simd: S,
    band: Band<'_>,
    x: Rows<'_>,
    mut y: RowsMut<'_>,
    s: Span,
) {
    if s.rows == 0 || s.outputs == 0 || x.cols == 0 {
        return;
    }
    assert!(s.start + s.rows <= x.rows && holds(x.data.len(), s.start + s.rows - 1, x.stride, x.cols), "rows of x");
    assert!(
        s.first + s.outputs <= y.rows && holds(y.data.len(), s.first + s.outputs - 1, y.stride, y.cols),
        "rows of y"
    );
    assert_eq!(x.cols, y.cols, "columns of x and y");
    assert!(s.begin == Begin::Zero || s.outputs.is_multiple_of(4), "{} sums to go on with", s.outputs);
    // Eight accumulators at least, or they wait for one another; 8 x 2 where there are registers for them.
    let eight = vectors::<S>(s.width) <= if const { S::REGISTER_COUNT >= 32 } { 2 } else { 1 };
    let mut o = 0;
    while o < s.outputs {
        let left = s.outputs - o;
        // A block of which there is not enough left goes back to have all its outputs, and makes some of them again.
        // SAFETY: the caller's; rows of x and y lie within their data, as just asserted.
        unsafe {
            if eight && s.outputs >= MOST_OUTPUTS && left > 4 {
                outputs::<S, T, MOST_OUTPUTS>(simd, band, x, &mut y, s, o.min(s.outputs - MOST_OUTPUTS));
                o += MOST_OUTPUTS;
            } else if s.outputs >= 4 {
                outputs::<S, T, 4>(simd, band, x, &mut y, s, o.min(s.outputs - 4));
                o += 4;
            } else {
                outputs::<S, T, 1>(simd, band, x, &mut y, s, o);
                o += 1;
            }
        }
    }
}

/// Most outputs of a block.
const MOST_OUTPUTS: usize = 8;

/// Outputs `o..o + R`, group by group, as many vectors of channels at a time as there are registers for.
///
/// # Safety
/// As [`band_times_rows`]; the outputs are among the span's, whose rows lie within x and y.
#[inline(always)]
unsafe fn outputs<S: Simd, T: Tap, const R: usize>(
    simd: S,
    band: Band<'_>,
    x: Rows<'_>,
    y: &mut RowsMut<'_>,
    s: Span,
    o: usize,
) {
    let wide = const { S::REGISTER_COUNT >= 32 && R <= 4 };
    // Where taps slide there is one group, and no division to count them.
    let step = if const { T::SLIDES } { usize::MAX } else { s.width };
    for (group, first) in (0..x.cols).step_by(step).enumerate() {
        let band = Band { start: band.start + group * band.group, ..band };
        let end = x.cols.min(first.saturating_add(step));
        let mut first = first;
        while first < end {
            let columns = [first, end];
            // SAFETY: the caller's.
            let count = unsafe {
                match vectors::<S>(end - first) {
                    3 if wide => block::<S, T, R, 3>(simd, band, x, y, s, columns, o),
                    4.. if wide => block::<S, T, R, 4>(simd, band, x, y, s, columns, o),
                    2.. if const { S::REGISTER_COUNT >= 32 || R <= 4 } => {
                        block::<S, T, R, 2>(simd, band, x, y, s, columns, o)
                    }
                    _ => block::<S, T, R, 1>(simd, band, x, y, s, columns, o),
                }
            };
            first += count * S::F32_LANES;
        }
    }
}

/// Outputs `o..o + R` of V vectors of channels, from `columns[0]` on and before `columns[1]`. Returns V.
///
/// # Safety
/// As [`outputs`]; the columns are among x's.
#[inline(always)]
unsafe fn block<S: Simd, T: Tap, const R: usize, const V: usize>(
    simd: S,
    band: Band<'_>,
    x: Rows<'_>,
    y: &mut RowsMut<'_>,
    s: Span,
    columns: [usize; 2],
    o: usize,
) -> usize {
    let whole = (V - 1) * S::F32_LANES;
    let width = (columns[1] - columns[0]).min(V * S::F32_LANES);
    let last = first_lanes(simd, width - whole);
    // Of the rows that o reaches, counted from its first, those from `low` to `high` lie within the sequence.
    let low = band.reach.saturating_sub(o);
    let high = (s.rows + band.reach).saturating_sub(o);
    let stride = y.stride;
    let to = y.data.as_mut_ptr().wrapping_add((s.first + o) * y.stride + columns[0]);
    let mut acc = [[simd.splat_f32s(0.0); V]; R];
    if s.begin == Begin::Output {
        for (r, acc) in acc.iter_mut().enumerate() {
            // SAFETY: as below, where sums are written.
            unsafe { load::<S, V>(simd, to.wrapping_add(r * stride), last, acc) };
        }
    }
    let row = |i: usize| {
        let p = i + o - band.reach;
        let tap = o as isize * band.output + p as isize * band.row;
        Step {
            x: x.data.as_ptr().wrapping_add((s.start + p) * x.stride + columns[0]),
            taps: band.taps.as_ptr().wrapping_add(band.start).wrapping_offset(tap),
            output: band.output,
            last,
        }
    };
    // SAFETY: rows `low..high` lie within the span, the span within x, and the columns within its columns. A step takes taps of outputs that
    // its row serves; where taps slide, those of rows outside of the span are there too, as the caller says.
    unsafe {
        if const { T::SLIDES && V == 1 && S::REGISTER_COUNT > 2 * R } && band.kernel >= R - 1 {
            // Row 0 may lie before the sequence: then it is for the taps of those that follow.
            let p = o as isize - band.reach as isize;
            let first = Step {
                x: x.data
                    .as_ptr()
                    .wrapping_offset((s.start as isize + p).wrapping_mul(x.stride as isize))
                    .wrapping_add(columns[0]),
                taps: row(band.reach).taps.wrapping_offset(-(band.reach as isize) * band.row),
                output: band.output,
                last,
            };
            let walk = Walk { first, by: [x.stride as isize, band.row] };
            slide::<S, T, R, V>(simd, walk, [low, high], band.kernel, &mut acc);
        } else {
            for i in 0..R - 1 {
                if low <= i && i < high {
                    step::<S, T, R, V>(simd, row(i), [(i + 1).saturating_sub(band.kernel), i + 1], &mut acc);
                }
            }
            let (begin, end) = (low.max(R - 1), high.min(band.kernel));
            if begin < end {
                let mut at = row(begin);
                for _ in begin..end {
                    step::<S, T, R, V>(simd, at, [0, R], &mut acc);
                    at.x = at.x.wrapping_add(x.stride);
                    at.taps = at.taps.wrapping_offset(band.row);
                }
            }
            for i in 0..R - 1 {
                let i = band.kernel + i;
                if low.max(R - 1) <= i && i < high {
                    step::<S, T, R, V>(simd, row(i), [i + 1 - band.kernel, R], &mut acc);
                }
            }
        }
    }
    // SAFETY: rows of y and columns of x, which y has too, lie within y; of the last vector the mask has the channels that there are.
    unsafe {
        for (r, acc) in acc.iter().enumerate() {
            let y = to.wrapping_add(r * stride);
            for (v, acc) in acc[..V - 1].iter().enumerate() {
                y.add(v * S::F32_LANES).cast::<S::f32s>().write_unaligned(*acc);
            }
            simd.mask_store_ptr_f32s(last, y.add(whole), acc[V - 1]);
        }
    }
    V
}

/// What one row gives to a block of outputs.
#[derive(Clone, Copy)]
struct Step<M> {
    /// The row's first column.
    x: *const f32,
    /// Its tap for the first output.
    taps: *const f32,
    /// From there to the next output's.
    output: isize,
    /// Columns of the last vector.
    last: MemMask<M>,
}

/// The rows that a block meets, one after the other.
#[derive(Clone, Copy)]
struct Walk<M> {
    /// Row 0. It may lie before the sequence: then it is for the taps of those that follow.
    first: Step<M>,
    /// How much further the next row lies, in x and in taps.
    by: [isize; 2],
}

impl<M: Copy> Walk<M> {
    #[inline(always)]
    fn row(&self, i: usize) -> Step<M> {
        let mut at = self.first;
        at.advance(self.by.map(|by| (i as isize).wrapping_mul(by)));
        at
    }
}

impl<M> Step<M> {
    /// Goes to the next row, which lies so much further in x and in taps.
    #[inline(always)]
    fn advance(&mut self, [x, taps]: [isize; 2]) {
        self.x = self.x.wrapping_offset(x);
        self.taps = self.taps.wrapping_offset(taps);
    }
}

/// The rows after those that serve all outputs.
///
/// # Safety
/// As [`step`], for each of these rows and the outputs that it serves.
#[inline(always)]
unsafe fn last_steps<S: Simd, T: Tap, const R: usize, const V: usize>(
    simd: S,
    walk: Walk<S::m32s>,
    [low, high]: [usize; 2],
    kernel: usize,
    acc: &mut [[S::f32s; V]; R],
) {
    for i in 0..R - 1 {
        let i = kernel + i;
        if low.max(R - 1) <= i && i < high {
            // SAFETY: the caller's.
            unsafe { step::<S, T, R, V>(simd, walk.row(i), [i + 1 - kernel, R], acc) };
        }
    }
}

/// For j = 0 to 7, but below R: written out, so that what is indexed by j stays in registers.
macro_rules! unrolled {
    (|$j:ident| $body:block) => {
        unrolled!(@ $j $body 0 1 2 3 4 5 6 7)
    };
    (@ $j:ident $body:block $($n:literal)*) => {
        $({
            const $j: usize = $n;
            if $j < R $body
        })*
    };
}

/// All rows from `low` to `high` of a block, with the taps of R rows in registers: each row loads one, its first output's, in place of the one
/// that no output needs any more.
///
/// # Safety
/// As [`step`], for each of these rows and the outputs that it serves; taps slide, there are R - 1 of them at least, and V is 1.
#[inline(always)]
unsafe fn slide<S: Simd, T: Tap, const R: usize, const V: usize>(
    simd: S,
    walk: Walk<S::m32s>,
    [low, high]: [usize; 2],
    kernel: usize,
    acc: &mut [[S::f32s; V]; R],
) {
    const { assert!(R <= 8) };
    // Output r meets, of a row whose own tap is taps[j], taps[(j - r) mod R].
    let mut taps = [simd.splat_f32s(0.0); R];
    let mut at = walk.row(0);
    // SAFETY: an output has the taps of rows 0 to `kernel`, wherever the sequence begins and ends; rows are read from `low` to `high` alone.
    unsafe {
        unrolled!(|J| {
            if J + 1 < R {
                taps[J] = T::load(simd, at.taps);
                if (low..high).contains(&J) {
                    multiply::<S, R, V>(simd, &taps, J, [0, J + 1], at, acc);
                }
                at.advance(walk.by);
            }
        });
        let (begin, end) = (low.max(R - 1), high.min(kernel));
        if begin > R - 1 && begin < end {
            at = walk.row(begin);
            unrolled!(|J| {
                if J != 0 {
                    taps[R - 1 - J] = T::load(simd, at.taps.wrapping_offset(J as isize * at.output));
                }
            });
        }
        let rows = end.saturating_sub(begin);
        for _ in 0..rows / R {
            unrolled!(|J| {
                let j = (R - 1 + J) % R;
                taps[j] = T::load(simd, at.taps);
                multiply::<S, R, V>(simd, &taps, j, [0, R], at, acc);
                at.advance(walk.by);
            });
        }
        // Where the taps of the row before are at hand, and in their usual places.
        if rows.is_multiple_of(R) && (begin == R - 1 || begin < end) {
            unrolled!(|J| {
                if J + 1 < R {
                    if kernel + J < high {
                        multiply::<S, R, V>(simd, &taps, (R - 1 + J) % R, [J + 1, R], at, acc);
                    }
                    at.advance(walk.by);
                }
            });
            return;
        }
        for _ in 0..rows % R {
            step::<S, T, R, V>(simd, at, [0, R], acc);
            at.advance(walk.by);
        }
        last_steps::<S, T, R, V>(simd, walk, [low, high], kernel, acc);
    }
}

/// acc[r] += taps[(j - r) mod R] x row, for r from `served[0]` to `served[1]`.
///
/// # Safety
/// The row's columns are readable.
#[inline(always)]
unsafe fn multiply<S: Simd, const R: usize, const V: usize>(
    simd: S,
    taps: &[S::f32s; R],
    j: usize,
    served: [usize; 2],
    at: Step<S::m32s>,
    acc: &mut [[S::f32s; V]; R],
) {
    let mut x = [simd.splat_f32s(0.0); V];
    // SAFETY: the caller's.
    unsafe { load::<S, V>(simd, at.x, at.last, &mut x) };
    for (r, acc) in acc.iter_mut().enumerate() {
        if served[0] <= r && r < served[1] {
            acc[0] = simd.mul_add_e_f32s(taps[(j + R - r) % R], x[0], acc[0]);
        }
    }
}

/// acc[r] += tap x row, for r from `served[0]` to `served[1]`.
///
/// # Safety
/// The row's columns are readable, and so are its taps for outputs from `served[0]` to `served[1]`.
#[inline(always)]
unsafe fn step<S: Simd, T: Tap, const R: usize, const V: usize>(
    simd: S,
    at: Step<S::m32s>,
    served: [usize; 2],
    acc: &mut [[S::f32s; V]; R],
) {
    let mut x = [simd.splat_f32s(0.0); V];
    // SAFETY: the caller's.
    unsafe { load::<S, V>(simd, at.x, at.last, &mut x) };
    for (r, acc) in acc.iter_mut().enumerate() {
        if served[0] <= r && r < served[1] {
            // SAFETY: the caller's.
            let tap = unsafe { T::load(simd, at.taps.wrapping_offset(r as isize * at.output)) };
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = simd.mul_add_e_f32s(tap, x, *acc);
            }
        }
    }
}

/// Reads V vectors, of the last only the lanes of the mask.
///
/// # Safety
/// So many values are readable.
#[inline(always)]
unsafe fn load<S: Simd, const V: usize>(simd: S, from: *const f32, last: MemMask<S::m32s>, to: &mut [S::f32s; V]) {
    for (v, to) in to.iter_mut().enumerate() {
        let from = from.wrapping_add(v * S::F32_LANES);
        // SAFETY: the caller's; `S::f32s` has no alignment requirement when read unaligned.
        *to = unsafe {
            if v + 1 < V { from.cast::<S::f32s>().read_unaligned() } else { simd.mask_load_ptr_f32s(last, from) }
        };
    }
}
