//! Numbers of a run over updates, tokens or time.

use super::Record;

/// What is counted from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// Updates.
    Updates,
    /// Target tokens, in millions.
    Tokens,
    /// Hours at work.
    Hours,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Label-smoothed loss of training batches, bits a token.
    Loss,
    /// Perplexity of training batches.
    Perplexity,
    /// Learning rate.
    LearningRate,
    /// Norm of the gradient.
    GradientNorm,
    /// Target tokens a second.
    Speed,
    /// Loss of the validation set, bits a token.
    ValidLoss,
    /// Perplexity of the validation set.
    ValidPerplexity,
    /// BLEU of a sample of the validation set.
    Bleu,
}

/// The points of a curve from left to right, without those that are no numbers.
pub fn curve(record: &Record, quantity: Quantity, across: Across) -> Vec<(f64, f64)> {
    let places = Places::of(record, across);
    let updates = |value: fn(&super::UpdateRow) -> f64| -> Vec<(f64, f64)> {
        record.updates.values().zip(&places.0).map(|(u, place)| (place.1, value(u))).collect()
    };
    let validations = |value: fn(&super::ValidationRow) -> f64| -> Vec<(f64, f64)> {
        record.validations.iter().map(|(&n, v)| (places.at(n), value(v))).collect()
    };
    let mut points = match quantity {
        Quantity::Loss => updates(|u| u.loss),
        Quantity::Perplexity => updates(|u| u.perplexity),
        Quantity::LearningRate => updates(|u| u.lr),
        Quantity::GradientNorm => updates(|u| u.gradient_norm),
        Quantity::Speed => updates(super::UpdateRow::speed),
        Quantity::ValidLoss => validations(|v| v.loss),
        Quantity::ValidPerplexity => validations(|v| v.perplexity),
        Quantity::Bleu => record.samples.iter().map(|(&n, s)| (places.at(n), s.bleu)).collect(),
    };
    points.retain(|(x, y)| x.is_finite() && y.is_finite());
    points
}

/// Where every update lies: its number, and what had been counted when it was done.
struct Places(Vec<(u64, f64)>);

impl Places {
    fn of(record: &Record, across: Across) -> Places {
        let known = |x: f64| if x.is_finite() && x > 0.0 { x } else { 0.0 };
        let mut sum = 0.0;
        // What validations before an update took is time too.
        let mut pauses = record.validations.iter().map(|(&n, v)| (n, v.seconds)).collect::<Vec<_>>();
        pauses.extend(record.samples.iter().map(|(&n, s)| (n, s.seconds)));
        pauses.sort_by_key(|p| p.0);
        let mut pauses = pauses.into_iter().peekable();
        let mut place = |n: u64, u: &super::UpdateRow| match across {
            Across::Updates => n as f64,
            Across::Tokens => {
                sum += known(u.tokens) / 1e6;
                sum
            }
            Across::Hours => {
                while let Some((_, seconds)) = pauses.next_if(|p| p.0 < n) {
                    sum += known(seconds) / 3600.0;
                }
                sum += known(u.seconds) / 3600.0;
                sum
            }
        };
        Places(record.updates.iter().map(|(&n, u)| (n, place(n, u))).collect())
    }

    /// Of what came after so many updates. Without updates in the log nothing else is known than their number.
    fn at(&self, updates: u64) -> f64 {
        match self.0.partition_point(|p| p.0 <= updates) {
            0 => {
                if self.0.is_empty() {
                    updates as f64
                } else {
                    0.0
                }
            }
            n => self.0[n - 1].1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_drawn_over_updates_tokens_or_time() {
        let mut record = Record::default();
        for line in [
            r#"{"event":"update","updates":1,"loss":9,"tokens":1000000,"seconds":1800}"#,
            r#"{"event":"validation","updates":1,"loss":8,"seconds":3600}"#,
            r#"{"event":"sample","updates":1,"bleu":2,"seconds":1800}"#,
            r#"{"event":"update","updates":2,"loss":null,"tokens":500000,"seconds":1800}"#,
            r#"{"event":"update","updates":3,"loss":7,"tokens":500000,"seconds":1800}"#,
        ] {
            record.add(line.as_bytes());
        }
        let of = |quantity, across| curve(&record, quantity, across);
        assert_eq!(of(Quantity::Loss, Across::Updates), [(1.0, 9.0), (3.0, 7.0)], "a gap where there is no number");
        assert_eq!(of(Quantity::Loss, Across::Tokens), [(1.0, 9.0), (2.0, 7.0)]);
        assert_eq!(of(Quantity::Loss, Across::Hours), [(0.5, 9.0), (3.0, 7.0)]);
        assert_eq!(of(Quantity::ValidLoss, Across::Hours), [(0.5, 8.0)]);
        assert_eq!(of(Quantity::Bleu, Across::Tokens), [(1.0, 2.0)]);
        assert_eq!(of(Quantity::Perplexity, Across::Updates), []);
    }
}
