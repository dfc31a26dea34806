//! Dropout with counter-based masks.
//!
//! An element's fate is a function of its key and its number, never of the thread that asks or of what was drawn before: Philox4x32-10
//! (Salmon et al. 2011) under the key gives four words a block, each word decides for two elements, 16 bits each. So a mask
//! need not be kept for the adjoint, and is the same on every tier.

use crate::{Isa, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// What a mask depends on, besides the number of the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutKey {
    /// Philox's key.
    pub key: [u32; 2],
    /// The upper two words of its counter.
    pub counter: [u32; 2],
}

impl DropoutKey {
    /// The key is the run's seed, its halves mixed with the update and the sentence; the counter's upper words are the site and
    /// what of the sentence number does not go into the key. Distinct (update < 2^32, site, sentence < 2^32) under one seed never
    /// share both, so their masks are independent.
    pub fn new(seed: u64, update: u64, site: u32, sentence: u64) -> DropoutKey {
        // SplitMix64's finaliser is a bijection: under one seed, distinct updates have distinct keys.
        let mut z = seed ^ update.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let key = [z as u32, (z >> 32) as u32 ^ (sentence >> 32) as u32];
        DropoutKey { key, counter: [site, sentence as u32] }
    }
}

/// The number under which the masks of a sentence, of 2^32 at most, are drawn when an update passes it once more: 0 is its first pass, whose
/// number is the sentence's own. A later pass changes the upper half, which goes into the key; that the key is then one of another
/// update's is a matter of 1 in 2^64.
pub fn in_pass(sentence: u64, pass: u64) -> u64 {
    sentence ^ (pass << 32)
}

/// Elements that one block of Philox decides for.
const PER_BLOCK: usize = 8;
/// Blocks that are made together: elements are numbered so that whole vectors are decided at once, alike on every tier.
const BLOCKS: usize = 16;
/// Elements of a group of blocks.
const GROUP: usize = PER_BLOCK * BLOCKS;

/// Probabilities are multiples of 2^-16: elements whose 16 bits are below it are dropped.
fn threshold(p: f32) -> u32 {
    assert!((0.0..1.0).contains(&p), "a dropout rate of {p}");
    ((p * 65536.0).round() as u32).min(65535)
}

/// What a kept element is multiplied by: 1 / (1 - p), p being rounded to a multiple of 2^-16.
pub fn keep_scale(p: f32) -> f32 {
    (65536.0 / f64::from(65536 - threshold(p))) as f32
}

/// Mask values of elements `start..start + out.len()`: 0 or [`keep_scale`].
///
/// Element i of a group of 128 belongs to word (i / 32), block (i % 16), lower half for the first 16 of its 32 elements.
pub fn mask_into(isa: Isa, key: DropoutKey, p: f32, start: u64, out: &mut [f32]) {
    let _span = trace::kernel("dropout_mask", [out.len()]);
    isa.vectorize(Mask { key, threshold: threshold(p), scale: keep_scale(p), start, out });
}

struct Mask<'a> {
    key: DropoutKey,
    threshold: u32,
    scale: f32,
    start: u64,
    out: &'a mut [f32],
}

impl WithSimd for Mask<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        mask_range(simd, self.key, (self.threshold, self.scale), self.start, self.out);
    }
}

/// Mask values of elements `start..start + out.len()`.
#[inline(always)]
pub(crate) fn mask_range<S: Simd>(
    simd: S,
    key: DropoutKey,
    (threshold, scale): (u32, f32),
    start: u64,
    mut out: &mut [f32],
) {
    let mut at = start;
    let mut group = [0.0; GROUP];
    while !out.is_empty() {
        let skip = (at % GROUP as u64) as usize;
        let count = out.len().min(GROUP - skip);
        let (now, later) = out.split_at_mut(count);
        mask_group(simd, key, at / GROUP as u64, threshold, scale, &mut group);
        now.copy_from_slice(&group[skip..skip + count]);
        out = later;
        at += count as u64;
    }
}

/// The mask of group number `group`.
#[inline(always)]
pub(crate) fn mask_group<S: Simd>(
    simd: S,
    key: DropoutKey,
    group: u64,
    threshold: u32,
    scale: f32,
    out: &mut [f32; GROUP],
) {
    let lanes = S::U32_LANES;
    let limit = simd.splat_u32s(threshold);
    let (keep, drop) = (simd.splat_f32s(scale), simd.splat_f32s(0.0));
    let first = (group as u32).wrapping_mul(BLOCKS as u32);
    let numbers: [u32; BLOCKS] = std::array::from_fn(|i| first.wrapping_add(i as u32));
    let (numbers, _) = S::as_simd_u32s(&numbers);
    // The group's upper bits go into the second counter word, which a sentence of less than 2^35 elements leaves alone.
    let high = ((group * BLOCKS as u64) >> 32) as u32;
    for (v, number) in numbers.iter().enumerate() {
        let words = philox(simd, key, [*number, simd.splat_u32s(high)]);
        for (w, word) in words.into_iter().enumerate() {
            let low = simd.and_u32s(word, simd.splat_u32s(0xFFFF));
            let upper = simd.wrapping_dyn_shr_u32s(word, simd.splat_u32s(16));
            for (half, bits) in [low, upper].into_iter().enumerate() {
                let dropped = simd.less_than_u32s(bits, limit);
                let values = simd.select_f32s(dropped, drop, keep);
                let at = (2 * w + half) * BLOCKS + v * lanes;
                simd.partial_store_f32s(&mut out[at..at + lanes], values);
            }
        }
    }
}

