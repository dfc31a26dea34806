//! Small models of every kind.

use lsra_exec::Weights;
use lsra_model::config::{ConvolutionKind, Embeddings, NormOrder};
use lsra_model::{Model, ModelConfig, presets};

/// Words of both vocabularies: no multiple of a vector.
pub const WORDS: usize = 137;
/// The longest sentence of the tests: more keys than a tile of attention holds.
pub const LONGEST: usize = 90;

/// The kinds of models.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Lightweight,
    DynamicWithGlu,
    NormsFirst,
    Transformer,
    ConvolutionOnly,
}

impl Kind {
    pub const ALL: [Kind; 5] =
        [Kind::Lightweight, Kind::DynamicWithGlu, Kind::NormsFirst, Kind::Transformer, Kind::ConvolutionOnly];

    /// Two layers a side; widths that fill no whole number of vectors; a kernel longer than most sentences.
    pub fn config(self) -> ModelConfig {
        let mut c = presets::preset("iwslt-160").unwrap().model;
        (c.channels, c.attention_channels, c.convolution_channels) = (36, 12, 24);
        (c.feed_forward, c.max_positions) = (44, LONGEST + 10);
        (c.attention_heads, c.cross_attention_heads, c.convolution_heads) = (3, 4, 2);
        (c.encoder_layers, c.decoder_layers) = (2, 2);
        (c.encoder_kernels, c.decoder_kernels) = (vec![3, 31], vec![4, 31]);
        (c.source_vocabulary, c.target_vocabulary) = (WORDS, WORDS);
        match self {
            Kind::Lightweight => {}
            Kind::DynamicWithGlu => {
                (c.convolution, c.glu, c.embeddings) = (ConvolutionKind::Dynamic, true, Embeddings::AllShared);
            }
            Kind::NormsFirst => (c.norm, c.embeddings) = (NormOrder::Pre, Embeddings::SharedDecoder),
            Kind::Transformer => (c.attention_channels, c.convolution_channels) = (36, 0),
            Kind::ConvolutionOnly => (c.attention_channels, c.convolution_channels) = (0, 36),
        }
        c
    }

    pub fn model(self) -> (Model, Weights) {
        let model = Model::new(&self.config()).unwrap();
        let weights = Weights::init(&model.params, 5);
        (model, weights)
    }
}
