//! The layers of a model as plain data.

use crate::config::ModelConfig;
use crate::params::{ParamId, Params};

/// What follows a linear layer at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(0, x).
    Relu,
}

/// y = act(x W' + b).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: ParamId,
    /// `[out]`.
    pub bias: Option<ParamId>,
    /// Channels of x.
    pub inputs: usize,
    /// Channels of y.
    pub outputs: usize,
    /// What follows.
    pub activation: Activation,
}

/// y = (x - mean) / sqrt(variance + eps) x gamma + beta, per token.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// `[channels]`.
    pub gamma: ParamId,
    /// `[channels]`.
    pub beta: ParamId,
    /// Channels.
    pub channels: usize,
}

impl Norm {
    /// Added to the variance.
    pub const EPS: f32 = 1e-5;
}

/// One place where training drops values. Masks depend on the site, so no two places share one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability that a value is dropped.
    pub rate: f32,
    /// The place: unique in a model.
    pub site: u32,
}

/// Rows of a table, scaled, plus sinusoidal positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// `[words, channels]`.
    pub table: ParamId,
    /// Words.
    pub words: usize,
    /// Channels.
    pub channels: usize,
    /// sqrt(channels).
    pub scale: f32,
    /// The longest sequence.
    pub max_positions: usize,
    /// On embedding + position.
    pub dropout: Dropout,
}

/// Multi-head scaled dot-product attention and its four projections.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// How many heads.
    pub heads: usize,
    /// Channels in and out; a head has `channels / heads`.
    pub channels: usize,
    /// Queries.
    pub query: Linear,
    /// Keys.
    pub key: Linear,
    /// Values.
    pub value: Linear,
    /// After the heads are concatenated.
    pub output: Linear,
    /// On the attention weights.
    pub dropout: Dropout,
}

impl Attention {
    /// Channels of a head.
    pub fn head_channels(&self) -> usize {
        self.channels / self.heads
    }

    /// What queries are multiplied by: 1 / sqrt(channels of a head).
    pub fn scale(&self) -> f32 {
        (self.head_channels() as f32).powf(-0.5)
    }
}

/// How the positions a convolution reads lie about the one it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// K/2 before, the rest after: the encoder's.
    Centred,
    /// Only the K-1 before: the decoder's.
    Causal,
}

/// Where the taps come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Taps {
    /// Lightweight: `[heads, 1, kernel]`, the same everywhere. Wu et al. 2019, section 3.
    Fixed(ParamId),
    /// Dynamic: predicted from the input by a linear layer without bias, `[heads * kernel, channels]`.
    Predicted(Linear),
}

/// A depthwise convolution whose channels share `heads` rows of taps, softmaxed over the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Channels in and out.
    pub channels: usize,
    /// Rows of taps; channel c uses row c / (channels / heads).
    pub heads: usize,
    /// Taps in a row.
    pub kernel: usize,
    /// Encoder's or decoder's.
    pub direction: Direction,
    /// Where the taps come from.
    pub taps: Taps,
    /// On the taps after their softmax.
    pub dropout: Dropout,
    /// One mask for the batch, or one a position.
    pub dropout_mode: crate::config::TapsDropout,
}

impl Convolution {
    /// How many positions before its own a tap row starts.
    pub fn left(&self) -> usize {
        match self.direction {
            Direction::Centred => self.kernel / 2,
            Direction::Causal => self.kernel - 1,
        }
    }
}

/// What an LSRA branch does to its channels.
#[derive(Clone, Debug, PartialEq)]
pub enum Branch {
    /// Long range.
    Attention(Attention),
    /// Short range: linear, GLU where the model has it, convolution, linear.
    Convolution {
        /// To twice the channels where `glu`.
        input: Linear,
        /// Whether a gated linear unit follows.
        glu: bool,
        /// The convolution.
        convolution: Convolution,
        /// Back.
        output: Linear,
    },
}

impl Branch {
    /// Channels it reads and writes.
    pub fn channels(&self) -> usize {
        match self {
            Branch::Attention(a) => a.channels,
            Branch::Convolution { convolution, .. } => convolution.channels,
        }
    }
}