/// The lower and the upper halves of m x. Of sixteen lanes they are put together by shuffles: as a shift, which is what pulp writes, the
/// compiler makes a product of 64 bits of it where m is known, three operations of one port on Intel.
#[inline(always)]
fn widening_mul<S: Simd>(simd: S, m: S::u32s, x: S::u32s) -> (S::u32s, S::u32s) {
    #[cfg(target_arch = "x86_64")]
    if const { S::U32_LANES == 16 } {
        use std::arch::x86_64::*;
        use std::mem::transmute_copy;
        // SAFETY: vectors of sixteen lanes are those of a tier that has AVX-512 F, and are `__m512i`.
        unsafe {
            let (m, x): (__m512i, __m512i) = (transmute_copy(&m), transmute_copy(&x));
            let odd = _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(x)));
            let even = _mm512_castsi512_ps(_mm512_mul_epu32(m, x));
            let odd = _mm512_castsi512_ps(_mm512_mul_epu32(m, odd));
            let low = _mm512_mask_moveldup_ps(even, 0xAAAA, odd);
            let high = _mm512_mask_movehdup_ps(odd, 0x5555, even);
            return (transmute_copy(&low), transmute_copy(&high));
        }
    }
    simd.widening_mul_u32s(m, x)
}

/// Ten rounds of Philox4x32. Salmon et al. 2011, section 3.3.
#[inline(always)]
fn philox<S: Simd>(simd: S, key: DropoutKey, low: [S::u32s; 2]) -> [S::u32s; 4] {
    let (m0, m1) = (simd.splat_u32s(0xD251_1F53), simd.splat_u32s(0xCD9E_8D57));
    let mut c = [low[0], low[1], simd.splat_u32s(key.counter[0]), simd.splat_u32s(key.counter[1])];
    let mut k = key.key;
    for _ in 0..10 {
        let (lo0, hi0) = widening_mul(simd, m0, c[0]);
        let (lo1, hi1) = widening_mul(simd, m1, c[2]);
        c = [
            simd.xor_u32s(simd.xor_u32s(hi1, c[1]), simd.splat_u32s(k[0])),
            lo1,
            simd.xor_u32s(simd.xor_u32s(hi0, c[3]), simd.splat_u32s(k[1])),
            lo0,
        ];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

/// x = x times its mask. x: `[tokens, channels]`, one key a sequence; element (t, c) of a sequence is number t x channels + c of its
/// mask. The adjoint is the same call.
pub fn dropout(isa: Isa, p: f32, keys: &[DropoutKey], offsets: &[usize], x: RowsMut<'_>) {
    let _span = trace::kernel("dropout", [x.rows, x.cols]);
    assert_eq!(keys.len() + 1, offsets.len(), "one key a sequence");
    assert_eq!(offsets.last(), Some(&x.rows), "rows of the sequences and of x");
    isa.vectorize(Dropout { threshold: threshold(p), scale: keep_scale(p), keys, offsets, x });
}

struct Dropout<'a> {
    threshold: u32,
    scale: f32,
    keys: &'a [DropoutKey],
    offsets: &'a [usize],
    x: RowsMut<'a>,
}

impl WithSimd for Dropout<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Dropout { threshold, scale, keys, offsets, mut x } = self;
        for (key, range) in keys.iter().zip(offsets.windows(2)) {
            let mut masks = MaskStream::new(*key, threshold, scale);
            for t in range[0]..range[1] {
                masks.multiply(simd, x.row_mut(t));
            }
        }
    }
}

/// The mask of one sequence, element after element.
pub(crate) struct MaskStream {
    key: DropoutKey,
    threshold: u32,
    scale: f32,
    next_group: u64,
    group: [f32; GROUP],
    used: usize,
}

impl MaskStream {
    /// From element 0.
    #[inline(always)]
    pub fn new(key: DropoutKey, threshold: u32, scale: f32) -> MaskStream {
        MaskStream { key, threshold, scale, next_group: 0, group: [0.0; GROUP], used: GROUP }
    }

    /// As [`MaskStream::new`], from a rate.
    #[inline(always)]
    pub fn of_rate(key: DropoutKey, p: f32) -> MaskStream {
        MaskStream::new(key, threshold(p), keep_scale(p))
    }

    /// x = x times the next mask values.
    #[inline(always)]
    pub fn multiply<S: Simd>(&mut self, simd: S, mut x: &mut [f32]) {
        while !x.is_empty() {
            if self.used == GROUP {
                mask_group(simd, self.key, self.next_group, self.threshold, self.scale, &mut self.group);
                self.next_group += 1;
                self.used = 0;
            }
            let count = x.len().min(GROUP - self.used);
            let (now, later) = x.split_at_mut(count);
            let (head, tail) = S::as_mut_simd_f32s(now);
            let mask = &self.group[self.used..self.used + count];
            let (mask_head, mask_tail) = S::as_simd_f32s(mask);
            for (x, m) in head.iter_mut().zip(mask_head) {
                *x = simd.mul_f32s(*x, *m);
            }
            tail.iter_mut().zip(mask_tail).for_each(|(x, m)| *x *= m);
            self.used += count;
            x = later;
        }
    }
}
