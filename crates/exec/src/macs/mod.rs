//! What a model costs: multiply-adds and parameters, counted by running the one forward pass over shapes.
//!
//! Two counts are kept side by side. **The paper's rule** (Wu et al. 2020, section 5): every linear layer and the two matrix products
//! of attention, Q K' and A V, as full `queries x keys` products even where a mask hides half; no taps, no embeddings, no
//! output projection. **The true count**: what the kernels really do, to the last multiply-add: causal attention's
//! `T (T + 1) / 2` pairs, only taps that fall inside a sequence, and the output projection. Softmax, norms, GLU and
//! dropout, which are no products of matrices, are in neither.

mod inventory;
mod kind;

pub use kind::Kind;

use inventory::Inventory;
use lsra_model::exec::Mask;
use lsra_model::layers::{Attention, Convolution, Dropout, Embedding, Linear, Norm, Taps};
use lsra_model::{Exec, Losses, Model, ParamId, Past, Sequences, Tokens, decode, encode, remember};
use std::ops::Range;

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tokens.
    pub rows: usize,
    /// Channels.
    pub channels: usize,
}

/// One kind of operation in one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The layer, as in `encoder.layers.0`, or the side, `encoder` or `decoder`, of what is in none.
    pub path: String,
    /// The kind of operation.
    pub kind: Kind,
    /// Parameters; a matrix that two parts share counts in the first of them.
    pub params: usize,
    /// Multiply-adds by the paper's rule.
    pub macs_paper_rule: u64,
    /// Multiply-adds as the kernels do them.
    pub macs: u64,
}

/// An executor whose values are shapes: it counts.
pub struct Macs {
    inventory: Inventory,
}

impl Macs {
    /// Nothing counted yet.
    pub fn new(model: &Model) -> Macs {
        Macs { inventory: Inventory::new(model) }
    }

    /// A whole training pass: encoder, decoder over whole targets, loss. Target i is the translation of source i.
    pub fn of_pass(model: &Model, sources: &Sequences, targets: &Sequences) -> Macs {
        let blank = |sequences: &Sequences| Tokens { ids: vec![0; sequences.rows()], sequences: sequences.clone() };
        let mut macs = Macs::new(model);
        let encoded = encode(&mut macs, model, &blank(sources));
        let memory = remember(&mut macs, model, &encoded, sources);
        let owners: Vec<usize> = (0..targets.len()).collect();
        let x = decode(&mut macs, model, &blank(targets), &memory, &owners, None);
        macs.loss(&x, &model.decoder.output, &vec![0; targets.rows()], 0.0);
        macs
    }

    /// Every part of the model in the order of the forward pass, those without multiply-adds included.
    pub fn parts(&self) -> &[Part] {
        self.inventory.parts()
    }

    /// Multiply-adds by the paper's rule, in all.
    pub fn by_paper_rule(&self) -> u64 {
        self.parts().iter().map(|p| p.macs_paper_rule).sum()
    }

    /// Multiply-adds as the kernels do them, in all.
    pub fn total(&self) -> u64 {
        self.parts().iter().map(|p| p.macs).sum()
    }

    /// Counts for a part: by the paper's rule, and truly.
    fn add(&mut self, part: usize, paper: usize, truly: usize) {
        let part = self.inventory.part_mut(part);
        part.macs_paper_rule += paper as u64;
        part.macs += truly as u64;
    }

    /// Q K' and A V over so many pairs of a query and a key.
    fn attention(&mut self, a: &Attention, paper_pairs: usize, true_pairs: usize) {
        let part = self.inventory.products_of(a.output.weight);
        self.add(part, 2 * a.channels * paper_pairs, 2 * a.channels * true_pairs);
    }

    fn convolution(&mut self, x: Shape, c: &Convolution, weight: ParamId, spans: &[Span]) -> Shape {
        assert_eq!(x.channels, c.channels, "channels of a convolution");
        let taps: usize = spans.iter().map(|s| s.taps(c.kernel, c.left())).sum();
        let part = self.inventory.taps_of(weight);
        self.add(part, 0, taps * c.channels);
        x
    }
}

/// Positions `first..end` of one sequence, `0..first` remembered from earlier steps.
struct Span {
    first: usize,
    end: usize,
}

