//! What the tape remembers of an operation.

use lsra_kernels::attention::{AttentionShape, Mask};
use lsra_kernels::conv::ConvShape;
use lsra_kernels::dropout::DropoutKey;
use lsra_model::ParamId;
use lsra_model::layers::{Linear, Norm};
use lsra_tensor::Tensor;
use std::ops::Range;

/// A value of the tape: its place among the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub(super) usize);

pub(super) struct Node {
    /// Rows and columns of the value.
    pub shape: [usize; 2],
    /// None once it has been consumed and its own adjoint does not read it.
    pub value: Option<Tensor>,
    pub op: Op,
    /// d(loss) / d(value): whole or not there yet. A range of channels has none of its own: it adds to the whole's.
    pub gradient: Option<Tensor>,
}

/// Dropped sequences: the rate, a mask key for each, and where they lie. No keys: nothing is dropped.
#[derive(Default)]
pub(super) struct Dropped {
    pub rate: f32,
    pub keys: Vec<DropoutKey>,
    pub offsets: Vec<usize>,
}

impl Dropped {
    pub fn is_active(&self) -> bool {
        !self.keys.is_empty()
    }
}

/// The taps that a convolution really used.
pub(super) enum UsedTaps {
    /// `[heads * kernel]` for all positions: softmaxed, times its mask where taps are dropped.
    Shared { softmaxed: Vec<f32>, mask: Option<Vec<f32>>, used: Vec<f32> },
    /// `[tokens, heads * kernel]`: the softmaxed fixed taps times a mask a position.
    Expanded { softmaxed: Vec<f32>, mask: Tensor, used: Tensor },
}

pub(super) enum Op {
    /// From outside the model.
    Input,
    Embed {
        table: ParamId,
        ids: Vec<u32>,
        scale: f32,
        dropped: Dropped,
    },
    Linear {
        x: NodeId,
        linear: Linear,
    },
    Channels {
        of: NodeId,
        range: Range<usize>,
    },
    Concat {
        parts: Vec<NodeId>,
    },
    Glu {
        x: NodeId,
    },
    LightConv {
        x: NodeId,
        weight: ParamId,
        shape: ConvShape,
        offsets: Vec<usize>,
        taps: UsedTaps,
    },
    DynamicConv {
        x: NodeId,
        logits: NodeId,
        shape: ConvShape,
        offsets: Vec<usize>,
        softmaxed: Tensor,
        mask: Option<Tensor>,
        used: Tensor,
    },
    Attention(Box<AttentionNode>),
    AddNorm {
        x: NodeId,
        residual: NodeId,
        norm: Norm,
        dropped: Dropped,
        sum: Tensor,
        stats: Vec<f32>,
    },
    Add {
        x: NodeId,
        residual: NodeId,
        dropped: Dropped,
    },
    Norm {
        x: NodeId,
        norm: Norm,
        stats: Vec<f32>,
    },
}

pub(super) struct AttentionNode {
    pub qkv: [NodeId; 3],
    pub shape: AttentionShape,
    pub mask: Mask,
    pub offsets: Vec<usize>,
    pub kv_ranges: Vec<(usize, usize)>,
    pub dropped: Dropped,
    pub log_sum: Vec<f32>,
}

impl Op {
    /// What its adjoint is called where time is told.
    pub fn adjoint_name(&self) -> &'static str {
        match self {
            Op::Input => "input_backward",
            Op::Embed { .. } => "embed_backward",
            Op::Linear { .. } => "linear_backward",
            Op::Channels { .. } => "channels_backward",
            Op::Concat { .. } => "concat_backward",
            Op::Glu { .. } => "glu_backward",
            Op::LightConv { .. } => "light_conv_backward",
            Op::DynamicConv { .. } => "dynamic_conv_backward",
            Op::Attention(_) => "attention_backward",
            Op::AddNorm { .. } => "add_norm_backward",
            Op::Add { .. } => "add_backward",
            Op::Norm { .. } => "norm_backward",
        }
    }
}
