//! Columns of a few rows, each as a vector with a lane for every row: what turns rows of keys into vectors of keys, and vectors of
//! outputs into rows.

use crate::product::Begin;
use crate::rows::holds;
use crate::{Rows, RowsMut};
use pulp::Simd;
use std::marker::PhantomData;

/// Lanes of the widest vector.
const MOST_LANES: usize = 16;

/// As many rows as a vector has lanes.
pub(crate) struct Columns<'a> {
    rows: [*const f32; MOST_LANES],
    width: usize,
    life: PhantomData<&'a [f32]>,
}

impl<'a> Columns<'a> {
    /// Rows `place(0)`, `place(1)`, … of x; from `live` on the last of them again. Panics where live is 0, or x has no such row.
    #[inline(always)]
    pub fn new<S: Simd>(x: &Rows<'a>, live: usize, place: impl Fn(usize) -> usize) -> Columns<'a> {
        assert!(live > 0, "columns of no rows");
        let mut rows = [std::ptr::null(); MOST_LANES];
        for (j, row) in rows.iter_mut().take(S::F32_LANES).enumerate() {
            *row = x.row(place(j.min(live - 1))).as_ptr();
        }
        Columns { rows, width: x.cols, life: PhantomData }
    }

    /// Columns `at..at + 4`. Panics where there are not as many.
    #[inline(always)]
    pub fn four<S: Simd>(&self, simd: S, at: usize) -> [S::f32s; 4] {
        assert!(at + 4 <= self.width, "columns {at} to {} of {}", at + 4, self.width);
        // SAFETY: rows are `width` long, and those of all lanes were given. A vector of 16 or 8 lanes on this processor is
        // that of a tier with AVX-512 or AVX2.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            match S::F32_LANES {
                16 => return std::mem::transmute_copy(&x86::four_of_16(&self.rows, at)),
                8 => return std::mem::transmute_copy(&x86::four_of_8(&self.rows, at)),
                _ => {}
            }
        }
        [self.gather(simd, at), self.gather(simd, at + 1), self.gather(simd, at + 2), self.gather(simd, at + 3)]
    }

    /// Column `at`. Panics where there is none.
    #[inline(always)]
    pub fn one<S: Simd>(&self, simd: S, at: usize) -> S::f32s {
        assert!(at < self.width, "column {at} of {}", self.width);
        self.gather(simd, at)
    }

    /// Lane by lane. `at` is below the width.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, at: usize) -> S::f32s {
        let mut column = [0.0; MOST_LANES];
        for (to, row) in column.iter_mut().zip(&self.rows[..S::F32_LANES]) {
            // SAFETY: rows are `width` long, and those of all lanes were given.
            *to = unsafe { *row.add(at) };
        }
        simd.partial_load_f32s(&column[..S::F32_LANES])
    }
}

/// Lane l of four vectors becomes, or is added to, columns `at..at + 4` of row `first + l` of x, for the first `live` lanes. Panics where x has no
/// such place.
#[inline(always)]
pub(crate) fn store_four<S: Simd>(
    four: [S::f32s; 4],
    x: &mut RowsMut<'_>,
    first: usize,
    live: usize,
    at: usize,
    begin: Begin,
) {
    assert!(live <= S::F32_LANES && at + 4 <= x.cols, "columns {at} to {} of {}", at + 4, x.cols);
    assert!(live == 0 || holds(x.data.len(), first + live - 1, x.stride, x.cols), "{live} rows from {first} on");
    #[cfg(target_arch = "x86_64")]
    if S::F32_LANES == MOST_LANES && live > 0 {
        // SAFETY: vectors of 16 lanes on this processor are those of a tier with AVX-512; rows up to the last were found to be there, and
        // columns to be among theirs.
        unsafe {
            let to = x.data.as_mut_ptr().add(first * x.stride + at);
            let four = std::mem::transmute_copy(&four);
            match begin {
                Begin::Zero => x86::store_four::<false>(four, to, x.stride, live),
                Begin::Output => x86::store_four::<true>(four, to, x.stride, live),
            }
        }
        return;
    }
    for (c, column) in four.into_iter().enumerate() {
        for (lane, value) in bytemuck::cast_slice::<S::f32s, f32>(&[column])[..live].iter().enumerate() {
            let to = &mut x.row_mut(first + lane)[at + c];
            *to = if begin == Begin::Zero { *value } else { *to + *value };
        }
    }
}

