use super::*;
use proptest::prelude::*;

const FEW: Resampling = Resampling { samples: 200, trials: 400, seed: 1 };

/// Sentences of a system that is right in a share of its words.
fn system(sentences: usize, wrong_every: usize) -> (Vec<String>, Vec<String>) {
    let word = |i: usize, j: usize| format!("w{}", (i * 31 + j * 17) % 97);
    let line = |i: usize, wrong: usize| -> String {
        let words = (0..6 + i % 9).map(|j| if (i + j) % wrong == wrong - 1 { "x".to_owned() } else { word(i, j) });
        words.collect::<Vec<_>>().join(" ")
    };
    let lines = |wrong: usize| (0..sentences).map(|i| line(i, wrong)).collect();
    (lines(wrong_every), lines(usize::MAX))
}

#[test]
fn names_name_metrics() {
    for name in MetricName::ALL {
        assert_eq!(name.to_string().parse(), Ok(name));
        let metric = name.metric();
        assert_eq!(metric.count("a b", "a c").len(), metric.width(), "{name}");
    }
    let unknown = "bleurt".parse::<MetricName>().unwrap_err().to_string();
    assert!(unknown.contains("multi-bleu, bleu, bleu-intl") && unknown.contains("rouge-lsum-stem"), "{unknown}");
}

#[test]
fn signatures_are_sacrebleus() {
    let signature = |name: MetricName| name.metric().signature().unwrap_or_default();
    assert_eq!(
        signature(MetricName::Bleu(Tokens::International)),
        "nrefs:1|case:mixed|eff:no|tok:intl|smooth:exp|version:2.6.0"
    );
    assert_eq!(signature(MetricName::ChrfPlusPlus), "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0");
    assert_eq!(signature(MetricName::Ter), "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0");
    assert_eq!(signature(MetricName::MultiBleu), "");
}

#[test]
fn intervals_hold_the_score_and_depend_on_the_seed_alone() {
    let (outputs, references) = system(300, 5);
    for name in MetricName::ALL {
        let metric = name.metric();
        let statistics = Statistics::of(metric.as_ref(), &outputs, &references);
        let score = metric.score(&statistics.sums());
        let interval = bootstrap(metric.as_ref(), &statistics, &FEW);
        assert!(0.0 < interval.low && interval.low < score && score < interval.high, "{name}: {score}, {interval:?}");
        assert_eq!(bootstrap(metric.as_ref(), &statistics, &FEW), interval);
        assert_ne!(bootstrap(metric.as_ref(), &statistics, &Resampling { seed: 2, ..FEW }), interval);
    }
}

#[test]
fn systems_differ_or_do_not() {
    let ((good, references), (bad, _), (as_bad, _)) = (system(300, 6), system(300, 4), system(300, 4));
    for name in [MetricName::MultiBleu, MetricName::Chrf, MetricName::Ter] {
        let metric = name.metric();
        let of = |outputs: &[String]| Statistics::of(metric.as_ref(), outputs, &references);
        let compared = compare(metric.as_ref(), &of(&bad), &of(&good), &FEW);
        assert_eq!(compared.difference > 0.0, metric.better() == Better::Higher, "{name}");
        assert_eq!(compared.bootstrap_p, 1.0 / 201.0, "{name}");
        assert_eq!(compared.randomisation_p, 1.0 / 401.0, "{name}");
        let Interval { low, high, .. } = compared.interval;
        assert!(low < compared.difference && compared.difference < high, "{name}: {compared:?}");
        assert!(0.0 < low * high, "{name}: {compared:?}");
        let same = compare(metric.as_ref(), &of(&bad), &of(&as_bad), &FEW);
        let interval = Interval { low: 0.0, mean: 0.0, high: 0.0 };
        assert_eq!(same, Comparison { difference: 0.0, interval, bootstrap_p: 1.0, randomisation_p: 1.0 }, "{name}");
    }
    // A difference of one word in one sentence is nothing.
    let mut other = bad.clone();
    other[0] = format!("{} x", other[0]);
    let metric = MetricName::Ter.metric();
    let of = |outputs: &[String]| Statistics::of(metric.as_ref(), outputs, &references);
    let compared = compare(metric.as_ref(), &of(&bad), &of(&other), &FEW);
    assert!(compared.bootstrap_p > 0.05, "{compared:?}");
    assert!(compared.interval.low <= 0.0 && 0.0 <= compared.interval.high, "{compared:?}");
}

#[test]
fn nothing_scores_nothing() {
    for name in MetricName::ALL {
        let metric = name.metric();
        let none = Statistics::of::<&str, &str>(metric.as_ref(), &[], &[]);
        assert_eq!(metric.score(&none.sums()), 0.0, "{name}");
        metric.details(&none.sums());
        assert_eq!(bootstrap(metric.as_ref(), &none, &FEW), Interval { low: 0.0, mean: 0.0, high: 0.0 });
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", "([a-c]{1,2}[ .,\n]?){0,20}", "[ \u{a0}\u{1c}.,&;<>0-9aäßİ€漢\n-]{0,30}"]
}

proptest! {
    #[test]
    fn any_text_has_a_score(output in any_text(), reference in any_text()) {
        for name in MetricName::ALL {
            let metric = name.metric();
            let row = metric.count(&output, &reference);
            prop_assert_eq!(row.len(), metric.width());
            let score = metric.score(&row);
            prop_assert!(score >= 0.0 && score.is_finite(), "{}: {}", name, score);
            prop_assert!(metric.better() == Better::Lower || score <= 100.0 + 1e-9, "{}: {}", name, score);
            metric.details(&row);
        }
    }

    #[test]
    fn what_is_right_has_no_better(text in "([a-z]{4,9} ){5,9}[a-z]{2}") {
        for name in MetricName::ALL {
            let metric = name.metric();
            let best = if metric.better() == Better::Higher { 100.0 } else { 0.0 };
            let score = metric.score(&metric.count(&text, &text));
            prop_assert!((score - best).abs() < 1e-9, "{}: {}", name, score);
        }
    }

    /// The numbers of a corpus are those of its parts together.
    #[test]
    fn statistics_add(lines in prop::collection::vec((any_text(), any_text()), 1..6), cut in 0usize..6) {
        let (outputs, references): (Vec<String>, Vec<String>) = lines.into_iter().unzip();
        let cut = cut.min(outputs.len());
        for name in MetricName::ALL {
            let metric = name.metric();
            let whole = Statistics::of(metric.as_ref(), &outputs, &references).sums();
            let first = Statistics::of(metric.as_ref(), &outputs[..cut], &references[..cut]).sums();
            let second = Statistics::of(metric.as_ref(), &outputs[cut..], &references[cut..]).sums();
            for ((whole, first), second) in whole.iter().zip(first).zip(second) {
                // Counts add exactly; ROUGE's scores of sentences, at most 1 each, to a few roundings.
                prop_assert!((whole - (first + second)).abs() <= 8.0 * f64::EPSILON * whole, "{}", name);
            }
        }
    }
}
