//! One output of a causal convolution, in decoding.

use super::ConvShape;
use crate::{Isa, Rows};

/// y = the output at the newest position. x: `[pool rows, channels]`, of which `history` lists the last min(kernel, t + 1) positions,
/// oldest first, the current one included; taps: `[heads, kernel]`, the position's own in a dynamic convolution; y: `[channels]`.
/// The same bits as the whole pass gives for this row.
pub fn conv_step_gather(isa: Isa, shape: &ConvShape, x: Rows<'_>, history: &[u32], taps: &[f32], y: &mut [f32]) {
    let _ = isa;
    let first = shape.kernel - history.len();
    y.fill(0.0);
    for (c, y) in y.iter_mut().enumerate() {
        let head = c / shape.head_channels();
        for (k, &row) in history.iter().enumerate() {
            *y += taps[head * shape.kernel + first + k] * x.row(row as usize)[c];
        }
    }
}
