//! Taps before they meet tokens: their softmax, and dropout that differs from token to token.

use crate::{Isa, reference};

/// Softmax of each of `rows` rows of `kernel` taps, in place.
pub fn softmax_taps(isa: Isa, rows: usize, kernel: usize, w: &mut [f32]) {
    let _ = isa;
    assert_eq!(w.len(), rows * kernel, "{rows} rows of {kernel} taps");
    let y = reference::conv::softmax_taps(kernel, w);
    w.copy_from_slice(&y);
}

/// dy -> gradient before the softmax, in place. y: the softmax.
pub fn softmax_taps_backward(isa: Isa, rows: usize, kernel: usize, y: &[f32], dy: &mut [f32]) {
    let _ = isa;
    assert_eq!(y.len(), rows * kernel, "{rows} rows of {kernel} taps");
    assert_eq!(dy.len(), y.len(), "gradients of the taps");
    let dw = reference::conv::softmax_taps_backward(kernel, y, dy);
    dy.copy_from_slice(&dw);
}

/// out[t] = taps x mask[t]: what [`super::dynamic_conv`] takes where each token drops taps of its own.
/// taps: `[heads * kernel]`, mask, out: `[tokens, heads * kernel]`.
pub fn expand_taps(isa: Isa, taps: &[f32], mask: &[f32], out: &mut [f32]) {
    let _ = isa;
    assert_eq!(mask.len(), out.len(), "the mask and its taps");
    assert!(mask.len().is_multiple_of(taps.len()), "a mask of {} for {} taps", mask.len(), taps.len());
    for (out, mask) in out.chunks_mut(taps.len()).zip(mask.chunks(taps.len())) {
        out.iter_mut().zip(taps).zip(mask).for_each(|((o, w), m)| *o = w * m);
    }
}

/// dtaps += sum over tokens of dout x mask: the adjoint of [`expand_taps`], tokens ascending.
/// dout, mask: `[tokens, heads * kernel]`, dtaps: `[heads * kernel]`.
pub fn reduce_taps(isa: Isa, dout: &[f32], mask: &[f32], dtaps: &mut [f32]) {
    let _ = isa;
    assert_eq!(mask.len(), dout.len(), "the mask and its gradients");
    assert!(mask.len().is_multiple_of(dtaps.len()), "a mask of {} for {} taps", mask.len(), dtaps.len());
    for (dout, mask) in dout.chunks(dtaps.len()).zip(mask.chunks(dtaps.len())) {
        dtaps.iter_mut().zip(dout).zip(mask).for_each(|((d, o), m)| *d += o * m);
    }
}
