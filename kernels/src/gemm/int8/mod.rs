//! Products of bytes, for inference: exact in between, so that every tier gives the same bits.
//!
//! A row of weights is held as whole numbers q with w = q x scale, scale = its largest magnitude / 127; a row of activations likewise, when
//! it comes. The instructions multiply unsigned by signed bytes, so activations are kept as q + 128, and 128 x the sum of a column's weights is
//! taken off in the end. Sums are i32: of 2^31 / (255 x 127) = 66,311 products at least none overflows. A row that holds a value that is
//! not finite gives NaN everywhere.
//!
//! A **word** is four bytes that follow one another in k: panels of words have the shape of f32 panels with a quarter of the steps.

mod drive;
mod multiply;
pub(super) mod quantize;

pub(super) use drive::product;
#[cfg(target_arch = "x86_64")]
pub(super) use {drive::block_columns, multiply::Units};

use super::packed::Panels;
use crate::Isa;
use std::cell::RefCell;

/// What activations are raised by.
const OFFSET: i32 = 128;

/// Weights in bytes.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    pub panels: Panels<u32>,
    /// Values of k.
    pub k: usize,
    /// What a unit of each column is worth.
    pub scales: Vec<f32>,
    /// 128 x the sum of each column.
    pub offsets: Vec<i32>,
}

impl Bytes {
    pub fn empty(isa: Isa, k: usize, n: usize) -> Bytes {
        assert!(k <= 1 << 16, "a sum of {k} products of bytes may overflow");
        let panels = Panels::with_room_beyond(isa, k.div_ceil(4), n);
        // Whole panels, which are read as vectors.
        let columns = n.next_multiple_of(2 * panels.lanes);
        Bytes { panels, k, scales: vec![0.0; columns], offsets: vec![0; columns] }
    }

    /// New values; `column(c, to)` gives those of a column.
    pub fn fill(&mut self, column: impl Fn(usize, &mut [f32])) {
        let mut row = vec![0.0; self.k];
        for c in 0..self.panels.n {
            column(c, &mut row);
            let scale = Scale::of(&row);
            let sum: i32 = row.iter().map(|&x| i32::from(scale.byte(x).cast_signed())).sum();
            (self.scales[c], self.offsets[c]) = (scale.unit, OFFSET * sum);
        }
        let room = RefCell::new(row);
        self.panels.fill_columns(|c, to| {
            let mut row = room.borrow_mut();
            column(c, &mut row);
            let scale = Scale::of(&row);
            for (to, four) in to.iter_mut().zip(row.chunks(4)) {
                let byte = |i: usize| four.get(i).map_or(0, |&x| scale.byte(x));
                *to = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
            }
        });
    }

    /// Bytes of everything.
    pub fn size(&self) -> usize {
        self.panels.bytes() + 4 * (self.scales.len() + self.offsets.len())
    }
}

/// What a row is quantised by.
#[derive(Clone, Copy)]
struct Scale {
    /// What one is worth.
    unit: f32,
    inverse: f32,
}

impl Scale {
    /// 1.5 x 2^23: added, what lies below the point is rounded away, and the low byte is the whole number's.
    const ROUND: f32 = 12_582_912.0;

    /// Rows whose largest magnitude is below 256 x the smallest normal value count as zeros: its inverse would overflow.
    #[inline(always)]
    fn of(row: &[f32]) -> Scale {
        // Bits of magnitudes are in order, those of infinity and NaN above all others.
        Scale::of_most(row.iter().fold(0, |most: u32, x| most.max(x.to_bits() & 0x7fff_ffff)))
    }

    /// For a row whose largest magnitude has these bits.
    #[inline(always)]
    fn of_most(bits: u32) -> Scale {
        let most = f32::from_bits(bits);
        if !most.is_finite() {
            Scale { unit: f32::NAN, inverse: 0.0 }
        } else if most < 256.0 * f32::MIN_POSITIVE {
            Scale { unit: 0.0, inverse: 0.0 }
        } else {
            Scale { unit: most / 127.0, inverse: 127.0 / most }
        }
    }

    /// x in units, to the nearest, ties to even, as a signed byte.
    #[inline(always)]
    fn byte(self, x: f32) -> u8 {
        (x * self.inverse + Scale::ROUND).to_bits() as u8
    }
}