impl Span {
    fn all<S>(sequences: &Sequences, past: &Option<Past<'_, S>>) -> Vec<Span> {
        let span = |(i, length): (usize, usize)| {
            let end = past.as_ref().map_or(length, |p| p.history.rows(i).len());
            Span { first: end - length, end }
        };
        sequences.lengths().enumerate().map(span).collect()
    }

    /// Pairs of a query and a key, all of them.
    fn pairs(&self) -> usize {
        (self.end - self.first) * self.end
    }

    /// Pairs whose key is not after the query.
    fn causal_pairs(&self) -> usize {
        (self.first..self.end).map(|t| t + 1).sum()
    }

    /// Taps that read a position of the sequence: 0 <= t + k - left < end.
    fn taps(&self, kernel: usize, left: usize) -> usize {
        (self.first..self.end).map(|t| (self.end + left - t).min(kernel) - left.saturating_sub(t)).sum()
    }
}

impl Exec for Macs {
    type T = Shape;
    type State = ();
    type Keys = ();

    fn embed(&mut self, e: &Embedding, ids: &[u32], _: &[u32], _: &Sequences) -> Shape {
        Shape { rows: ids.len(), channels: e.channels }
    }

    fn linear(&mut self, x: &Shape, l: &Linear) -> Shape {
        assert_eq!(x.channels, l.inputs, "inputs of a linear layer");
        let count = x.rows * l.inputs * l.outputs;
        let part = self.inventory.linear(l.weight);
        self.add(part, count, count);
        Shape { rows: x.rows, channels: l.outputs }
    }

    fn channels(&mut self, x: &Shape, range: Range<usize>) -> Shape {
        Shape { rows: x.rows, channels: range.len() }
    }

    fn concat(&mut self, parts: &[Shape]) -> Shape {
        Shape { rows: parts[0].rows, channels: parts.iter().map(|p| p.channels).sum() }
    }

    fn glu(&mut self, x: Shape) -> Shape {
        Shape { rows: x.rows, channels: x.channels / 2 }
    }

    fn light_conv(&mut self, x: &Shape, c: &Convolution, sequences: &Sequences, past: Option<Past<'_, ()>>) -> Shape {
        let Taps::Fixed(weight) = c.taps else { panic!("a lightweight convolution has fixed taps") };
        self.convolution(*x, c, weight, &Span::all(sequences, &past))
    }

    fn dynamic_conv(
        &mut self,
        x: &Shape,
        taps: &Shape,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, ()>>,
    ) -> Shape {
        let Taps::Predicted(predict) = &c.taps else { panic!("a dynamic convolution has predicted taps") };
        assert_eq!(taps.channels, c.heads * c.kernel, "predicted taps");
        self.convolution(*x, c, predict.weight, &Span::all(sequences, &past))
    }

    fn self_attention(
        &mut self,
        qkv: [&Shape; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, ()>>,
    ) -> Shape {
        let spans = Span::all(sequences, &past);
        let full = spans.iter().map(Span::pairs).sum();
        let seen = match mask {
            Mask::None => full,
            Mask::Causal => spans.iter().map(Span::causal_pairs).sum(),
        };
        self.attention(a, full, seen);
        *qkv[0]
    }

    fn keys(&mut self, _: Shape, _: Shape, _: &Sequences) {}

    fn cross_attention(
        &mut self,
        q: &Shape,
        (): &(),
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Shape {
        let pairs = targets.lengths().zip(owners).map(|(queries, &owner)| queries * sources.length(owner)).sum();
        self.attention(a, pairs, pairs);
        *q
    }

    fn add_norm(&mut self, x: Shape, _: &Shape, _: &Norm, _: &Dropout, _: &Sequences) -> Shape {
        x
    }

    fn add(&mut self, x: Shape, _: &Shape, _: &Dropout, _: &Sequences) -> Shape {
        x
    }

    fn norm(&mut self, x: &Shape, _: &Norm) -> Shape {
        *x
    }

    /// Counts the output projection; the losses are zeros.
    fn loss(&mut self, x: &Shape, output: &Linear, targets: &[u32], _: f32) -> Losses {
        let part = self.inventory.output();
        self.add(part, 0, x.rows * output.inputs * output.outputs);
        Losses { smoothed: vec![0.0; targets.len()], nll: vec![0.0; targets.len()] }
    }

    fn new_state(&mut self) {}
}

#[cfg(test)]
mod tests;