/// Add and norm around a sublayer: the residual's dropout and norm.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// After the sum (post-norm) or before the sublayer (pre-norm).
    pub norm: Norm,
    /// On the sublayer's output.
    pub dropout: Dropout,
}

/// Long-Short Range Attention: each branch has its own channels. Wu et al. 2020, section 4.
#[derive(Clone, Debug, PartialEq)]
pub struct Lsra {
    /// In channel order.
    pub branches: Vec<Branch>,
    /// Around it.
    pub residual: Residual,
}

/// d -> f -> d with ReLU.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedForward {
    /// With ReLU.
    pub first: Linear,
    /// Back.
    pub second: Linear,
    /// Around it.
    pub residual: Residual,
}

/// LSRA, feed-forward.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderLayer {
    /// Its name, as in `encoder.layers.0`.
    pub path: String,
    /// Centred.
    pub lsra: Lsra,
    /// d -> f -> d.
    pub feed_forward: FeedForward,
}

/// Causal LSRA, attention to the source, feed-forward.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderLayer {
    /// Its name, as in `decoder.layers.0`.
    pub path: String,
    /// Causal.
    pub lsra: Lsra,
    /// Over all channels, to the encoder's output.
    pub cross: Attention,
    /// Around the cross-attention.
    pub cross_residual: Residual,
    /// d -> f -> d.
    pub feed_forward: FeedForward,
}

/// Embedding and layers of the source side.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    /// Source words.
    pub embedding: Embedding,
    /// In order.
    pub layers: Vec<EncoderLayer>,
    /// After the last layer, where norms come before sublayers.
    pub final_norm: Option<Norm>,
}

/// Embedding and layers of the target side, and the output projection.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoder {
    /// Target words.
    pub embedding: Embedding,
    /// In order.
    pub layers: Vec<DecoderLayer>,
    /// After the last layer, where norms come before sublayers.
    pub final_norm: Option<Norm>,
    /// `[target words, channels]`, no bias; its matrix may be an embedding table.
    pub output: Linear,
}

/// A whole translation model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it was built from.
    pub config: ModelConfig,
    /// Its parameters.
    pub params: Params,
    /// Source side.
    pub encoder: Encoder,
    /// Target side.
    pub decoder: Decoder,
}

impl Model {
    /// Every linear layer, the output projection included.
    pub fn linears(&self) -> Vec<&Linear> {
        let mut all = Vec::new();
        for layer in &self.encoder.layers {
            layer.lsra.linears(&mut all);
            layer.feed_forward.linears(&mut all);
        }
        for layer in &self.decoder.layers {
            layer.lsra.linears(&mut all);
            layer.cross.linears(&mut all);
            layer.feed_forward.linears(&mut all);
        }
        all.push(&self.decoder.output);
        all
    }

    /// Every convolution.
    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        let encoder = self.encoder.layers.iter().map(|layer| &layer.lsra);
        let all = encoder.chain(self.decoder.layers.iter().map(|layer| &layer.lsra));
        all.flat_map(|l| &l.branches).filter_map(|branch| match branch {
            Branch::Convolution { convolution, .. } => Some(convolution),
            Branch::Attention(_) => None,
        })
    }
}

impl Attention {
    fn linears<'a>(&'a self, all: &mut Vec<&'a Linear>) {
        all.extend([&self.query, &self.key, &self.value, &self.output]);
    }
}

impl Lsra {
    fn linears<'a>(&'a self, all: &mut Vec<&'a Linear>) {
        for branch in &self.branches {
            match branch {
                Branch::Attention(a) => a.linears(all),
                Branch::Convolution { input, convolution, output, .. } => {
                    all.push(input);
                    if let Taps::Predicted(predict) = &convolution.taps {
                        all.push(predict);
                    }
                    all.push(output);
                }
            }
        }
    }
}

impl FeedForward {
    fn linears<'a>(&'a self, all: &mut Vec<&'a Linear>) {
        all.extend([&self.first, &self.second]);
    }
}
