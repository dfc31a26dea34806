//! What translations and summaries are measured by: BLEU as `multi-bleu` and as sacreBLEU count it, chrF2, chrF2++, TER,
//! ROUGE; with confidence intervals, and tests between two systems.
//!
//! Every [`Metric`] counts a few numbers for each sentence, and its score follows from their sums over the corpus. So
//! counting, which is slow, is done once ([`Statistics`]), and whatever draws corpora anew ([`bootstrap`], [`compare`])
//! adds rows of a table, the same way for all.
//!
//! ```
//! use lsra_text::metrics::{MetricName, Resampling, Statistics, bootstrap};
//!
//! let metric = MetricName::Chrf.metric();
//! let statistics = Statistics::of(metric.as_ref(), &["a small house"], &["the small house"]);
//! let score = metric.score(&statistics.sums());
//! let interval = bootstrap(metric.as_ref(), &statistics, &Resampling::default());
//! assert!(interval.low <= score && score <= interval.high);
//! ```

mod bleu;
mod caseless;
mod chrf;
mod compounds;
mod name;
mod ngrams;
mod rouge;
mod sacrebleu;
mod significance;
mod ter;
mod tokens;

pub use bleu::{Bleu, MultiBleu};
pub use caseless::Caseless;
pub use chrf::{Chrf, WordOrder};
pub use compounds::split_compounds;
pub use name::{CasedMetric, MetricName, UnknownMetric};
pub use rouge::{Rouge, RougeKind, Stemming};
pub use sacrebleu::SacreBleu;
pub use significance::{Comparison, Interval, Resampling, bootstrap, compare};
pub use ter::Ter;
pub use tokens::Tokens;

/// The version of sacreBLEU whose numbers these are, as signatures name it.
const SACREBLEU_VERSION: &str = "2.6.0";

/// Which end of the scale is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Scores of similarity.
    Higher,
    /// Counts of errors.
    Lower,
}

/// A score that follows from sums over sentences.
pub trait Metric: Send + Sync {
    /// What it is called in tables.
    fn title(&self) -> String;

    /// The settings that a score has to be told with, as sacreBLEU writes them, where it knows the metric.
    fn signature(&self) -> Option<String> {
        None
    }

    /// Which end of the scale is good.
    fn better(&self) -> Better {
        Better::Higher
    }

    /// How many numbers a sentence has.
    fn width(&self) -> usize;

    /// The numbers of a sentence, [`width`](Metric::width) of them.
    fn count(&self, output: &str, reference: &str) -> Vec<f64>;

    /// From 0 to 100, or above 100 where more is wrong than there is. `sums`: `[width]`.
    fn score(&self, sums: &[f64]) -> f64;

    /// What a score is told with beside itself, such as precisions; nothing where there is nothing to tell.
    fn details(&self, sums: &[f64]) -> String {
        let _ = sums;
        String::new()
    }
}

/// The numbers of each sentence of a corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    width: usize,
    /// [sentences, width]. Counts, which are exact, or scores of sentences.
    rows: Vec<f64>,
}

impl Statistics {
    /// Counts each sentence. Panics unless there is a reference for each output.
    pub fn of<O: AsRef<str>, R: AsRef<str>>(metric: &dyn Metric, outputs: &[O], references: &[R]) -> Statistics {
        assert_eq!(outputs.len(), references.len(), "outputs and references");
        let width = metric.width();
        let mut rows = Vec::with_capacity(width * outputs.len());
        for (output, reference) in outputs.iter().zip(references) {
            let row = metric.count(output.as_ref(), reference.as_ref());
            assert_eq!(row.len(), width, "numbers of a sentence");
            rows.extend(row);
        }
        Statistics { width, rows }
    }

    /// How many sentences.
    pub fn sentences(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Of the whole corpus: `[width]`
    pub fn sums(&self) -> Vec<f64> {
        self.sums_of(0..self.sentences())
    }

    /// Of these sentences, which may come more than once: `[width]`
    fn sums_of(&self, sentences: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        for sentence in sentences {
            sums.iter_mut().zip(self.row(sentence)).for_each(|(sum, n)| *sum += n);
        }
        sums
    }

    fn row(&self, sentence: usize) -> &[f64] {
        &self.rows[sentence * self.width..][..self.width]
    }
}

#[cfg(test)]
mod tests;
