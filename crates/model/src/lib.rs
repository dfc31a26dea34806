//! What a Lite Transformer computes, with no word on how.
//!
//! A [`Model`] is plain data: dimensions, kernel sizes and the [`ParamId`]s of its weights. [`forward`] has one function a
//! block, generic over the [`Exec`] trait, whose implementations infer, differentiate, count or check. No kernel is named here.
#![forbid(unsafe_code)]

mod build;
pub mod config;
pub mod exec;
pub mod forward;
pub mod layers;
mod names;
pub mod params;
mod past;
pub mod presets;
pub mod sequences;

pub use config::{ConfigError, ConvolutionKind, Embeddings, ModelConfig, NormOrder, TapsDropout};
pub use exec::{Exec, Losses};
pub use forward::{Memory, decode, encode, remember};
pub use layers::Model;
pub use params::{Init, ParamId, ParamSpec, Params};
pub use past::{DecoderPast, History, Past};
pub use sequences::{Sequences, Tokens};
