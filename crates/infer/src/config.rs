//! How to search for translations.

/// What beam search may and may not do. The default is fairseq's with a beam of 5.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorConfig {
    /// Hypotheses kept at each step and returned; 1 is greedy search.
    pub beam: usize,
    /// p of a hypothesis's score: the sum of its log-probabilities / tokens^p, `</s>` counted. 0 leaves the sum; above 1
    /// favours long translations.
    pub length_penalty: f32,
    /// a of the longest translation, a x source tokens + b, `</s>` counted in the source but not in the translation.
    pub max_len_a: f64,
    /// b of the same.
    pub max_len_b: usize,
    /// The fewest tokens before `</s>`.
    pub min_len: usize,
    /// Sequences of so many tokens may not come twice in a translation; 0 allows all.
    pub no_repeat_ngram: usize,
}

impl Default for GeneratorConfig {
    fn default() -> GeneratorConfig {
        GeneratorConfig { beam: 5, length_penalty: 1.0, max_len_a: 0.0, max_len_b: 200, min_len: 1, no_repeat_ngram: 0 }
    }
}

/// A setting that no search can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} = {value}: {expected}")]
pub struct GeneratorConfigError {
    /// The setting.
    pub name: &'static str,
    /// As it was given.
    pub value: String,
    /// What it may be.
    pub expected: &'static str,
}

impl GeneratorConfig {
    /// Errors: the first setting out of range.
    pub fn validate(&self) -> Result<(), GeneratorConfigError> {
        let refuse = |name, value: &dyn std::fmt::Display, expected| {
            Err(GeneratorConfigError { name, value: value.to_string(), expected })
        };
        if !(1..=1024).contains(&self.beam) {
            return refuse("beam", &self.beam, "must be from 1 to 1024");
        }
        if !(self.max_len_a.is_finite() && self.max_len_a >= 0.0) {
            return refuse("max_len_a", &self.max_len_a, "must be a number not below 0");
        }
        if !self.length_penalty.is_finite() {
            return refuse("length_penalty", &self.length_penalty, "must be a number");
        }
        Ok(())
    }

    /// The most tokens before `</s>` of a translation of `source_tokens`, `</s>` counted, by a model that decodes at most
    /// `max_positions` tokens.
    pub(crate) fn max_len(&self, source_tokens: usize, max_positions: usize) -> usize {
        let wanted = (self.max_len_a * source_tokens as f64 + self.max_len_b as f64) as usize;
        wanted.min(max_positions - 1)
    }
}
