//! Names by which metrics are asked for.

use super::{Caseless, Chrf, Metric, MultiBleu, Rouge, RougeKind, SacreBleu, Stemming, Ter, Tokens, WordOrder};
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
    /// With `-lc` at the end: of small letters alone.
    Caseless(CasedMetric),
}

/// A metric that tells capitals from small letters. TER and ROUGE never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CasedMetric {
    /// `multi-bleu`.
    MultiBleu,
    /// `bleu`.
    Bleu,
    /// `chrf`.
    Chrf,
    /// `chrf++`.
    ChrfPlusPlus,
}

impl MetricName {
    /// All of them.
    pub const ALL: [MetricName; 19] = [
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
        MetricName::Caseless(CasedMetric::MultiBleu),
        MetricName::Caseless(CasedMetric::Bleu),
        MetricName::Caseless(CasedMetric::Chrf),
        MetricName::Caseless(CasedMetric::ChrfPlusPlus),
    ];

    /// What translations are told with.
    pub const USUAL: [MetricName; 4] =
        [MetricName::MultiBleu, MetricName::Bleu(Tokens::V13a), MetricName::Chrf, MetricName::Ter];

    /// As [`MetricName::USUAL`], for a model that knows no capitals beside references that have them: each metric that tells
    /// them apart also without.
    pub const USUAL_OF_LOWERCASED: [MetricName; 7] = [
        MetricName::MultiBleu,
        MetricName::Caseless(CasedMetric::MultiBleu),
        MetricName::Bleu(Tokens::V13a),
        MetricName::Caseless(CasedMetric::Bleu),
        MetricName::Chrf,
        MetricName::Caseless(CasedMetric::Chrf),
        MetricName::Ter,
    ];

    /// The metric.
    pub fn metric(self) -> Box<dyn Metric> {
        match self {
            MetricName::MultiBleu => Box::new(MultiBleu),
            MetricName::Bleu(tokens) => Box::new(SacreBleu::new(tokens)),
            MetricName::Chrf => Box::new(Chrf::new(WordOrder::None)),
            MetricName::ChrfPlusPlus => Box::new(Chrf::new(WordOrder::Pairs)),
            MetricName::Ter => Box::new(Ter),
            MetricName::Rouge(kind, stemming) => Box::new(Rouge::new(kind, stemming)),
            MetricName::Caseless(cased) => Box::new(match cased {
                CasedMetric::MultiBleu => Caseless::new(MultiBleu),
                CasedMetric::Bleu => Caseless::new(SacreBleu::new(Tokens::V13a)),
                CasedMetric::Chrf => Caseless::new(Chrf::new(WordOrder::None)),
                CasedMetric::ChrfPlusPlus => Caseless::new(Chrf::new(WordOrder::Pairs)),
            }),
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
            MetricName::Caseless(CasedMetric::MultiBleu) => f.write_str("multi-bleu-lc"),
            MetricName::Caseless(CasedMetric::Bleu) => f.write_str("bleu-lc"),
            MetricName::Caseless(CasedMetric::Chrf) => f.write_str("chrf-lc"),
            MetricName::Caseless(CasedMetric::ChrfPlusPlus) => f.write_str("chrf++-lc"),
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
