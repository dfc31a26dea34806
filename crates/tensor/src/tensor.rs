//! A matrix of f32, shared, possibly a range of another's columns.

use crate::foreign::{Foreign, Holder};
use crate::{Arena, Storage};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// `[rows, columns]`, row-major, rows `stride` apart. Clones and column ranges share the storage.
#[derive(Clone)]
pub struct Tensor {
    storage: Shared,
    offset: usize,
    rows: usize,
    columns: usize,
    stride: usize,
}

/// Storage of tensors, and where it goes after the last of them.
#[derive(Clone)]
struct Shared {
    /// There until it is dropped.
    storage: Option<Arc<Storage>>,
    /// The arena, and the columns that it was taken for.
    home: Option<(Arena, usize)>,
}

impl Shared {
    fn get(&self) -> &Storage {
        self.storage.as_ref().expect(THERE)
    }

    fn get_mut(&mut self) -> Option<&mut Storage> {
        Arc::get_mut(self.storage.as_mut().expect(THERE))
    }
}

const THERE: &str = "storage is there until it is dropped";

impl Drop for Shared {
    fn drop(&mut self) {
        if let (Some(mut storage), Some((arena, columns))) = (self.storage.take(), &self.home) {
            // Of two that are dropped at once on two threads neither may be seen to be the last: then it is freed.
            if Arc::get_mut(&mut storage).is_some() {
                arena.put(storage, *columns);
            }
        }
    }
}

impl Tensor {
    /// `[rows, columns]` of **whatever a former buffer left**: for results that are written whole.
    pub fn unfilled(rows: usize, columns: usize) -> Tensor {
        Tensor::over(Storage::unfilled(rows * columns), rows, columns)
    }

    /// As [`Tensor::unfilled`], in an arena's storage.
    pub fn unfilled_in(arena: &Arena, rows: usize, columns: usize) -> Tensor {
        let storage = Shared { storage: Some(arena.take(rows, columns)), home: Some((arena.clone(), columns)) };
        Tensor { storage, offset: 0, rows, columns, stride: columns }
    }

    /// `[rows, columns]` of values that lie in somebody else's bytes, only to be read; none where they cannot be read there as f32.
    /// Panics unless there are `4 x rows x columns` bytes.
    pub fn foreign(holder: &Arc<dyn Holder>, bytes: Range<usize>, rows: usize, columns: usize) -> Option<Tensor> {
        assert_eq!(bytes.len(), 4 * rows * columns, "bytes of a [{rows}, {columns}] tensor");
        Some(Tensor::over(Storage::foreign(Foreign::new(holder, bytes)?), rows, columns))
    }

    fn over(storage: Storage, rows: usize, columns: usize) -> Tensor {
        let storage = Shared { storage: Some(Arc::new(storage)), home: None };
        Tensor { storage, offset: 0, rows, columns, stride: columns }
    }

    /// That nothing of the file in which these values lie will be read soon: what it takes of this process's memory goes back to the
    /// system, which has it at hand or reads it again when it is. Other tensors stay as they are.
    pub fn release(&self) {
        if let Some(values) = self.storage.get().as_foreign() {
            values.release();
        }
    }

    /// `[rows, columns]` of zeros that no pool keeps when they are dropped: for what is made once and grows.
    pub fn alone(rows: usize, columns: usize) -> Tensor {
        Tensor::over(Storage::alone(rows * columns), rows, columns)
    }

