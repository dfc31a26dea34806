//! Matrices as kernels see them: row-major, rows possibly apart.

/// A `[rows, cols]` matrix; row r is `data[r * stride..][..cols]`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// From the first value to the end of the last row at least.
    pub data: &'a [f32],
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub cols: usize,
    /// Values from the start of one row to the start of the next.
    pub stride: usize,
}

/// A [`Rows`] to write.
#[derive(Debug)]
pub struct RowsMut<'a> {
    /// From the first value to the end of the last row at least.
    pub data: &'a mut [f32],
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub cols: usize,
    /// Values from the start of one row to the start of the next.
    pub stride: usize,
}

/// Values that a strided matrix spans. Panics where rows would overlap.
fn span(rows: usize, cols: usize, stride: usize) -> usize {
    assert!(rows <= 1 || stride >= cols, "rows of {cols} values that lie {stride} apart overlap");
    let last = || rows.checked_sub(1)?.checked_mul(stride)?.checked_add(cols);
    if rows == 0 || cols == 0 { 0 } else { last().expect("a matrix that an address reaches") }
}

/// Whether `len` values hold rows `stride` apart up to row `last` of so many columns. Then no row's number times the stride wraps.
#[inline(always)]
pub(crate) fn holds(len: usize, last: usize, stride: usize, cols: usize) -> bool {
    last.checked_mul(stride).and_then(|start| start.checked_add(cols)).is_some_and(|end| end <= len)
}

impl<'a> Rows<'a> {
    /// Rows that follow each other without a gap. Panics unless `data` holds them exactly.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Rows<'a> {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "values of a [{rows}, {cols}] matrix");
        Rows { data, rows, cols, stride: cols }
    }

    /// Rows that lie `stride` apart. Panics where `data` ends before the last row does.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Rows<'a> {
        let span = span(rows, cols, stride);
        assert!(data.len() >= span, "{} values for [{rows}, {cols}] rows {stride} apart", data.len());
        Rows { data, rows, cols, stride }
    }

    /// Panics where `data` ends before the last row does, as it may where the fields were written one by one. After it no product of a row's
    /// number and the stride wraps, which kernels that read past the slices' checks rely on.
    #[inline]
    pub(crate) fn assert_whole(&self) {
        let (rows, cols, stride) = (self.rows, self.cols, self.stride);
        let whole = rows == 0 || cols == 0 || holds(self.data.len(), rows - 1, stride, cols);
        assert!(whole, "data of [{rows}, {cols}] rows {stride} apart ends early");
    }

    /// Row `r`.
    #[inline(always)]
    pub fn row(&self, r: usize) -> &'a [f32] {
        &self.data[r * self.stride..][..self.cols]
    }

    /// Whether rows follow each other without a gap.
    pub fn is_contiguous(&self) -> bool {
        self.stride == self.cols
    }
}

impl<'a> RowsMut<'a> {
    /// As [`Rows::new`].
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> RowsMut<'a> {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "values of a [{rows}, {cols}] matrix");
        RowsMut { data, rows, cols, stride: cols }
    }

    /// As [`Rows::strided`].
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, stride: usize) -> RowsMut<'a> {
        let span = span(rows, cols, stride);
        assert!(data.len() >= span, "{} values for [{rows}, {cols}] rows {stride} apart", data.len());
        RowsMut { data, rows, cols, stride }
    }

    /// Row `r`.
    #[inline(always)]
    pub fn row(&self, r: usize) -> &[f32] {
        &self.data[r * self.stride..][..self.cols]
    }

    /// Row `r`, to write.
    #[inline(always)]
    pub fn row_mut(&mut self, r: usize) -> &mut [f32] {
        &mut self.data[r * self.stride..][..self.cols]
    }

    /// The same matrix, to read.
    pub fn as_rows(&self) -> Rows<'_> {
        Rows { data: self.data, rows: self.rows, cols: self.cols, stride: self.stride }
    }

    /// The same matrix, for a shorter while.
    pub fn reborrow(&mut self) -> RowsMut<'_> {
        RowsMut { data: self.data, rows: self.rows, cols: self.cols, stride: self.stride }
    }
}
