//! Names by which metrics are asked for.

use super::{Chrf, Metric, MultiBleu, Rouge, RougeKind, SacreBleu, Stemming, Ter, Tokens, WordOrder};
use std::fmt;
use std::str::FromStr;

/// A metric as it is usually set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricName {
    /// `multi-bleu`: over given tokens.
    MultiBleu,
    /// `bleu`: sacreBLEU's, over its own tokens.
    Bleu(Tokens),
    /// `chrf`: chrF2.
    Chrf,
    /// `chrf++`: chrF2++, with words and pairs of words.
    ChrfPlusPlus,
    /// `ter`.
    Ter,
    /// `rouge-1` and so on, with `-stem` at the end over stems.
    Rouge(RougeKind, Stemming),
}

impl MetricName {
    /// All of them.
    pub const ALL: [MetricName; 15] = [
        MetricName::MultiBleu,
        MetricName::Bleu(Tokens::V13a),
        MetricName::Bleu(Tokens::International),
        MetricName::Bleu(Tokens::Characters),
        MetricName::Chrf,
        MetricName::ChrfPlusPlus,
        MetricName::Ter,
        MetricName::Rouge(RougeKind::Ngrams(1), Stemming::Off),
        MetricName::Rouge(RougeKind::Ngrams(2), Stemming::Off),
        MetricName::Rouge(RougeKind::Longest, Stemming::Off),
        MetricName::Rouge(RougeKind::LongestOfSummary, Stemming::Off),
        MetricName::Rouge(RougeKind::Ngrams(1), Stemming::Porter),
        MetricName::Rouge(RougeKind::Ngrams(2), Stemming::Porter),
        MetricName::Rouge(RougeKind::Longest, Stemming::Porter),
        MetricName::Rouge(RougeKind::LongestOfSummary, Stemming::Porter),
    ];

    /// What translations are told with.
    pub const USUAL: [MetricName; 4] =
        [MetricName::MultiBleu, MetricName::Bleu(Tokens::V13a), MetricName::Chrf, MetricName::Ter];

    /// The metric.
    pub fn metric(self) -> Box<dyn Metric> {
        match self {
            MetricName::MultiBleu => Box::new(MultiBleu),
            MetricName::Bleu(tokens) => Box::new(SacreBleu::new(tokens)),
            MetricName::Chrf => Box::new(Chrf::new(WordOrder::None)),
            MetricName::ChrfPlusPlus => Box::new(Chrf::new(WordOrder::Pairs)),
            MetricName::Ter => Box::new(Ter),
            MetricName::Rouge(kind, stemming) => Box::new(Rouge::new(kind, stemming)),
        }
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricName::MultiBleu => f.write_str("multi-bleu"),
            MetricName::Bleu(Tokens::V13a) => f.write_str("bleu"),
            MetricName::Bleu(tokens) => write!(f, "bleu-{}", tokens.name()),
            MetricName::Chrf => f.write_str("chrf"),
            MetricName::ChrfPlusPlus => f.write_str("chrf++"),
            MetricName::Ter => f.write_str("ter"),
            MetricName::Rouge(kind, Stemming::Off) => write!(f, "rouge-{}", kind.name()),
            MetricName::Rouge(kind, Stemming::Porter) => write!(f, "rouge-{}-stem", kind.name()),
        }
    }
}

/// A name that no metric has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric {0:?}; use {list}", list = MetricName::ALL.map(|m| m.to_string()).join(", "))]
pub struct UnknownMetric(String);

impl FromStr for MetricName {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<MetricName, UnknownMetric> {
        MetricName::ALL.into_iter().find(|m| m.to_string() == name).ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}
