//! Tables as text.

use std::fmt::Write;

/// The first column to the left, the others to the right, a line under the heads. Panics where a row is shorter than the heads.
pub fn columns(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let width =
        |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([heads[i].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let heads: Vec<String> = heads.iter().map(|h| h.to_string()).collect();
    let under: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
    let mut text = String::new();
    for row in [heads, under].iter().chain(&rows) {
        let _ = write!(text, "{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}
