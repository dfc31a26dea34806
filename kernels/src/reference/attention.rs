//! Attention: `out[i] = sum over j of mask[i, j] softmax_j(scale q[i] . k[j]) v[j]`, head by head.
//!
//! Everything is stored here that the kernel streams over.

use super::Real;
use crate::attention::{AttentionShape, Mask};

/// What attention reads. Values are `[rows, heads * head_dim]`.
pub struct Inputs<'a, T> {
    /// Heads, their width, the factor on q.
    pub shape: AttentionShape,
    /// Which keys a query sees.
    pub mask: Mask,
    /// Queries, sequence after sequence.
    pub q: &'a [T],
    /// Sequence s has queries `q_offsets[s]..q_offsets[s + 1]`.
    pub q_offsets: &'a [usize],
    /// Keys.
    pub k: &'a [T],
    /// Values.
    pub v: &'a [T],
    /// First row and end of each query sequence's keys and values.
    pub kv_ranges: &'a [(usize, usize)],
    /// What each weight is multiplied by after the softmax (dropout), sequence after sequence `[heads, queries, keys]`; empty for
    /// no dropout.
    pub dropped: &'a [T],
}

/// Gradients of the three operands.
pub struct Gradients<T> {
    /// As q.
    pub dq: Vec<T>,
    /// As k.
    pub dk: Vec<T>,
    /// As v.
    pub dv: Vec<T>,
}

/// Returns out, as q.
pub fn attention<T: Real>(inputs: &Inputs<'_, T>) -> Vec<T> {
    let mut out = vec![T::ZERO; inputs.q.len()];
    inputs.for_each_query(|query| {
        for (j, &p) in query.weights.iter().enumerate() {
            for d in 0..inputs.shape.head_dim {
                out[query.at + d] += p * query.dropped(inputs, j) * inputs.v[query.key(inputs, j) + d];
            }
        }
    });
    out
}

/// Gradients from that of out.
pub fn attention_backward<T: Real>(inputs: &Inputs<'_, T>, dout: &[T]) -> Gradients<T> {
    let zeros = |like: &[T]| vec![T::ZERO; like.len()];
    let mut g = Gradients { dq: zeros(inputs.q), dk: zeros(inputs.k), dv: zeros(inputs.v) };
    let scale = T::from_f64(inputs.shape.scale.into());
    let channels = 0..inputs.shape.head_dim;
    inputs.for_each_query(|query| {
        let mut dp = Vec::with_capacity(query.weights.len());
        for (j, &p) in query.weights.iter().enumerate() {
            let (key, dropped) = (query.key(inputs, j), query.dropped(inputs, j));
            dp.push(channels.clone().map(|d| dout[query.at + d] * inputs.v[key + d]).sum::<T>() * dropped);
            for d in channels.clone() {
                g.dv[key + d] += p * dropped * dout[query.at + d];
            }
        }
        let dot: T = query.weights.iter().zip(&dp).map(|(&p, &dp)| p * dp).sum();
        for (j, (&p, &dp)) in query.weights.iter().zip(&dp).enumerate() {
            let ds = scale * p * (dp - dot);
            let key = query.key(inputs, j);
            for d in channels.clone() {
                g.dq[query.at + d] += ds * inputs.k[key + d];
                g.dk[key + d] += ds * inputs.q[query.at + d];
            }
        }
    });
    g
}

/// Weights before dropout, mean over heads: sequence after sequence `[queries, keys]`, 0 where a key is not seen.
pub fn attention_weights<T: Real>(inputs: &Inputs<'_, T>) -> Vec<T> {
    let mut mean = vec![T::ZERO; inputs.maps().last().map_or(0, |m| m.1)];
    let share = T::ONE / T::from_f64(inputs.shape.heads as f64);
    let starts: Vec<usize> = inputs.maps().map(|m| m.0).collect();
    inputs.for_each_query(|query| {
        let row = starts[query.sequence] + query.i * query.keys;
        for (j, &p) in query.weights.iter().enumerate() {
            mean[row + j] += p * share;
        }
    });
    mean
}

/// One query of one head.
struct Query<T> {
    sequence: usize,
    head: usize,
    /// Its number within the sequence.
    i: usize,
    /// Queries and keys of the sequence.
    queries: usize,
    keys: usize,
    /// Where the query's values start in q and in out.
    at: usize,
    /// Softmax over the keys that it sees.
    weights: Vec<T>,
    /// Where the dropout mask of the sequence starts.
    mask_at: usize,
}

impl<T: Real> Query<T> {
    /// Where key j's values start in k and in v.
    fn key(&self, inputs: &Inputs<'_, T>, j: usize) -> usize {
        let AttentionShape { heads, head_dim, .. } = inputs.shape;
        ((inputs.kv_ranges[self.sequence].0 + j) * heads + self.head) * head_dim
    }

    fn dropped(&self, inputs: &Inputs<'_, T>, j: usize) -> T {
        let at = self.mask_at + (self.head * self.queries + self.i) * self.keys + j;
        if inputs.dropped.is_empty() { T::ONE } else { inputs.dropped[at] }
    }
}

impl<T: Real> Inputs<'_, T> {
    /// Start and end of each sequence's `[queries, keys]` map among all of them.
    fn maps(&self) -> impl Iterator<Item = (usize, usize)> {
        let sizes = self.q_offsets.windows(2).zip(self.kv_ranges).map(|(q, kv)| (q[1] - q[0]) * (kv.1 - kv.0));
        sizes.scan(0, |end, size| {
            *end += size;
            Some((*end - size, *end))
        })
    }

    fn for_each_query(&self, mut visit: impl FnMut(Query<T>)) {
        let AttentionShape { heads, head_dim, scale } = self.shape;
        let starts: Vec<usize> = self.maps().map(|m| m.0 * heads).collect();
        for (sequence, (ends, &(first, end))) in self.q_offsets.windows(2).zip(self.kv_ranges).enumerate() {
            let (queries, keys) = (ends[1] - ends[0], end - first);
            for head in 0..heads {
                for i in 0..queries {
                    let at = ((ends[0] + i) * heads + head) * head_dim;
                    let seen = match self.mask {
                        Mask::None => keys,
                        Mask::Causal => i + 1 + keys - queries,
                    };
                    let mut query =
                        Query { sequence, head, i, queries, keys, at, weights: Vec::new(), mask_at: starts[sequence] };
                    let scores: Vec<T> = (0..seen)
                        .map(|j| {
                            let key = query.key(self, j);
                            let dot: T = (0..head_dim).map(|d| self.q[at + d] * self.k[key + d]).sum();
                            T::from_f64(scale.into()) * dot
                        })
                        .collect();
                    let max = scores.iter().fold(T::NEG_INFINITY, |m, &s| m.max(s));
                    query.weights = scores.iter().map(|&s| (s - max).exp()).collect();
                    let sum: T = query.weights.iter().copied().sum();
                    query.weights.iter_mut().for_each(|p| *p = *p / sum);
                    visit(query);
                }
            }
        }
    }
}
