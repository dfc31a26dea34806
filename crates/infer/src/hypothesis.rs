//! A translation.

/// A finished translation of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Target ids, `</s>` at the end.
    pub tokens: Vec<u32>,
    /// The sum of `log_probs` / tokens^[`length_penalty`](crate::GeneratorConfig::length_penalty).
    pub score: f32,
    /// The log-probability of each token, in nats.
    pub log_probs: Vec<f32>,
}
