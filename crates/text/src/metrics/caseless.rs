//! Any metric over small letters alone, as sacreBLEU's `-lc` and multi-bleu's have it.

use super::{Better, Metric};

/// A metric of both sides lowercased.
pub struct Caseless {
    inner: Box<dyn Metric>,
}

impl Caseless {
    /// Of a metric that tells cases apart.
    pub fn new(inner: impl Metric + 'static) -> Caseless {
        Caseless { inner: Box::new(inner) }
    }
}

impl Metric for Caseless {
    fn title(&self) -> String {
        self.inner.title() + ", lc"
    }

    fn signature(&self) -> Option<String> {
        self.inner.signature().map(|s| s.replace("case:mixed", "case:lc"))
    }

    fn better(&self) -> Better {
        self.inner.better()
    }

    fn width(&self) -> usize {
        self.inner.width()
    }

    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        self.inner.count(&output.to_lowercase(), &reference.to_lowercase())
    }

    fn score(&self, sums: &[f64]) -> f64 {
        self.inner.score(sums)
    }

    fn details(&self, sums: &[f64]) -> String {
        self.inner.details(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Chrf, SacreBleu, Tokens, WordOrder};
    use super::*;

    #[test]
    fn cases_are_one_and_the_signature_says_so() {
        let (cased, caseless) = (SacreBleu::new(Tokens::V13a), Caseless::new(SacreBleu::new(Tokens::V13a)));
        let (output, reference) = ("das Haus ist ÄLTER .", "Das haus ist älter .");
        assert_eq!(caseless.count(output, reference), cased.count(&output.to_lowercase(), &reference.to_lowercase()));
        // A mean of logarithms of one, to a few roundings.
        assert!((caseless.score(&caseless.count(output, reference)) - 100.0).abs() < 1e-9);
        assert!(cased.score(&cased.count(output, reference)) < 50.0);
        assert!(caseless.signature().unwrap().starts_with("nrefs:1|case:lc|eff:no|tok:13a|"));
        assert!(Caseless::new(Chrf::new(WordOrder::None)).signature().unwrap().contains("|case:lc|"));
        assert_eq!(caseless.title(), "BLEU (sacreBLEU), lc");
    }
}
