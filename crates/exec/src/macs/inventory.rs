//! A model's parts: which parameters and which operations belong to which layer and kind.

use super::{Kind, Part};
use lsra_model::layers::{Attention, Branch, Linear, Lsra, Norm, Taps};
use lsra_model::{Model, ParamId};
use std::collections::HashMap;

/// Parts in the order of the forward pass, found by the parameter that an operation names.
pub(super) struct Inventory {
    parts: Vec<Part>,
    /// The part of a linear layer, by its weight.
    linears: HashMap<ParamId, usize>,
    /// The part of an attention's products, by the weight of its output projection.
    products: HashMap<ParamId, usize>,
    /// The part of a convolution, by its taps or by the weight that predicts them.
    taps: HashMap<ParamId, usize>,
    output: usize,
}

impl Inventory {
    pub fn new(model: &Model) -> Inventory {
        let mut walk = Walk { model, counted: vec![false; model.params.len()], found: Inventory::empty() };
        walk.params("encoder", Kind::Embedding, &[model.encoder.embedding.table]);
        for layer in &model.encoder.layers {
            walk.lsra(&layer.path, &layer.lsra);
            walk.linear(&layer.path, Kind::FeedForward, &[&layer.feed_forward.first, &layer.feed_forward.second]);
            walk.norms(&layer.path, [&layer.lsra.residual.norm, &layer.feed_forward.residual.norm]);
        }
        walk.norms("encoder", &model.encoder.final_norm);
        walk.params("decoder", Kind::Embedding, &[model.decoder.embedding.table]);
        for layer in &model.decoder.layers {
            walk.lsra(&layer.path, &layer.lsra);
            let kinds = [Kind::CrossAttentionLinear, Kind::CrossAttentionProducts];
            walk.attention(&layer.path, &layer.cross, kinds);
            walk.linear(&layer.path, Kind::FeedForward, &[&layer.feed_forward.first, &layer.feed_forward.second]);
            let norms = [&layer.lsra.residual.norm, &layer.cross_residual.norm, &layer.feed_forward.residual.norm];
            walk.norms(&layer.path, norms);
        }
        walk.norms("decoder", &model.decoder.final_norm);
        walk.found.output = walk.params("decoder", Kind::OutputProjection, &[model.decoder.output.weight]);
        assert!(walk.counted.iter().all(|&c| c), "every parameter belongs to a part");
        walk.found
    }

    fn empty() -> Inventory {
        let (linears, products, taps) = Default::default();
        Inventory { parts: Vec::new(), linears, products, taps, output: 0 }
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn part_mut(&mut self, part: usize) -> &mut Part {
        &mut self.parts[part]
    }

    /// The part of the linear layer with this weight.
    pub fn linear(&self, weight: ParamId) -> usize {
        self.linears[&weight]
    }

    /// The part of the two products of the attention with this output weight.
    pub fn products_of(&self, output_weight: ParamId) -> usize {
        self.products[&output_weight]
    }

    /// The part of the convolution with these taps, or with this weight that predicts them.
    pub fn taps_of(&self, weight: ParamId) -> usize {
        self.taps[&weight]
    }

    /// The part of the output projection.
    pub fn output(&self) -> usize {
        self.output
    }
}

struct Walk<'a> {
    model: &'a Model,
    /// Which parameters a part has counted: a shared matrix belongs to its first.
    counted: Vec<bool>,
    found: Inventory,
}

impl Walk<'_> {
    /// A part with these parameters. Returns its place.
    fn params(&mut self, path: &str, kind: Kind, ids: &[ParamId]) -> usize {
        let mut params = 0;
        for id in ids {
            if !std::mem::replace(&mut self.counted[id.index()], true) {
                params += self.model.params.get(*id).len();
            }
        }
        self.found.parts.push(Part { path: path.to_owned(), kind, params, macs_paper_rule: 0, macs: 0 });
        self.found.parts.len() - 1
    }

    fn linear(&mut self, path: &str, kind: Kind, linears: &[&Linear]) {
        let ids: Vec<ParamId> = linears.iter().flat_map(|l| [Some(l.weight), l.bias]).flatten().collect();
        let part = self.params(path, kind, &ids);
        self.found.linears.extend(linears.iter().map(|l| (l.weight, part)));
    }

    fn attention(&mut self, path: &str, a: &Attention, [linear, products]: [Kind; 2]) {
        self.linear(path, linear, &[&a.query, &a.key, &a.value, &a.output]);
        let part = self.params(path, products, &[]);
        self.found.products.insert(a.output.weight, part);
    }

    fn lsra(&mut self, path: &str, lsra: &Lsra) {
        for branch in &lsra.branches {
            match branch {
                Branch::Attention(a) => {
                    self.attention(path, a, [Kind::SelfAttentionLinear, Kind::SelfAttentionProducts]);
                }
                Branch::Convolution { input, convolution, output, .. } => {
                    self.linear(path, Kind::ConvolutionLinear, &[input, output]);
                    let (name, part) = match &convolution.taps {
                        Taps::Fixed(taps) => (*taps, self.params(path, Kind::Taps, &[*taps])),
                        Taps::Predicted(predict) => {
                            self.linear(path, Kind::TapsLinear, &[predict]);
                            (predict.weight, self.params(path, Kind::Taps, &[]))
                        }
                    };
                    self.found.taps.insert(name, part);
                }
            }
        }
    }

    fn norms<'n>(&mut self, path: &str, norms: impl IntoIterator<Item = &'n Norm>) {
        let ids: Vec<ParamId> = norms.into_iter().flat_map(|n| [n.gamma, n.beta]).collect();
        if !ids.is_empty() {
            self.params(path, Kind::Norm, &ids);
        }
    }
}
