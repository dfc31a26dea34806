//! From a configuration to a model.

use crate::config::{ConfigError, ConvolutionKind, Embeddings, FeedForwardInit, ModelConfig, NormOrder};
use crate::layers::*;
use crate::names;
use crate::params::{Init, ParamRole, Params};

/// Id of the padding symbol, whose row in every table starts as zero. Batches are ragged: it is never looked up.
const PAD: usize = 1;

impl Model {
    /// Errors: a value of the configuration is out of range.
    pub fn new(config: &ModelConfig) -> Result<Model, ConfigError> {
        config.validate()?;
        let mut b = Builder { c: config, params: Params::default(), sites: 0 };
        let encoder = b.encoder();
        let decoder = b.decoder(&encoder);
        Ok(Model { config: config.clone(), params: b.params, encoder, decoder })
    }
}

struct Builder<'a> {
    c: &'a ModelConfig,
    params: Params,
    sites: u32,
}

impl Builder<'_> {
    fn encoder(&mut self) -> Encoder {
        let table = self.table("encoder.embed_tokens.weight", self.c.source_vocabulary);
        let embedding = self.embedding(table, self.c.source_vocabulary);
        let layers = (0..self.c.encoder_layers)
            .map(|i| {
                let path = format!("encoder.layers.{i}");
                let lsra = self.lsra(&path, Direction::Centred, self.c.encoder_kernels.get(i).copied());
                let feed_forward = self.feed_forward(&path);
                EncoderLayer { path, lsra, feed_forward }
            })
            .collect();
        let final_norm = self.final_norm("encoder.layer_norm");
        Encoder { embedding, layers, final_norm }
    }

    fn decoder(&mut self, encoder: &Encoder) -> Decoder {
        let words = self.c.target_vocabulary;
        let table = match self.c.embeddings {
            Embeddings::AllShared => encoder.embedding.table,
            Embeddings::Separate | Embeddings::SharedDecoder => self.table("decoder.embed_tokens.weight", words),
        };
        let embedding = self.embedding(table, words);
        let layers = (0..self.c.decoder_layers)
            .map(|i| {
                let path = format!("decoder.layers.{i}");
                let lsra = self.lsra(&path, Direction::Causal, self.c.decoder_kernels.get(i).copied());
                let cross =
                    self.attention(&format!("{path}.encoder_attn"), self.c.channels, self.c.cross_attention_heads);
                let cross_residual = self.residual(&format!("{path}.encoder_attn_layer_norm"));
                let feed_forward = self.feed_forward(&path);
                DecoderLayer { path, lsra, cross, cross_residual, feed_forward }
            })
            .collect();
        let final_norm = self.final_norm("decoder.layer_norm");
        let weight = match self.c.embeddings {
            Embeddings::Separate => {
                let init = Init::Normal { std: (self.c.channels as f32).powf(-0.5), zero_row: None };
                self.params.add("decoder.embed_out", &[words, self.c.channels], init, ParamRole::OutputProjection)
            }
            Embeddings::SharedDecoder | Embeddings::AllShared => table,
        };
        let output =
            Linear { weight, bias: None, inputs: self.c.channels, outputs: words, activation: Activation::None };
        Decoder { embedding, layers, final_norm, output }
    }

    fn table(&mut self, name: &str, words: usize) -> crate::ParamId {
        let init = Init::Normal { std: (self.c.channels as f32).powf(-0.5), zero_row: Some(PAD) };
        self.params.add(name, &[words, self.c.channels], init, ParamRole::Embedding)
    }

    fn embedding(&mut self, table: crate::ParamId, words: usize) -> Embedding {
        Embedding {
            table,
            words,
            channels: self.c.channels,
            scale: (self.c.channels as f32).sqrt(),
            max_positions: self.c.max_positions,
            dropout: self.dropout(self.c.dropout),
        }
    }

    fn lsra(&mut self, layer: &str, direction: Direction, kernel: Option<usize>) -> Lsra {
        let channels = [self.c.attention_channels, self.c.convolution_channels];
        let count = channels.iter().filter(|&&n| n > 0).count();
        let mut branches = Vec::with_capacity(count);
        if self.c.attention_channels > 0 {
            let path = names::branch(layer, branches.len(), count);
            branches.push(Branch::Attention(self.attention(&path, self.c.attention_channels, self.c.attention_heads)));
        }
        if self.c.convolution_channels > 0 {
            let path = names::branch(layer, branches.len(), count);
            let kernel = kernel.expect("a validated configuration has a kernel size a layer");
            branches.push(self.convolution(&path, direction, kernel));
        }
        let residual = self.residual(&format!("{layer}.self_attn_layer_norm"));
        Lsra { branches, residual }
    }

    fn attention(&mut self, path: &str, channels: usize, heads: usize) -> Attention {
        // q, k and v as PyTorch's MultiheadAttention starts them; the paper's models never change width here.
        let mut project = |name: &str, gain: f32, bias: Init| {
            let weight = Init::xavier(channels, channels, gain);
            self.linear(&format!("{path}.{name}"), (channels, channels), weight, Some(bias), Activation::None)
        };
        let default_bias = Init::Uniform { bound: (channels as f32).powf(-0.5) };
        let gain = 0.5f32.sqrt();
        let key = project("k_proj", gain, default_bias);
        let value = project("v_proj", gain, default_bias);
        let query = project("q_proj", gain, default_bias);
        let output = project("out_proj", 1.0, Init::Zeros);
        let dropout = self.dropout(self.c.attention_dropout);
        Attention { heads, channels, query, key, value, output, dropout }
    }

    fn convolution(&mut self, path: &str, direction: Direction, kernel: usize) -> Branch {
        let channels = self.c.convolution_channels;
        let heads = self.c.convolution_heads;
        let wide = if self.c.glu { 2 * channels } else { channels };
        let taps = match self.c.convolution {
            ConvolutionKind::Lightweight => {
                let init = Init::xavier(kernel, heads * kernel, 1.0);
                let name = format!("{path}.weight");
                Taps::Fixed(self.params.add(name, &[heads, 1, kernel], init, ParamRole::Weight))
            }
            ConvolutionKind::Dynamic => {
                let init = Init::xavier(channels, heads * kernel, 1.0);
                let name = format!("{path}.weight_linear");
                Taps::Predicted(self.linear(&name, (channels, heads * kernel), init, None, Activation::None))
            }
        };
        let plain = |b: &mut Self, name: &str, inputs: usize, outputs: usize| {
            let weight = Init::xavier(inputs, outputs, 1.0);
            b.linear(&format!("{path}.{name}"), (inputs, outputs), weight, Some(Init::Zeros), Activation::None)
        };
        let input = plain(self, "linear1", channels, wide);
        let output = plain(self, "linear2", channels, channels);
        let dropout = self.dropout(self.c.taps_dropout);
        let dropout_mode = self.c.taps_dropout_mode;
        let convolution = Convolution { channels, heads, kernel, direction, taps, dropout, dropout_mode };
        Branch::Convolution { input, glu: self.c.glu, convolution, output }
    }

    fn feed_forward(&mut self, layer: &str) -> FeedForward {
        let (d, f) = (self.c.channels, self.c.feed_forward);
        let mut linear = |name: &str, inputs: usize, outputs: usize, activation| {
            let fan_out = match self.c.feed_forward_init {
                FeedForwardInit::Xavier => outputs,
                FeedForwardInit::WideXavier => 2 * inputs,
            };
            let weight = Init::xavier(inputs, fan_out, 1.0);
            self.linear(&format!("{layer}.{name}"), (inputs, outputs), weight, Some(Init::Zeros), activation)
        };
        let first = linear("fc1", d, f, Activation::Relu);
        let second = linear("fc2", f, d, Activation::None);
        let residual = self.residual(&format!("{layer}.final_layer_norm"));
        FeedForward { first, second, residual }
    }

    fn linear(
        &mut self,
        path: &str,
        (inputs, outputs): (usize, usize),
        weight: Init,
        bias: Option<Init>,
        activation: Activation,
    ) -> Linear {
        let weight = self.params.add(format!("{path}.weight"), &[outputs, inputs], weight, ParamRole::Weight);
        let bias = bias.map(|init| self.params.add(format!("{path}.bias"), &[outputs], init, ParamRole::Weight));
        Linear { weight, bias, inputs, outputs, activation }
    }

    fn residual(&mut self, path: &str) -> Residual {
        Residual { norm: self.norm(path), dropout: self.dropout(self.c.dropout) }
    }

    fn norm(&mut self, path: &str) -> Norm {
        let channels = self.c.channels;
        let gamma = self.params.add(format!("{path}.weight"), &[channels], Init::Ones, ParamRole::Weight);
        let beta = self.params.add(format!("{path}.bias"), &[channels], Init::Zeros, ParamRole::Weight);
        Norm { gamma, beta, channels }
    }

    fn final_norm(&mut self, path: &str) -> Option<Norm> {
        (self.c.norm == NormOrder::Pre).then(|| self.norm(path))
    }

    fn dropout(&mut self, rate: f32) -> Dropout {
        self.sites += 1;
        Dropout { rate, site: self.sites - 1 }
    }
}
