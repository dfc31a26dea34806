//! Rows of a table, scaled, plus positions.

use super::Real;

/// `out = table[id] x scale + positions[position]`. table: `[words, channels]`, positions: `[positions, channels]`.
pub fn embed<T: Real>(
    table: &[T],
    ids: &[u32],
    scale: f32,
    positions: &[T],
    position_of: &[u32],
    channels: usize,
) -> Vec<T> {
    let mut out = Vec::with_capacity(ids.len() * channels);
    for (&id, &position) in ids.iter().zip(position_of) {
        let (row, position) = (&table[id as usize * channels..], &positions[position as usize * channels..]);
        out.extend((0..channels).map(|c| row[c] * T::from_f64(scale.into()) + position[c]));
    }
    out
}

/// Gradient of the table, `[words, channels]`, from dy: `[ids, channels]`.
pub fn embed_backward<T: Real>(words: usize, ids: &[u32], scale: f32, dy: &[T], channels: usize) -> Vec<T> {
    let mut dtable = vec![T::ZERO; words * channels];
    for (&id, dy) in ids.iter().zip(dy.chunks(channels)) {
        let row = &mut dtable[id as usize * channels..][..channels];
        row.iter_mut().zip(dy).for_each(|(to, &d)| *to += d * T::from_f64(scale.into()));
    }
    dtable
}
