//! A model's dimensions, as a user writes them in TOML.

use serde::{Deserialize, Serialize};

/// Where a convolution's taps come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConvolutionKind {
    /// Parameters.
    Lightweight,
    /// Predicted from the input.
    Dynamic,
}

/// Which matrices are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embeddings {
    /// Source table, target table and output matrix are three.
    Separate,
    /// The target table is the output matrix.
    SharedDecoder,
    /// All three are one; needs one vocabulary.
    AllShared,
}

/// Where layer norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormOrder {
    /// After the residual sum.
    #[default]
    Post,
    /// Before the sublayer, with one more after the last layer.
    Pre,
}

/// What one mask of dropped taps covers where all positions have the same taps. Predicted taps differ between positions and are masked
/// at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TapsDropout {
    /// `[heads, kernel]` for the whole batch: what the original does on a GPU.
    #[default]
    Shared,
    /// `[heads, kernel]` for every sentence and position: what it does on a CPU.
    PerPosition,
}

/// The distribution that feed-forward layers start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedForwardInit {
    /// Xavier.
    #[default]
    Xavier,
    /// Xavier with the fan-out taken as twice the fan-in: the original's IWSLT models.
    WideXavier,
}

/// The dimensions of a translation model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of the model, d.
    pub channels: usize,
    /// Channels of the attention branch; with those of the convolution branch they make `channels`.
    pub attention_channels: usize,
    /// Channels of the convolution branch; 0 makes a plain Transformer.
    pub convolution_channels: usize,
    /// Width inside the feed-forward layers.
    pub feed_forward: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Heads of the attention branch.
    pub attention_heads: usize,
    /// Heads of the attention to the source.
    pub cross_attention_heads: usize,
    /// Rows of taps in the convolution branch.
    #[serde(default = "one")]
    pub convolution_heads: usize,
    /// Where taps come from.
    #[serde(default = "lightweight")]
    pub convolution: ConvolutionKind,
    /// Whether a gated linear unit precedes the convolution.
    #[serde(default)]
    pub glu: bool,
    /// Kernel size of each encoder layer; empty where there is no convolution.
    #[serde(default)]
    pub encoder_kernels: Vec<usize>,
    /// Kernel size of each decoder layer; empty where there is no convolution.
    #[serde(default)]
    pub decoder_kernels: Vec<usize>,
    /// Which matrices are one.
    pub embeddings: Embeddings,
    /// Words of the source vocabulary, the four special ones included.
    pub source_vocabulary: usize,
    /// Words of the target vocabulary, the four special ones included.
    pub target_vocabulary: usize,
    /// The longest sentence, in tokens, its end included.
    #[serde(default = "max_positions")]
    pub max_positions: usize,
    /// Where norms stand.
    #[serde(default)]
    pub norm: NormOrder,
    /// After embeddings and on every sublayer's output.
    #[serde(default)]
    pub dropout: f32,
    /// On attention weights.
    #[serde(default)]
    pub attention_dropout: f32,
    /// On taps after their softmax.
    #[serde(default)]
    pub taps_dropout: f32,
    /// What one mask of dropped taps covers.
    #[serde(default)]
    pub taps_dropout_mode: TapsDropout,
    /// The distribution that feed-forward layers start from.
    #[serde(default)]
    pub feed_forward_init: FeedForwardInit,
}

fn one() -> usize {
    1
}
fn lightweight() -> ConvolutionKind {
    ConvolutionKind::Lightweight
}
fn max_positions() -> usize {
    1024
}

/// A configuration that makes no model.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value out of range.
    #[error("model.{key} = {value}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: String,
    },
    /// Not TOML, or a key or type that is not known.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// No such preset.
    #[error("no preset is named {name:?}; there are {known}")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

fn refuse(key: &'static str, value: impl ToString, expected: impl Into<String>) -> Result<(), ConfigError> {
    Err(ConfigError::Value { key, value: value.to_string(), expected: expected.into() })
}

impl ModelConfig {
    /// Whether two passes over the same text in training can differ.
    pub fn has_dropout(&self) -> bool {
        let taps = self.convolution_channels > 0 && self.taps_dropout > 0.0;
        let weights = self.attention_channels > 0 && self.attention_dropout > 0.0;
        self.dropout > 0.0 || weights || taps
    }

    /// Errors: the first value out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), ConfigError> {
        const MOST: usize = 1 << 16;
        /// A file of a few bytes can ask for any number of them, each with parameters to name.
        const MOST_LAYERS: usize = 1 << 10;
        let sizes = [
            ("channels", self.channels, 1),
            ("feed_forward", self.feed_forward, 1),
            ("encoder_layers", self.encoder_layers, 1),
            ("decoder_layers", self.decoder_layers, 1),
            ("cross_attention_heads", self.cross_attention_heads, 1),
            ("max_positions", self.max_positions, 1),
            ("attention_channels", self.attention_channels, 0),
            ("convolution_channels", self.convolution_channels, 0),
        ];
        for (key, value, least) in sizes {
            let most = if key.ends_with("_layers") { MOST_LAYERS } else { MOST };
            if value < least || value > most {
                return refuse(key, value, format!("must be from {least} to {most}"));
            }
        }
        if self.attention_channels + self.convolution_channels != self.channels {
            let expected = format!(
                "attention_channels + convolution_channels must be channels: {} + {} is not {}",
                self.attention_channels, self.convolution_channels, self.channels
            );
            return refuse("attention_channels", self.attention_channels, expected);
        }
        divides("cross_attention_heads", self.cross_attention_heads, self.channels)?;
        if self.attention_channels > 0 {
            divides("attention_heads", self.attention_heads, self.attention_channels)?;
        }
        if self.convolution_channels > 0 {
            divides("convolution_heads", self.convolution_heads, self.convolution_channels)?;
            self.check_kernels("encoder_kernels", &self.encoder_kernels, self.encoder_layers)?;
            self.check_kernels("decoder_kernels", &self.decoder_kernels, self.decoder_layers)?;
        }
        for (key, words) in
            [("source_vocabulary", self.source_vocabulary), ("target_vocabulary", self.target_vocabulary)]
        {
            if !(5..=1 << 22).contains(&words) {
                return refuse(key, words, "must be from 5 (four special words and one more) to 4194304");
            }
        }
        if self.embeddings == Embeddings::AllShared && self.source_vocabulary != self.target_vocabulary {
            let expected =
                format!("must be source_vocabulary = {} where embeddings are all-shared", self.source_vocabulary);
            return refuse("target_vocabulary", self.target_vocabulary, expected);
        }
        for (key, rate) in [
            ("dropout", self.dropout),
            ("attention_dropout", self.attention_dropout),
            ("taps_dropout", self.taps_dropout),
        ] {
            if !(0.0..1.0).contains(&rate) {
                return refuse(key, rate, "must be at least 0 and below 1");
            }
        }
        Ok(())
    }

    fn check_kernels(&self, key: &'static str, kernels: &[usize], layers: usize) -> Result<(), ConfigError> {
        if kernels.len() != layers {
            return refuse(key, format!("{kernels:?}"), format!("must have one kernel size a layer, {layers}"));
        }
        match kernels.iter().find(|k| !(1..=1023).contains(*k)) {
            Some(k) => refuse(key, k, "each must be from 1 to 1023"),
            None => Ok(()),
        }
    }
}

fn divides(key: &'static str, heads: usize, channels: usize) -> Result<(), ConfigError> {
    if heads == 0 || !channels.is_multiple_of(heads) {
        return refuse(key, heads, format!("must divide the {channels} channels it splits"));
    }
    Ok(())
}
