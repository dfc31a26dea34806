//! The right operand, packed once and read by every path.

use super::bf16;
use super::int8::Bytes;
use super::micro::NV;
use super::precision::Precision;
use crate::lines::Lines;
use crate::{Isa, Rows, trace};
use bytemuck::Pod;

/// `[k, n]` in panels of NV vectors: `[n / NR][k][NR]`. A last panel with no more columns than one vector is one vector wide.
#[derive(Clone, Debug)]
pub struct PackedB {
    values: Values,
    k: usize,
    n: usize,
}

/// The panels in the form in which they are multiplied.
#[derive(Clone, Debug)]
pub(super) enum Values {
    F32(Panels<f32>),
    /// bf16 where the tier has no instructions for it.
    Rounded(Panels<f32>),
    /// bf16 where it has: each word holds two values of k.
    #[cfg(target_arch = "x86_64")]
    Pairs(Panels<u32>),
    /// The same for tiles, whose steps take 16 words: zeros complete the last.
    #[cfg(target_arch = "x86_64")]
    Tiles(Panels<u32>),
    Bytes(Bytes),
}

/// Panels of words.
#[derive(Clone, Debug)]
pub(super) struct Panels<W> {
    pub data: Lines<W>,
    /// Words of k.
    pub steps: usize,
    /// Columns.
    pub n: usize,
    pub lanes: usize,
}

/// Lanes of f32 in a vector of this tier.
pub(super) fn lanes(isa: Isa) -> usize {
    match isa.tier() {
        crate::Tier::Scalar => 1,
        crate::Tier::Avx2 => 8,
        crate::Tier::Avx512 | crate::Tier::Amx => 16,
    }
}

impl PackedB {
    /// The transpose of w: `[n, k]`, as weights `[out, in]` for y = x w'.
    pub fn from_transposed(isa: Isa, w: Rows<'_>, precision: Precision) -> PackedB {
        let mut packed = PackedB::empty(isa, w.cols, w.rows, precision);
        packed.repack_transposed(w);
        packed
    }

    /// w: `[k, n]` as it stands, as weights `[out, in]` for dx = dy w.
    pub fn from_rows(isa: Isa, w: Rows<'_>, precision: Precision) -> PackedB {
        let mut packed = PackedB::empty(isa, w.rows, w.cols, precision);
        packed.repack_rows(w);
        packed
    }

    /// New values for [`PackedB::from_transposed`]. Panics unless the shape is the same.
    pub fn repack_transposed(&mut self, w: Rows<'_>) {
        let _span = trace::kernel(trace::PACK[self.precision() as usize], [self.k, self.n]);
        assert_eq!((w.cols, w.rows), (self.k, self.n), "shape of packed weights");
        match &mut self.values {
            Values::F32(p) => p.fill_columns(|c, to| to.copy_from_slice(w.row(c))),
            Values::Rounded(p) => p.fill_columns(|c, to| round_row(w.row(c), to)),
            #[cfg(target_arch = "x86_64")]
            Values::Pairs(p) | Values::Tiles(p) => p.fill_columns(|c, to| bf16::pair_row(w.row(c), to)),
            Values::Bytes(b) => b.fill(|c, to| to.copy_from_slice(w.row(c))),
        }
    }

    /// New values for [`PackedB::from_rows`]. Panics unless the shape is the same.
    pub fn repack_rows(&mut self, w: Rows<'_>) {
        let _span = trace::kernel(trace::PACK[self.precision() as usize], [self.k, self.n]);
        assert_eq!((w.rows, w.cols), (self.k, self.n), "shape of packed weights");
        match &mut self.values {
            Values::F32(p) => p.fill_rows(|k, columns, to| to.copy_from_slice(&w.row(k)[columns])),
            Values::Rounded(p) => p.fill_rows(|k, columns, to| round_row(&w.row(k)[columns], to)),
            #[cfg(target_arch = "x86_64")]
            Values::Pairs(p) | Values::Tiles(p) => p.fill_rows(|word, columns, to| {
                let row = |k: usize| (k < w.rows).then(|| &w.row(k)[columns.clone()]);
                // Words that only complete a step stay zeros.
                if let Some(first) = row(2 * word) {
                    bf16::pair_rows(first, row(2 * word + 1), to);
                }
            }),
            Values::Bytes(b) => b.fill(|c, to| to.iter_mut().enumerate().for_each(|(k, to)| *to = w.row(k)[c])),
        }
    }

    /// Rows: what a product sums over.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Columns.
    pub fn n(&self) -> usize {
        self.n
    }

    /// What both operands of a product are rounded to.
    pub fn precision(&self) -> Precision {
        match self.values {
            Values::F32(_) => Precision::F32,
            Values::Bytes(_) => Precision::Int8,
            _ => Precision::Bf16,
        }
    }

