//! Weights as the kernels read them: linear layers packed for the matrix product, fixed taps after their softmax, positions tabulated.

use crate::Weights;
use lsra_kernels::conv::softmax_taps;
use lsra_kernels::embedding::sinusoids;
use lsra_kernels::gemm::{PackedB, Precision};
use lsra_kernels::{Isa, Rows};
use lsra_model::layers::{Convolution, Embedding, Taps};
use lsra_model::{Model, ParamId};
use lsra_tensor::Tensor;
use rayon::prelude::*;

/// Which products a model is packed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    /// y = x w': inference.
    Forward,
    /// Also dx = dy w: training.
    ForwardAndBackward,
}

/// The packed operands of every linear layer, the output projection included, and the taps of every lightweight convolution.
#[derive(Clone, Debug)]
pub struct Packed {
    isa: Isa,
    layers: Vec<Option<Layer>>,
    taps: Vec<Option<FixedTaps>>,
    positions: Vec<f32>,
    channels: usize,
}

#[derive(Clone, Debug)]
struct Layer {
    forward: PackedB,
    backward: Option<PackedB>,
}

/// `[heads, kernel]` of one convolution.
#[derive(Clone, Debug)]
struct FixedTaps {
    values: Vec<f32>,
    heads: usize,
    kernel: usize,
}

impl FixedTaps {
    fn refresh(&mut self, isa: Isa, weight: &Tensor) {
        self.values.copy_from_slice(weight.data());
        softmax_taps(isa, self.heads, self.kernel, &mut self.values);
    }
}

/// The original numbers positions from one after its padding symbol's id, 1.
pub(crate) const FIRST_POSITION: usize = 2;

impl Packed {
    /// Packs the linear layers of a model for one instruction set, in f32.
    pub fn new(isa: Isa, model: &Model, weights: &Weights, directions: Directions) -> Packed {
        Packed::with_precision(isa, model, weights, directions, Precision::F32)
    }

    /// As [`Packed::new`], for products of a precision: an executor that is given these weights multiplies in it throughout.
    pub fn with_precision(
        isa: Isa,
        model: &Model,
        weights: &Weights,
        directions: Directions,
        precision: Precision,
    ) -> Packed {
        let mut layers: Vec<Option<Layer>> = (0..weights.len()).map(|_| None).collect();
        for linear in model.linears() {
            let tensor = weights.get(linear.weight);
            let w = rows(tensor);
            let backward =
                (directions == Directions::ForwardAndBackward).then(|| PackedB::from_rows(isa, w, precision));
            layers[linear.weight.index()] =
                Some(Layer { forward: PackedB::from_transposed(isa, w, precision), backward });
            // Of a mapped file, what is packed need not stay in memory as it was.
            tensor.release();
        }
        let mut taps: Vec<Option<FixedTaps>> = (0..weights.len()).map(|_| None).collect();
        for c in model.convolutions() {
            if let Taps::Fixed(weight) = c.taps {
                let mut fixed = FixedTaps { values: vec![0.0; c.heads * c.kernel], heads: c.heads, kernel: c.kernel };
                fixed.refresh(isa, weights.get(weight));
                taps[weight.index()] = Some(fixed);
            }
        }
        let channels = model.config.channels;
        let positions = sinusoids(model.config.max_positions, channels, FIRST_POSITION);
        Packed { isa, layers, taps, positions, channels }
    }

    /// Packs the weights of an update anew, where the old ones lie.
    pub fn refresh(&mut self, weights: &Weights) {
        let tensors: Vec<&Tensor> = weights.iter().collect();
        self.layers.par_iter_mut().zip(tensors).for_each(|(layer, tensor)| {
            if let Some(layer) = layer {
                layer.forward.repack_transposed(rows(tensor));
                if let Some(backward) = &mut layer.backward {
                    backward.repack_rows(rows(tensor));
                }
            }
        });
        for (taps, tensor) in self.taps.iter_mut().zip(weights.iter()) {
            if let Some(taps) = taps {
                taps.refresh(self.isa, tensor);
            }
        }
    }

    /// Bytes of the packed operands.
    pub fn bytes(&self) -> usize {
        let of = |layer: &Layer| layer.forward.bytes() + layer.backward.as_ref().map_or(0, PackedB::bytes);
        self.layers.iter().flatten().map(of).sum()
    }

    /// w' of a linear layer: `[in, out]`.
    pub fn forward(&self, weight: ParamId) -> &PackedB {
        &self.layer(weight).forward
    }

    /// w of a linear layer as it stands: `[out, in]`. Panics where only forward products were packed.
    pub fn backward(&self, weight: ParamId) -> &PackedB {
        self.layer(weight).backward.as_ref().expect("weights packed for training")
    }

    /// The softmax of a convolution's fixed taps, `[heads * kernel]`. Panics where its taps are predicted.
    pub fn taps(&self, c: &Convolution) -> &[f32] {
        let Taps::Fixed(weight) = c.taps else { panic!("a lightweight convolution has fixed taps") };
        &self.taps[weight.index()].as_ref().expect("the taps of a convolution").values
    }

    /// The sinusoids of a table's positions: `[max_positions, channels]`.
    pub fn positions(&self, e: &Embedding) -> &[f32] {
        &self.positions[..e.max_positions * self.channels]
    }

    fn layer(&self, weight: ParamId) -> &Layer {
        self.layers[weight.index()].as_ref().expect("the weight of a linear layer")
    }
}

fn rows(t: &Tensor) -> Rows<'_> {
    Rows::new(t.data(), t.rows(), t.columns())
}