/// Four columns of four rows are a 128-bit part of a vector; two rounds of unpacking turn all parts at once.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::MOST_LANES;
    use std::arch::x86_64::*;

    /// # Safety
    /// The CPU has AVX-512 F; all rows hold `at + 4` values.
    #[inline(always)]
    pub unsafe fn four_of_16(rows: &[*const f32; MOST_LANES], at: usize) -> [__m512; 4] {
        // SAFETY: the caller's.
        unsafe {
            let (a, b) = (parts_of_16(rows, 0, at), parts_of_16(rows, 1, at));
            let (c, d) = (parts_of_16(rows, 2, at), parts_of_16(rows, 3, at));
            turn_fours([a, b, c, d])
        }
    }

    /// Turns each 4 x 4 part.
    ///
    /// # Safety
    /// The CPU has AVX-512 F.
    #[inline(always)]
    pub unsafe fn turn_fours([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
        // SAFETY: the caller's.
        unsafe {
            let ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
            let ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
            let cd_low = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
            let cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
            [
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab_low, cd_low)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab_low, cd_low)),
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high)),
            ]
        }
    }

    /// Lane l of all four to `to + l * stride`, or added to what is there.
    ///
    /// # Safety
    /// The CPU has AVX-512 F; four values may be read and written there for each of the first `live` lanes.
    #[inline(always)]
    pub unsafe fn store_four<const ADD: bool>(four: [__m512; 4], to: *mut f32, stride: usize, live: usize) {
        // SAFETY: the caller's.
        unsafe {
            let turned = turn_fours(four);
            part::<0, ADD>(&turned, to, stride, live);
            part::<1, ADD>(&turned, to, stride, live);
            part::<2, ADD>(&turned, to, stride, live);
            part::<3, ADD>(&turned, to, stride, live);
        }
    }

    /// Lanes 4 P to 4 P + 3.
    #[inline(always)]
    unsafe fn part<const P: i32, const ADD: bool>(turned: &[__m512; 4], to: *mut f32, stride: usize, live: usize) {
        for (e, turned) in turned.iter().enumerate() {
            let lane = 4 * P as usize + e;
            if lane < live {
                // SAFETY: the caller's.
                unsafe {
                    let (to, mut x) = (to.add(lane * stride), _mm512_extractf32x4_ps::<P>(*turned));
                    if ADD {
                        x = _mm_add_ps(_mm_loadu_ps(to), x);
                    }
                    _mm_storeu_ps(to, x);
                }
            }
        }
    }

    /// Rows first, first + 4, + 8, + 12: masked broadcasts from memory, which need no shuffle.
    #[inline(always)]
    unsafe fn parts_of_16(rows: &[*const f32; MOST_LANES], first: usize, at: usize) -> __m512 {
        // SAFETY: the caller's.
        unsafe {
            let x = _mm512_castps128_ps512(_mm_loadu_ps(rows[first].add(at)));
            let x = _mm512_mask_broadcast_f32x4(x, 0x00f0, _mm_loadu_ps(rows[first + 4].add(at)));
            let x = _mm512_mask_broadcast_f32x4(x, 0x0f00, _mm_loadu_ps(rows[first + 8].add(at)));
            _mm512_mask_broadcast_f32x4(x, 0xf000, _mm_loadu_ps(rows[first + 12].add(at)))
        }
    }

    /// # Safety
    /// The CPU has AVX; the first eight rows hold `at + 4` values.
    #[inline(always)]
    pub unsafe fn four_of_8(rows: &[*const f32; MOST_LANES], at: usize) -> [__m256; 4] {
        // SAFETY: the caller's.
        unsafe {
            let (a, b) = (parts_of_8(rows, 0, at), parts_of_8(rows, 1, at));
            let (c, d) = (parts_of_8(rows, 2, at), parts_of_8(rows, 3, at));
            let ab_low = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
            let ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
            let cd_low = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
            let cd_high = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
            [
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab_low, cd_low)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab_low, cd_low)),
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn parts_of_8(rows: &[*const f32; MOST_LANES], first: usize, at: usize) -> __m256 {
        // SAFETY: the caller's.
        unsafe {
            let x = _mm256_castps128_ps256(_mm_loadu_ps(rows[first].add(at)));
            _mm256_insertf128_ps::<1>(x, _mm_loadu_ps(rows[first + 4].add(at)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use pulp::WithSimd;

    struct Check<'a>(Rows<'a>, &'a [usize]);

    impl WithSimd for Check<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Check(x, places) = self;
            for live in 1..=S::F32_LANES.min(places.len()) {
                let columns = Columns::new::<S>(&x, live, |j| places[j]);
                let check = |c: usize, column: S::f32s| {
                    let mut lanes = [0.0; MOST_LANES];
                    simd.partial_store_f32s(&mut lanes[..S::F32_LANES], column);
                    for (j, &lane) in lanes[..S::F32_LANES].iter().enumerate() {
                        assert_eq!(lane, x.row(places[j.min(live - 1)])[c], "lane {j} of column {c}, {live} rows");
                    }
                };
                for at in 0..=x.cols - 4 {
                    for (c, column) in columns.four(simd, at).into_iter().enumerate() {
                        check(at + c, column);
                    }
                }
                for at in 0..x.cols {
                    check(at, columns.one(simd, at));
                }
            }
        }
    }

    /// Stores the four columns of `values`, `[4, lanes]`, into `to`; returns how many lanes there are.
    struct Store<'a>(&'a [f32], usize, Begin, RowsMut<'a>);

    impl WithSimd for Store<'_> {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> usize {
            let Store(values, live, begin, mut to) = self;
            let mut four = [simd.splat_f32s(0.0); 4];
            for (column, values) in four.iter_mut().zip(values.chunks(MOST_LANES)) {
                *column = simd.partial_load_f32s(&values[..S::F32_LANES]);
            }
            store_four::<S>(four, &mut to, 2, live.min(S::F32_LANES), 3, begin);
            S::F32_LANES
        }
    }

    #[test]
    fn columns_are_stored_as_rows() {
        let values: Vec<f32> = (0..4 * MOST_LANES).map(|i| i as f32).collect();
        for isa in Isa::available() {
            for (live, begin) in (0..=MOST_LANES).flat_map(|live| [(live, Begin::Zero), (live, Begin::Output)]) {
                let mut to = vec![100.0; 17 * 9 + 7 + 9];
                let lanes = isa.vectorize(Store(&values, live, begin, RowsMut::strided(&mut to, 18, 7, 9)));
                for (at, got) in to.iter().enumerate() {
                    let (row, column) = (at / 9, at % 9);
                    let stored = (2..2 + live.min(lanes)).contains(&row) && (3..7).contains(&column);
                    let before = if begin == Begin::Zero { 0.0 } else { 100.0 };
                    let want = if stored { before + values[(column - 3) * MOST_LANES + row - 2] } else { 100.0 };
                    assert_eq!(*got, want, "{isa:?}: row {row}, column {column}, {live} lanes");
                }
            }
        }
    }

    #[test]
    fn columns_are_the_rows_turned() {
        let values: Vec<f32> = (0..20 * 9).map(|i| i as f32).collect();
        let places: Vec<usize> = (0..16).map(|j| j * 7 % 20).collect();
        for isa in Isa::available() {
            isa.vectorize(Check(Rows::new(&values, 20, 9), &places));
        }
    }
}