    /// Bytes of the packed values.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::F32(p) | Values::Rounded(p) => p.bytes(),
            #[cfg(target_arch = "x86_64")]
            Values::Pairs(p) | Values::Tiles(p) => p.bytes(),
            Values::Bytes(b) => b.size(),
        }
    }

    fn empty(isa: Isa, k: usize, n: usize, precision: Precision) -> PackedB {
        let values = match precision {
            Precision::F32 => Values::F32(Panels::empty(isa, k, n)),
            #[cfg(target_arch = "x86_64")]
            Precision::Bf16 if isa.has_tiles() => {
                Values::Tiles(Panels::empty(isa, k.div_ceil(2).next_multiple_of(super::tiles::SIDE), n))
            }
            #[cfg(target_arch = "x86_64")]
            Precision::Bf16 if isa.has_bf16() => Values::Pairs(Panels::empty(isa, k.div_ceil(2), n)),
            Precision::Bf16 => Values::Rounded(Panels::empty(isa, k, n)),
            Precision::Int8 => Values::Bytes(Bytes::empty(isa, k, n)),
        };
        PackedB { values, k, n }
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    pub(super) fn lanes(&self) -> usize {
        match &self.values {
            Values::F32(p) | Values::Rounded(p) => p.lanes,
            #[cfg(target_arch = "x86_64")]
            Values::Pairs(p) | Values::Tiles(p) => p.lanes,
            Values::Bytes(b) => b.panels.lanes,
        }
    }
}

fn round_row(row: &[f32], to: &mut [f32]) {
    for (to, &x) in to.iter_mut().zip(row) {
        *to = bf16::round(x);
    }
}

impl<W: Pod> Panels<W> {
    /// Panels of zeros.
    pub fn empty(isa: Isa, steps: usize, n: usize) -> Panels<W> {
        Panels::with_steps_beyond(isa, steps, n, 0)
    }

    /// The same, and behind the last panel as many words as the last step of a tile may find there: it takes 16 words of k, of which one
    /// may be its panel's. On every tier whose panels a tile could read.
    pub fn with_room_beyond(isa: Isa, steps: usize, n: usize) -> Panels<W> {
        Panels::with_steps_beyond(isa, steps, n, if lanes(isa) == 16 { 15 } else { 0 })
    }

    fn with_steps_beyond(isa: Isa, steps: usize, n: usize, beyond: usize) -> Panels<W> {
        let mut panels = Panels { data: Lines::new(), steps, n, lanes: lanes(isa) };
        let columns: usize = panels.starts().map(|start| panels.width(start)).sum();
        panels.data = Lines::zeros(columns * steps + beyond * NV * panels.lanes);
        panels
    }

    /// Bytes of all words.
    pub fn bytes(&self) -> usize {
        size_of_val(self.data.words())
    }

    fn starts(&self) -> impl Iterator<Item = usize> + use<W> {
        (0..self.n).step_by(NV * self.lanes)
    }

    /// Columns of the panel that starts at column `start`, padding included.
    pub fn width(&self, start: usize) -> usize {
        if self.n - start <= self.lanes { self.lanes } else { NV * self.lanes }
    }

    /// From some steps of the panel that starts at column `start` to the same steps of the last of `count` panels, which are as wide as
    /// the first.
    pub fn panels(&self, start: usize, count: usize, steps: std::ops::Range<usize>) -> &[W] {
        let width = self.width(start);
        let last = (count - 1) * self.steps;
        &self.data.words()[start * self.steps..][steps.start * width..(last + steps.end) * width]
    }

    fn panel_mut(&mut self, start: usize) -> (usize, &mut [W]) {
        let (width, steps) = (self.width(start), self.steps);
        (width, &mut self.data.words_mut()[start * steps..][..width * steps])
    }

    /// `column(c, to)` gives all steps of a column.
    pub fn fill_columns(&mut self, column: impl Fn(usize, &mut [W])) {
        let mut room = vec![W::zeroed(); self.steps];
        for start in self.starts() {
            let valid = self.n.min(start + self.width(start)) - start;
            let (width, panel) = self.panel_mut(start);
            for c in 0..valid {
                column(start + c, &mut room);
                for (to, &word) in panel.iter_mut().skip(c).step_by(width).zip(&room) {
                    *to = word;
                }
            }
        }
    }

    /// `row(step, columns, to)` gives a step of some columns.
    fn fill_rows(&mut self, row: impl Fn(usize, std::ops::Range<usize>, &mut [W])) {
        for start in self.starts() {
            let end = self.n.min(start + self.width(start));
            let (width, panel) = self.panel_mut(start);
            for (step, to) in panel.chunks_exact_mut(width).enumerate() {
                row(step, start..end, &mut to[..end - start]);
            }
        }
    }
}
