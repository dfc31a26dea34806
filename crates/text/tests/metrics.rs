//! Metrics against sacreBLEU and rouge-score: on sentences of our own, and by their numbers on spoilt lines of the corpora
//! that `LSRA_DATA` holds.

use lsra_text::metrics::{MetricName, Resampling, Statistics, bootstrap, compare};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

const REFERENCE: &str = include_str!("references/metrics.json");

fn reference() -> Value {
    serde_json::from_str(REFERENCE).unwrap()
}

fn numbers(row: &Value) -> Vec<f64> {
    row.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

/// Counts must be the same; sums of ROUGE's scores, at most 1 for each of `lines`, to their roundings.
fn assert_same(found: &[f64], expected: &[f64], lines: usize, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let rounding = lines as f64 * lines as f64 * f64::EPSILON;
        let tolerance = if expected.fract() == 0.0 && found.fract() == 0.0 { 0.0 } else { rounding };
        assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
    }
}

#[test]
fn our_sentences_have_the_references_counts() {
    let reference = reference();
    let cases = reference["sentences"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        for (name, sums) in case["sums"].as_object().unwrap() {
            let metric = name.parse::<MetricName>().unwrap().metric();
            let row = metric.count(case["output"].as_str().unwrap(), case["reference"].as_str().unwrap());
            assert_same(&row, &numbers(sums), 1, &format!("{name} of {} for {}", case["output"], case["reference"]));
        }
    }
}

/// Drops, doubles, swaps and replaces words, and moves some, as the reference's script does.
fn spoil(line: &str, n: usize, salt: usize) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let (mut spoilt, mut held) = (Vec::new(), None);
    for (k, &word) in words.iter().enumerate() {
        match (n * 7919 + k * 104_729 + salt * 15_485_863) % 1009 % 24 {
            0 => continue,
            1 => spoilt.extend([word, word]),
            2 if held.is_none() => {
                held = Some(word);
                continue;
            }
            3 => spoilt.push(words[(k * 7 + n) % words.len()]),
            _ => spoilt.push(word),
        }
        spoilt.extend(held.take());
    }
    spoilt.extend(held);
    if (n + salt).is_multiple_of(3) {
        let third = spoilt.len() / 3;
        spoilt.rotate_left(third);
    }
    spoilt.join(" ")
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("LSRA_DATA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: LSRA_DATA names no folder");
    }
    folder
}

fn lines(path: &Path, most: usize) -> Vec<String> {
    let content = std::fs::read_to_string(path).unwrap();
    content.lines().take(most).map(str::to_owned).collect()
}

/// Holds a metric to a row of the reference; the seconds that counting took.
fn assert_row(row: &Value, outputs: &[String], references: &[String], what: &str) -> f64 {
    let name = row["metric"].as_str().unwrap();
    let metric = name.parse::<MetricName>().unwrap().metric();
    let started = Instant::now();
    let sums = Statistics::of(metric.as_ref(), outputs, references).sums();
    let seconds = started.elapsed().as_secs_f64();
    let (score, expected) = (metric.score(&sums), row["score"].as_f64().unwrap());
    println!("{what}, {name}: {score:.4}, {expected:.4}; {seconds:.2} s");
    assert!((score - expected).abs() < 0.005, "{what}, {name}: {score} is not {expected}");
    assert_same(&sums, &numbers(&row["sums"]), outputs.len(), &format!("{what}, {name}"));
    if let Some(signature) = row["signature"].as_str() {
        assert_eq!(metric.signature().as_deref(), Some(signature));
    }
    seconds
}

#[test]
fn real_lines_have_the_references_counts() {
    let Some(folder) = data() else { return };
    for corpus in reference()["corpora"].as_array().unwrap() {
        let file = corpus["file"].as_str().unwrap();
        let references = lines(&folder.join(file), corpus["lines"].as_u64().unwrap() as usize);
        assert_eq!(references.len() as u64, corpus["lines"]);
        let outputs: Vec<String> = references.iter().enumerate().map(|(n, l)| spoil(l, n, 1)).collect();
        for row in corpus["rows"].as_array().unwrap() {
            assert_row(row, &outputs, &references, file);
        }
    }
}

