//! Cases and their data.

use crate::common::{offsets, values, wide};
use lsra_kernels::attention::{AttentionScratch, AttentionShape, Dropped, Mask, attention, attention_backward};
use lsra_kernels::dropout::{DropoutKey, mask_into};
use lsra_kernels::reference::attention::Inputs;
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

/// An attention over a ragged batch.
#[derive(Clone, Debug)]
pub struct Case {
    pub shape: AttentionShape,
    pub mask: Mask,
    /// Queries and keys of each sequence.
    pub lengths: Vec<(usize, usize)>,
    pub dropout: Option<f32>,
    pub seed: u64,
}

pub fn cases() -> impl Strategy<Value = Case> {
    let head_dim = prop_oneof![Just(20usize), Just(40), Just(64), 8usize..=128];
    // Beyond 64 keys there is a second tile; queries go across lanes by sixteens and thirty-twos.
    let length = prop_oneof![Just(1usize), 2usize..30, 14usize..36, 60usize..70, 120usize..140];
    let lengths = prop::collection::vec((length.clone(), length), 1..4);
    (1usize..4, head_dim, 0..3, lengths, any::<bool>(), any::<u64>()).prop_map(
        |(heads, head_dim, kind, lengths, dropped, seed)| {
            let mask = if kind == 0 { Mask::None } else { Mask::Causal };
            let lengths = lengths.into_iter().map(|(a, b)| match kind {
                0 => (a, b),
                1 => (a, a),
                _ => (a.min(b), a.max(b)),
            });
            let shape = AttentionShape::new(heads * head_dim, heads);
            Case { shape, mask, lengths: lengths.collect(), dropout: dropped.then_some(0.3), seed }
        },
    )
}

/// A case's data.
pub struct Data {
    pub q: Vec<f32>,
    pub k: Vec<f32>,
    pub v: Vec<f32>,
    pub dout: Vec<f32>,
    pub q_offsets: Vec<usize>,
    pub kv_ranges: Vec<(usize, usize)>,
    pub keys: Vec<DropoutKey>,
    pub dropped: Vec<f32>,
}

/// What one pass forward and backward gives.
pub struct Results {
    pub out: Vec<f32>,
    pub dq: Vec<f32>,
    pub dk: Vec<f32>,
    pub dv: Vec<f32>,
}

impl Case {
    pub fn data(&self) -> Data {
        let q_offsets = offsets(&self.lengths.iter().map(|l| l.0).collect::<Vec<_>>());
        let kv = offsets(&self.lengths.iter().map(|l| l.1).collect::<Vec<_>>());
        let (tq, tk, c) = (q_offsets[self.lengths.len()], kv[self.lengths.len()], self.shape.channels());
        // Scores of some size, so that the softmax is not flat.
        let spread = |x: Vec<f32>| x.into_iter().map(|x| 3.0 * x).collect();
        let keys: Vec<_> = (0..self.lengths.len()).map(|s| DropoutKey::new(self.seed, 1, 2, s as u64)).collect();
        let mut dropped = Vec::new();
        for (&(queries, keys_of), key) in self.lengths.iter().zip(&keys) {
            let mut mask = vec![0.0; self.shape.heads * queries * keys_of];
            if let Some(p) = self.dropout {
                mask_into(Isa::SCALAR, *key, p, 0, &mut mask);
                dropped.extend(mask);
            }
        }
        Data {
            q: spread(values(tq * c, self.seed)),
            k: values(tk * c, self.seed ^ 1),
            v: values(tk * c, self.seed ^ 2),
            dout: values(tq * c, self.seed ^ 3),
            q_offsets,
            kv_ranges: kv.windows(2).map(|w| (w[0], w[1])).collect(),
            keys,
            dropped,
        }
    }

    pub fn run(&self, isa: Isa, data: &Data, scratch: &mut AttentionScratch) -> Results {
        let c = self.shape.channels();
        let (tq, tk) = (data.q.len() / c, data.k.len() / c);
        let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
        let dropout = self.dropout.map(|p| Dropped { p, keys: &data.keys });
        let mut r = Results {
            out: vec![f32::NAN; tq * c],
            dq: vec![f32::NAN; tq * c],
            dk: vec![0.5; tk * c],
            dv: vec![0.5; tk * c],
        };
        let mut log_sum = vec![f32::NAN; tq * self.shape.heads];
        let out = RowsMut::new(&mut r.out, tq, c);
        let (shape, q_offsets, kv_ranges) = (&self.shape, &data.q_offsets, &data.kv_ranges);
        attention(isa, shape, self.mask, q, q_offsets, k, v, kv_ranges, dropout, out, Some(&mut log_sum), scratch);
        attention_backward(
            isa,
            shape,
            self.mask,
            q,
            q_offsets,
            k,
            v,
            kv_ranges,
            dropout,
            Rows::new(&r.out, tq, c),
            &log_sum,
            Rows::new(&data.dout, tq, c),
            RowsMut::new(&mut r.dq, tq, c),
            RowsMut::new(&mut r.dk, tk, c),
            RowsMut::new(&mut r.dv, tk, c),
            scratch,
        );
        r
    }
}

/// A case's data in f64, for the oracle.
pub struct Wide {
    pub q: Vec<f64>,
    pub k: Vec<f64>,
    pub v: Vec<f64>,
    pub dout: Vec<f64>,
    pub dropped: Vec<f64>,
}

impl Wide {
    pub fn of(data: &Data) -> Wide {
        Wide {
            q: wide(&data.q),
            k: wide(&data.k),
            v: wide(&data.v),
            dout: wide(&data.dout),
            dropped: wide(&data.dropped),
        }
    }

    pub fn inputs<'a>(&'a self, case: &Case, data: &'a Data) -> Inputs<'a, f64> {
        Inputs {
            shape: case.shape,
            mask: case.mask,
            q: &self.q,
            q_offsets: &data.q_offsets,
            k: &self.k,
            v: &self.v,
            kv_ranges: &data.kv_ranges,
            dropped: &self.dropped,
        }
    }
}

impl Case {
    /// Relative error of a weight, in roundings of its own size: the score's absolute error, which the exponential makes relative, twice (it
    /// is also in the sum), the exponential's 2 ULP and the sum's.
    pub fn weight_roundings(&self, data: &Data) -> usize {
        let c = self.shape.head_dim;
        let scale = f64::from(self.shape.scale);
        let largest = |x: &[f32]| {
            x.chunks(c).map(|h| h.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()).fold(0.0, f64::max)
        };
        let score = scale * largest(&data.q) * largest(&data.k);
        let longest = self.lengths.iter().map(|l| l.1).max().unwrap_or(0);
        2 * (score.ceil() as usize) * (2 * c + 8) + 16 + 2 * longest
    }
}