    /// `[rows, columns]` of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Tensor {
        let mut t = Tensor::unfilled(rows, columns);
        t.data_mut().fill(0.0);
        t
    }

    /// `[rows, columns]` with these values. Panics unless there are `rows * columns` of them.
    pub fn from_slice(rows: usize, columns: usize, values: &[f32]) -> Tensor {
        assert_eq!(values.len(), rows * columns, "values of a [{rows}, {columns}] tensor");
        let mut t = Tensor::unfilled(rows, columns);
        t.data_mut().copy_from_slice(values);
        t
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns: channels, where rows are tokens.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Values from the start of one row to the start of the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Whether rows follow each other without a gap.
    pub fn is_contiguous(&self) -> bool {
        self.stride == self.columns
    }

    /// From the first value to the end of the last row, rows [`Tensor::stride`] apart.
    pub fn data(&self) -> &[f32] {
        &self.storage.get().as_slice()[self.offset..self.offset + self.span()]
    }

    /// As [`Tensor::data`], to write. Panics where the storage is shared.
    pub fn data_mut(&mut self) -> &mut [f32] {
        let (offset, span) = (self.offset, self.span());
        let storage = self.storage.get_mut().expect("a tensor that is written has one owner");
        &mut storage.as_mut_slice()[offset..offset + span]
    }

    /// Whether this is the only tensor over its storage, so that it may be written.
    pub fn is_unique(&mut self) -> bool {
        self.storage.get_mut().is_some_and(|storage| storage.as_foreign().is_none())
    }

    /// Row `r`.
    pub fn row(&self, r: usize) -> &[f32] {
        &self.data()[r * self.stride..][..self.columns]
    }

    /// A view of a range of columns. Panics where the range ends beyond the last.
    pub fn column_range(&self, range: Range<usize>) -> Tensor {
        assert!(range.start <= range.end && range.end <= self.columns, "columns {range:?} of {self:?}");
        Tensor { offset: self.offset + range.start, columns: range.len(), ..self.clone() }
    }

    /// A view of a range of rows. Panics where the range ends beyond the last.
    pub fn row_range(&self, range: Range<usize>) -> Tensor {
        assert!(range.start <= range.end && range.end <= self.rows, "rows {range:?} of {self:?}");
        Tensor { offset: self.offset + range.start * self.stride, rows: range.len(), ..self.clone() }
    }

    /// This tensor, or a copy of it if rows lie apart.
    pub fn to_contiguous(&self) -> Tensor {
        if self.is_contiguous() { self.clone() } else { self.to_owned_copy() }
    }

    /// A copy that nothing else shares.
    pub fn to_owned_copy(&self) -> Tensor {
        let mut copy = Tensor::unfilled(self.rows, self.columns);
        copy.copy_from(self);
        copy
    }

    /// The tensor itself where nothing else shares it and its rows follow each other, or else a copy: one that may be written.
    pub fn into_owned(mut self) -> Tensor {
        if self.is_contiguous() && self.is_unique() { self } else { self.to_owned_copy() }
    }

    /// Takes over the values of a tensor of the same shape. Panics where shapes differ, storage is shared or rows lie apart.
    pub fn copy_from(&mut self, from: &Tensor) {
        assert!((self.rows, self.columns) == (from.rows, from.columns) && self.is_contiguous(), "{self:?} of {from:?}");
        let columns = self.columns;
        for (r, to) in self.data_mut().chunks_exact_mut(columns.max(1)).enumerate() {
            to.copy_from_slice(from.row(r));
        }
    }

    /// Columns of all parts, side by side. Panics where their rows differ in number, or there is no part.
    pub fn concat_columns(parts: &[Tensor]) -> Tensor {
        let columns = parts.iter().map(|p| p.columns).sum();
        let mut joined = Tensor::unfilled(parts[0].rows, columns);
        joined.join_columns(parts);
        joined
    }

    /// Takes over the columns of all parts, side by side. Panics where shapes do not fit, storage is shared or rows lie apart.
    pub fn join_columns(&mut self, parts: &[Tensor]) {
        let (rows, columns) = (self.rows, self.columns);
        assert_eq!(parts.iter().map(|p| p.columns).sum::<usize>(), columns, "columns of tensors side by side");
        assert!(self.is_contiguous(), "rows of {self:?} lie apart");
        let data = self.data_mut();
        let mut start = 0;
        for part in parts {
            assert_eq!(part.rows, rows, "rows of tensors side by side");
            for r in 0..rows {
                data[r * columns + start..][..part.columns].copy_from_slice(part.row(r));
            }
            start += part.columns;
        }
    }

    /// The values in row order.
    pub fn to_vec(&self) -> Vec<f32> {
        self.to_contiguous().data().to_vec()
    }

    fn span(&self) -> usize {
        if self.rows == 0 || self.columns == 0 { 0 } else { (self.rows - 1) * self.stride + self.columns }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor[{}, {}]", self.rows, self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(rows: usize, columns: usize) -> Tensor {
        let values: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
        Tensor::from_slice(rows, columns, &values)
    }

    #[test]
    fn views_see_the_same_values() {
        let t = counting(4, 6);
        let v = t.column_range(2..5).row_range(1..4);
        assert_eq!((v.rows(), v.columns(), v.stride()), (3, 3, 6));
        assert_eq!(v.row(2), &[20.0, 21.0, 22.0]);
        assert_eq!(v.to_vec(), [8.0, 9.0, 10.0, 14.0, 15.0, 16.0, 20.0, 21.0, 22.0]);
    }

    #[test]
    fn empty_tensors_are_tensors() {
        let t = counting(3, 4);
        assert_eq!(t.row_range(3..3).data(), &[] as &[f32]);
        assert_eq!(t.column_range(4..4).to_vec(), [] as [f32; 0]);
    }

    #[test]
    fn what_only_one_tensor_holds_whole_is_taken_and_the_rest_copied() {
        let alone = counting(2, 3);
        let at = alone.data().as_ptr();
        let mut taken = alone.into_owned();
        assert_eq!(taken.data_mut().as_ptr(), at);
        let [part, shared] = [taken.column_range(1..3), taken.clone()].map(Tensor::into_owned);
        for (mut copy, values) in [(part, vec![1.0, 2.0, 4.0, 5.0]), (shared, taken.to_vec())] {
            assert_ne!(copy.data_mut().as_ptr(), at);
            assert_eq!(copy.data(), values);
        }
    }

    #[test]
    #[should_panic(expected = "one owner")]
    fn shared_storage_is_not_written() {
        let mut t = counting(2, 2);
        let _view = t.clone();
        t.data_mut();
    }
}
