//! Train, valid and test share no sentence, on either side.

use crate::kit::{Bench, bytes, tsv};
use lsra_text::TextError;
use lsra_text::prepare::{PrepareConfig, Reason};
use proptest::prelude::*;
use std::collections::HashSet;

/// What is left of a sentence without case and marks.
fn bare(line: &str) -> String {
    line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Sentences of few words, so that many come several times, with and without capitals and full stops.
fn sentence() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["ja", "nein", "Haus", "haus", "Baum", "geht", "kommt", "3", "gut"]);
    (prop::collection::vec(word, 1..4), prop::sample::select(vec!["", ".", " !"]))
        .prop_map(|(w, end)| w.join(" ") + end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sentence_is_in_two_parts(
        all in prop::collection::vec((sentence(), sentence()), 1..120), valid in 1usize..9, test in 1usize..9, seed: u64
    ) {
        let mut bench = Bench::new("a.tsv", tsv(&all));
        let keep = vec![Reason::Identical, Reason::Ratio, Reason::Language, Reason::Script];
        bench.job.config =
            PrepareConfig { valid: Some(valid), test: Some(test), seed, keep, ..bench.job.config.clone() };
        match bench.run() {
            Ok(report) => {
                prop_assert_eq!(report.parts[1].pairs, valid);
                prop_assert_eq!(report.parts[2].pairs, test);
                let mut distinct = all.clone();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!(bench.kept(), distinct);
                for language in ["de", "en"] {
                    let of = |part| -> HashSet<String> {
                        bench.lines(&format!("{part}.{language}")).iter().map(|l| bare(l)).collect()
                    };
                    let [a, b, c] = ["train", "valid", "test"].map(of);
                    prop_assert!(a.is_disjoint(&b) && a.is_disjoint(&c) && b.is_disjoint(&c));
                }
            }
            Err(
                TextError::SplitTooLarge { .. } | TextError::TooFewPairs { .. } | TextError::NothingToTrain { .. },
            ) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_small_corpus_holds_out_a_twentieth_unless_told() {
    let mut bench = Bench::new("a.tsv", tsv(&crate::kit::pairs(400)));
    bench.job.config = PrepareConfig { valid: None, test: None, ..bench.job.config.clone() };
    let sizes: Vec<usize> = bench.run().unwrap().parts.iter().map(|p| p.pairs).collect();
    assert_eq!(sizes, [360, 20, 20]);
}

#[test]
fn another_seed_holds_out_other_sentences() {
    let mut bench = Bench::new("a.tsv", tsv(&crate::kit::pairs(400)));
    bench.job.config = PrepareConfig { valid: Some(20), test: Some(20), ..bench.job.config.clone() };
    bench.run().unwrap();
    let first = bench.lines("test.de");
    bench.job.config.seed = 2;
    bench.run().unwrap();
    assert_ne!(bench.lines("test.de"), first);
}

/// The same bytes whatever works on them.
#[test]
fn threads_change_nothing() {
    let mut all = crate::kit::pairs(6000);
    all.extend_from_slice(&crate::kit::pairs(500));
    let prepared = |threads: usize| {
        let bench = Bench::new("a.tsv", tsv(&all));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bench.run().unwrap());
        bytes(&bench.job.out)
    };
    let once = prepared(1);
    assert!(once.len() > 10);
    for threads in [1, 2, 5] {
        assert!(prepared(threads) == once, "{threads} threads");
    }
}

/// Asking for fewer helps nobody who has asked for none, or for one.
#[test]
fn of_a_tiny_corpus_it_is_told_what_is_missing() {
    let told = |pairs: usize, valid: Option<usize>, test: Option<usize>| {
        let mut bench = Bench::new("a.tsv", tsv(&crate::kit::pairs(pairs)));
        bench.job.config = PrepareConfig { valid, test, ..bench.job.config.clone() };
        bench.run().unwrap_err().to_string()
    };
    for told in [told(2, None, None), told(2, Some(1), Some(1)), told(1, None, None)] {
        let parts = ["share no sentence", "too few for train, valid and test", "add text", "--valid and --test"];
        assert!(parts.iter().all(|p| told.contains(p)) && !told.contains("ask for"), "{told}");
    }
    let told = told(20, Some(10), Some(10));
    assert!(told.contains("none is left for train") && told.contains("ask for fewer"), "{told}");
}
