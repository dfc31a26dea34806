//! Text on its way into and out of a model: cutting words into pieces, vocabularies, parallel corpora, batches, and
//! what translations are measured by. It knows nothing of tensors: it ends where sentences have become ids.
//!
//! The order of things is [`TextPair`] (lines) → [`Bpe`] (pieces) → [`Vocabulary`] (ids) → [`Corpus`] →
//! [`Batches`]. [`Prepared`] does all of it for a folder, [`demo`] for a corpus made on the spot.
//!
//! Corpora are expected as the literature prepares them, tokenised by Moses's rules and mostly lowercased, and
//! translations leave in the same form; [`moses`] has the rules, in both directions, and [`metrics`] the scores.
#![forbid(unsafe_code)]

mod batching;
mod bpe;
pub mod casing;
mod corpus;
pub mod demo;
mod errors;
mod files;
pub mod metrics;
pub mod moses;
pub mod prepare;
mod random;
mod recut;
pub mod sentences;
pub mod spans;
mod staged;
mod substitute;
mod vocabulary;

pub use batching::{Batch, BatchLimits, Batches};
pub use bpe::{Bpe, PieceCount, Spelling};
pub use corpus::{Corpus, Languages, Prepared, Split, TextPair, Texts, cut_line};
pub use errors::TextError;
pub use metrics::{Bleu, split_compounds};
pub use recut::Recut;
pub use vocabulary::{BOS, EOS, Encoded, PAD, UNK, Unknown, Vocabulary};
