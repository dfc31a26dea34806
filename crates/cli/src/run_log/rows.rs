//! Lines of a log. A number that a line lacks, or that is none, is NaN, and is left out wherever it is shown.

use serde_json::Value;

/// One update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateRow {
    /// From 1; 0 where the line does not say.
    pub epoch: u64,
    /// Label-smoothed loss, bits a target token, with dropout.
    pub loss: f64,
    /// 2^(negative log-likelihood in bits a target token).
    pub perplexity: f64,
    /// Learning rate.
    pub lr: f64,
    /// Of the gradient per target token, before clipping.
    pub gradient_norm: f64,
    /// Target tokens.
    pub tokens: f64,
    /// Wall time.
    pub seconds: f64,
}

/// One validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValidationRow {
    /// From 1; 0 where the line does not say.
    pub epoch: u64,
    /// Of the epoch's training batches, bits a target token.
    pub train_loss: f64,
    /// Of the validation set, bits a target token.
    pub loss: f64,
    /// Of the validation set.
    pub perplexity: f64,
    /// Wall time.
    pub seconds: f64,
}

/// Translations by the weights of a validation, and their score.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// From 1; 0 where the line does not say.
    pub epoch: u64,
    /// Of greedy search on some sentences of the validation set; NaN where none was asked for.
    pub bleu: f64,
    /// How many sentences those were.
    pub sentences: u64,
    /// Wall time.
    pub seconds: f64,
    /// The same sentences every time.
    pub translations: Vec<Translation>,
}

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// What was translated.
    pub source: String,
    /// What people made of it.
    pub reference: String,
    /// What the model made of it.
    pub translation: String,
}

impl UpdateRow {
    pub(super) fn of(line: &Value) -> UpdateRow {
        UpdateRow {
            epoch: whole(&line["epoch"]),
            loss: number(&line["loss"]),
            perplexity: number(&line["perplexity"]),
            lr: number(&line["lr"]),
            gradient_norm: number(&line["gradient_norm"]),
            tokens: number(&line["tokens"]),
            seconds: number(&line["seconds"]),
        }
    }

    /// Target tokens a second.
    pub fn speed(&self) -> f64 {
        self.tokens / self.seconds
    }
}

impl ValidationRow {
    pub(super) fn of(line: &Value) -> ValidationRow {
        ValidationRow {
            epoch: whole(&line["epoch"]),
            train_loss: number(&line["train_loss"]),
            loss: number(&line["loss"]),
            perplexity: number(&line["perplexity"]),
            seconds: number(&line["seconds"]),
        }
    }
}

impl Sample {
    pub(super) fn of(line: &Value) -> Sample {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let translation = |v: &Value| Translation {
            source: text(&v["source"]),
            reference: text(&v["reference"]),
            translation: text(&v["translation"]),
        };
        Sample {
            epoch: whole(&line["epoch"]),
            bleu: number(&line["bleu"]),
            sentences: whole(&line["sentences"]),
            seconds: number(&line["seconds"]),
            translations: line["translations"].as_array().map_or(Vec::new(), |t| t.iter().map(translation).collect()),
        }
    }
}

pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

pub(super) fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