#[test]
fn real_summaries_have_the_references_counts() {
    let Some(folder) = data() else { return };
    let texts = lines(&folder.join("cnndm/validation_800.jsonl"), usize::MAX);
    let reference = &reference()["summaries"];
    assert_eq!(texts.len() as u64, reference["lines"]);
    let (mut outputs, mut references) = (Vec::new(), Vec::new());
    for text in &texts {
        let text: Value = serde_json::from_str(text).unwrap();
        let words: Vec<&str> = text["article"].as_str().unwrap().split(' ').take(60).collect();
        let part = |from: usize| words.iter().skip(from).take(20).copied().collect::<Vec<_>>().join(" ");
        outputs.push([part(0), part(20), part(40)].join("\n"));
        references.push(text["highlights"].as_str().unwrap().to_owned());
    }
    for row in reference["rows"].as_array().unwrap() {
        assert_row(row, &outputs, &references, "summaries");
    }
}

/// Two runs of the same test with other random numbers: they differ as two samples of that size do.
#[test]
fn tests_between_systems_say_what_sacrebleus_say() {
    let Some(folder) = data() else { return };
    let references = lines(&folder.join("newstest-de-en/newstest2014.de"), 1000);
    let spoilt = |salt: fn(usize) -> usize| -> Vec<String> {
        references.iter().enumerate().map(|(n, line)| spoil(line, n, salt(n))).collect()
    };
    let (first, second) = (spoilt(|_| 1), spoilt(|n| if n % 4 == 0 { 4 } else { 1 }));
    let resampling = Resampling { samples: 2000, trials: 2000, ..Resampling::default() };
    for row in reference()["comparisons"].as_array().unwrap() {
        let name = row["metric"].as_str().unwrap();
        let metric = name.parse::<MetricName>().unwrap().metric();
        let of = |outputs: &[String]| Statistics::of(metric.as_ref(), outputs, &references);
        let (first, second) = (of(&first), of(&second));
        let started = Instant::now();
        let compared = compare(metric.as_ref(), &first, &second, &resampling);
        let seconds = started.elapsed().as_secs_f64();
        let interval = bootstrap(metric.as_ref(), &second, &resampling);
        println!("{name}: {compared:?}, {interval:?}, {row}; {seconds:.2} s");

        let number = |kind: &str, key: &str| row[kind][key].as_f64().unwrap();
        let scores = numbers(&row["bs"]["scores"]);
        assert!((compared.difference - (scores[1] - scores[0])).abs() < 1e-9);
        for (found, expected) in
            [(compared.bootstrap_p, number("bs", "p")), (compared.randomisation_p, number("ar", "p"))]
        {
            // Five standard deviations of the difference of two shares of 2000.
            let p = expected.max(1.0 / 2000.0);
            let deviation = (2.0 * p * (1.0 - p) / 2000.0).sqrt();
            assert!((found - expected).abs() <= 5.0 * deviation, "{name}: {found} is not {expected}");
        }
        // The mean of 2000 scores whose spread the interval shows, two standard deviations to each side; a percentile is
        // some three times as uncertain as a mean.
        let (mean, half) = (number("bs", "mean"), number("bs", "interval"));
        let deviation = half / 1.96 / 2000f64.sqrt() * 2f64.sqrt();
        assert!((interval.mean - mean).abs() < 5.0 * deviation, "{name}: {interval:?} is not around {mean}");
        assert!(((interval.high - interval.low) / 2.0 - half).abs() < 15.0 * deviation, "{name}: {interval:?}, {half}");
    }
}

/// Whichever systems have the one sentence that differs, they differ as much: p is 1, also where sums are fractions.
#[test]
fn where_one_sentence_differs_every_exchange_is_a_tie() {
    let resampling = Resampling { samples: 10, trials: 300, ..Resampling::default() };
    for lines in 5..25usize {
        let line = |n: usize, words: usize| -> String {
            (0..words).map(|w| format!("w{} ", (n * 31 + w * w * 7 + lines) % 11)).collect()
        };
        let references: Vec<String> = (0..lines).map(|n| line(n, 5 + n % 7)).collect();
        let first: Vec<String> = (0..lines).map(|n| line(n + 1, 4 + n % 5)).collect();
        let mut second = first.clone();
        second[lines / 2] = references[lines / 2].clone();
        for name in ["rouge-1", "rouge-2", "rouge-l"] {
            let metric = name.parse::<MetricName>().unwrap().metric();
            let [first, second] = [&first, &second].map(|lines| Statistics::of(metric.as_ref(), lines, &references));
            let compared = compare(metric.as_ref(), &first, &second, &resampling);
            assert_eq!(compared.randomisation_p, 1.0, "{name}, {lines} lines: {compared:?}");
        }
    }
}
