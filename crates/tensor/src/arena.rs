//! Storage for the values of one executor, which makes the same ones over and over.
//!
//! A step of decoding makes values of as many rows as there are hypotheses, and the next step the same ones of fewer rows or as many.
//! Every buffer is made for the most rows met so far, so a value of a width finds a buffer of that width whatever its rows: once an
//! executor has made a step, it makes another without asking the system for memory.

use crate::storage::Storage;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Buffers that come back when the last tensor over them is dropped. Clones are handles of one arena.
#[derive(Clone, Default)]
pub struct Arena(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    rows: usize,
    widths: Vec<Width>,
}

/// Buffers for `rows` rows of `columns` values.
struct Width {
    columns: usize,
    free: Vec<Arc<Storage>>,
}

impl Arena {
    /// Makes buffers for so many rows from now on, if they were made for fewer.
    pub fn reserve(&self, rows: usize) {
        self.kept().reserve(rows);
    }

    /// Room for `rows x columns` values, **whose contents are whatever was there before**.
    pub(crate) fn take(&self, rows: usize, columns: usize) -> Arc<Storage> {
        let mut kept = self.kept();
        kept.reserve(rows);
        let rows = kept.rows;
        let free = match kept.widths.iter_mut().find(|w| w.columns == columns) {
            Some(width) => width.free.pop(),
            None => {
                kept.widths.push(Width { columns, free: Vec::new() });
                None
            }
        };
        drop(kept);
        free.unwrap_or_else(|| Arc::new(Storage::unfilled(rows * columns)))
    }

    /// Keeps a buffer that was taken for rows of so many columns, unless buffers have become larger since.
    pub(crate) fn put(&self, storage: Arc<Storage>, columns: usize) {
        let mut kept = self.kept();
        let len = kept.rows * columns;
        if storage.as_slice().len() >= len
            && let Some(width) = kept.widths.iter_mut().find(|w| w.columns == columns)
        {
            width.free.push(storage);
        }
    }

    /// The lock is held for a push or a pop, which leave nothing half done.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn reserve(&mut self, rows: usize) {
        if rows > self.rows {
            self.rows = rows;
            self.widths.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Arena, Tensor};

    #[test]
    fn a_buffer_comes_back_with_its_last_tensor_and_serves_fewer_rows() {
        let arena = Arena::default();
        arena.reserve(10);
        let a = Tensor::unfilled_in(&arena, 10, 7);
        let (place, view) = (a.data().as_ptr(), a.column_range(2..4));
        drop(a);
        let other = Tensor::unfilled_in(&arena, 3, 7);
        assert_ne!(other.data().as_ptr(), place, "it is still seen");
        drop(view);
        assert_eq!(Tensor::unfilled_in(&arena, 1, 7).data().as_ptr(), place);
        assert_ne!(Tensor::unfilled_in(&arena, 1, 8).data().as_ptr(), place, "of another width");
    }

    #[test]
    fn buffers_grow_with_the_rows() {
        let arena = Arena::default();
        let small = Tensor::unfilled_in(&arena, 2, 16);
        let large = Tensor::unfilled_in(&arena, 200, 16);
        let place = small.data().as_ptr();
        drop(small);
        assert_ne!(Tensor::unfilled_in(&arena, 1, 16).data().as_ptr(), place, "a small one is not kept");
        assert_eq!(large.data().len(), 3200);
    }
}
