//! Words that start on a cache line, so that no vector of them lies across two.

use bytemuck::{Pod, Zeroable};
use std::marker::PhantomData;

/// Words of four bytes in a cache line; also the f32 lanes of the widest vector.
pub(crate) const LINE: usize = 16;

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u32; LINE]);

/// A run of words W, each of four bytes.
#[derive(Clone, Debug)]
pub(crate) struct Lines<W> {
    lines: Vec<Line>,
    word: PhantomData<W>,
}

impl<W: Pod> Lines<W> {
    /// Of no words.
    pub const fn new() -> Lines<W> {
        assert!(size_of::<W>() == size_of::<u32>(), "words are of four bytes");
        Lines { lines: Vec::new(), word: PhantomData }
    }

    /// `len` zeros, and more to the end of the last line.
    pub fn zeros(len: usize) -> Lines<W> {
        Lines { lines: vec![Line([0; LINE]); len.div_ceil(LINE)], ..Lines::new() }
    }

    /// At least `len` words, whatever they hold: zeros at first, then what was left there.
    pub fn grown(&mut self, len: usize) -> &mut [W] {
        let lines = len.div_ceil(LINE);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([0; LINE]));
        }
        self.words_mut()
    }

    /// All words, to the end of the last line.
    #[inline(always)]
    pub fn words(&self) -> &[W] {
        bytemuck::cast_slice(&self.lines)
    }

    /// The same, to write.
    #[inline(always)]
    pub fn words_mut(&mut self) -> &mut [W] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

impl<W: Pod> Default for Lines<W> {
    fn default() -> Lines<W> {
        Lines::new()
    }
}
