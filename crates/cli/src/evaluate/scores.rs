//! Scores of one system or two.

use super::ScoreArgs;
use lsra_text::metrics::{
    CasedMetric, Comparison, Interval, Metric, MetricName, Resampling, Statistics, bootstrap, compare,
};
use lsra_text::moses::Detokeniser;

/// What systems said, and what they should have said.
pub(super) struct Outputs {
    /// Names and translations.
    pub(super) systems: Vec<(String, Vec<String>)>,
    pub(super) references: Vec<String>,
}

/// Everything that is told of them.
pub(super) struct Scored {
    pub(super) systems: Vec<String>,
    pub(super) sentences: usize,
    pub(super) rows: Vec<Row>,
}

/// One metric.
pub(super) struct Row {
    pub(super) name: MetricName,
    pub(super) metric: Box<dyn Metric>,
    /// For each system.
    pub(super) scores: Vec<Score>,
    /// Of the second system with the first.
    pub(super) comparison: Option<Comparison>,
}

/// One system's.
pub(super) struct Score {
    pub(super) score: f64,
    pub(super) interval: Interval,
    pub(super) details: String,
}

impl Scored {
    pub(super) fn of(outputs: &Outputs, metrics: &[MetricName], args: &ScoreArgs) -> Scored {
        let resampling = Resampling { samples: args.samples.get(), trials: args.trials.get(), seed: args.seed };
        let sentences = args.detokenise.map(|language| {
            let detokeniser = Detokeniser::new(language);
            let join = |lines: &[String]| lines.iter().map(|line| detokeniser.detokenise(line)).collect();
            Outputs {
                systems: outputs.systems.iter().map(|(name, lines)| (name.clone(), join(lines))).collect(),
                references: join(&outputs.references),
            }
        });
        let row = |&name: &MetricName| {
            // multi-bleu is defined over tokens, all others cut for themselves.
            let over_tokens = matches!(name, MetricName::MultiBleu | MetricName::Caseless(CasedMetric::MultiBleu));
            let given = if over_tokens { outputs } else { sentences.as_ref().unwrap_or(outputs) };
            Row::of(name, given, &resampling)
        };
        Scored {
            systems: outputs.systems.iter().map(|(name, _)| name.clone()).collect(),
            sentences: outputs.references.len(),
            rows: metrics.iter().map(row).collect(),
        }
    }
}

impl Row {
    fn of(name: MetricName, outputs: &Outputs, resampling: &Resampling) -> Row {
        let metric = name.metric();
        let count = |(_, lines): &(String, Vec<String>)| Statistics::of(metric.as_ref(), lines, &outputs.references);
        let statistics: Vec<Statistics> = outputs.systems.iter().map(count).collect();
        let score = |statistics: &Statistics| {
            let sums = statistics.sums();
            let interval = bootstrap(metric.as_ref(), statistics, resampling);
            Score { score: metric.score(&sums), interval, details: metric.details(&sums) }
        };
        let comparison = match &statistics[..] {
            [first, second] => Some(compare(metric.as_ref(), first, second, resampling)),
            _ => None,
        };
        Row { name, scores: statistics.iter().map(score).collect(), comparison, metric }
    }
}
