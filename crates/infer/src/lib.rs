//! Translating with a trained model: beam search, batches, one replica a core.
//!
//! Results do not depend on what is translated together nor on the number of threads: the same bits alone or in any batch.
#![forbid(unsafe_code)]

mod attention;
mod beam;
mod chunks;
mod config;
mod generator;
mod hypothesis;
mod likelihood;
mod select;
mod translator;
mod words;

pub use attention::{Attention, alignment_layer};
pub use chunks::available_threads;
pub use config::{GeneratorConfig, GeneratorConfigError};
pub use hypothesis::Hypothesis;
pub use translator::{Translator, translate_corpus};
