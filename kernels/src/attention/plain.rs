use super::{AttentionScratch, AttentionShape, Dropped, Mask};
use crate::dropout::mask_into;
use crate::reference::attention::{self as oracle, Inputs};
use crate::{Isa, Rows, RowsMut};

fn dense(x: Rows<'_>) -> Vec<f32> {
    (0..x.rows).flat_map(|r| x.row(r).iter().copied()).collect()
}

fn masks(
    isa: Isa,
    shape: &AttentionShape,
    q_offsets: &[usize],
    kv_ranges: &[(usize, usize)],
    d: Option<Dropped<'_>>,
) -> Vec<f32> {
    let mut out = Vec::new();
    if let Some(d) = d {
        for (s, &(start, end)) in kv_ranges.iter().enumerate() {
            let from = out.len();
            out.resize(from + shape.heads * (q_offsets[s + 1] - q_offsets[s]) * (end - start), 0.0);
            mask_into(isa, d.keys[s], d.p, 0, &mut out[from..]);
        }
    }
    out
}

/// out = attention; log_sum = log of the sum of exponentiated scores, `[queries, heads]`, for the backward pass.
///
/// q, out: `[queries, heads * head_dim]`, k, v: `[keys, heads * head_dim]`; query sequence s has rows `q_offsets[s]..q_offsets[s + 1]`
/// and reads the keys and values of rows `kv_ranges[s].0..kv_ranges[s].1`.
pub fn attention(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    v: Rows<'_>,
    kv_ranges: &[(usize, usize)],
    dropout: Option<Dropped<'_>>,
    mut out: RowsMut<'_>,
    _log_sum: &mut [f32],
    _scratch: &mut AttentionScratch,
) {
    let dropped = masks(isa, shape, q_offsets, kv_ranges, dropout);
    let (q, k, v) = (dense(q), dense(k), dense(v));
    let inputs = Inputs { shape: *shape, mask, q: &q, q_offsets, k: &k, v: &v, kv_ranges, dropped: &dropped };
    for (r, row) in oracle::attention(&inputs).chunks(shape.channels()).enumerate() {
        out.row_mut(r).copy_from_slice(row);
    }
}

/// dq = the gradient, dk and dv += theirs, from that of out. out, log_sum: as [`attention`] left them, under the same dropout.
pub fn attention_backward(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    v: Rows<'_>,
    kv_ranges: &[(usize, usize)],
    dropout: Option<Dropped<'_>>,
    _out: Rows<'_>,
    _log_sum: &[f32],
    dout: Rows<'_>,
    mut dq: RowsMut<'_>,
    mut dk: RowsMut<'_>,
    mut dv: RowsMut<'_>,
    _scratch: &mut AttentionScratch,
) {
    let dropped = masks(isa, shape, q_offsets, kv_ranges, dropout);
    let (q, k, v) = (dense(q), dense(k), dense(v));
    let inputs = Inputs { shape: *shape, mask, q: &q, q_offsets, k: &k, v: &v, kv_ranges, dropped: &dropped };
    let g = oracle::attention_backward(&inputs, &dense(dout));
    for (r, row) in g.dq.chunks(shape.channels()).enumerate() {
        dq.row_mut(r).copy_from_slice(row);
    }
    for (mut to, from) in [(dk.reborrow(), g.dk), (dv.reborrow(), g.dv)] {
        for (r, row) in from.chunks(shape.channels()).enumerate() {
            to.row_mut(r).iter_mut().zip(row).for_each(|(d, g)| *d += g);
        }
    }
}

/// One query over remembered keys: `history` lists their rows in k and v, in the order of positions. q, out: `[heads * head_dim]`.
/// The same bits as the causal pass gives for this row.
pub fn attention_gather(
    isa: Isa,
    shape: &AttentionShape,
    q: &[f32],
    k: Rows<'_>,
    v: Rows<'_>,
    history: &[u32],
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let gather = |x: Rows<'_>| history.iter().flat_map(|&r| x.row(r as usize).to_vec()).collect::<Vec<_>>();
    let (k, v, n, c) = (gather(k), gather(v), history.len(), shape.channels());
    let (k, v) = (Rows::new(&k, n, c), Rows::new(&v, n, c));
    let out = RowsMut::new(out, 1, c);
    let mut log_sum = vec![0.0; shape.heads];
    let q = Rows::new(q, 1, c);
    attention(isa, shape, Mask::None, q, &[0, 1], k, v, &[(0, n)], None, out, &mut log_sum, scratch);
}

/// The weights, mean over heads: sequence after sequence `[queries, keys]`, 0 where a key is not seen. For looking at, not for speed.
pub fn attention_weights(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    kv_ranges: &[(usize, usize)],
) -> Vec<f32> {
    let _ = isa;
    let (q, k) = (dense(q), dense(k));
    oracle::attention_weights(&Inputs { shape: *shape, mask, q: &q, q_offsets, k: &k, v: &k, kv_ranges, dropped: &[] })
}
