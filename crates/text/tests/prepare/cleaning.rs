//! What is dropped, and what is not.

use crate::kit::{Bench, count, pairs, tsv};
use lsra_text::prepare::{Casing, Normalization, PrepareConfig, Reason};

/// Pairs of the grammar with these among them; what was kept of these, and the counts of these reasons.
fn kept_of(added: &[(&str, &str)], config: PrepareConfig, reasons: &[Reason]) -> (Vec<(String, String)>, Vec<u64>) {
    let good = pairs(400);
    let mut all = good.clone();
    all.extend(added.iter().map(|(s, t)| ((*s).to_owned(), (*t).to_owned())));
    let mut bench = Bench::new("a.tsv", tsv(&all));
    bench.job.config = PrepareConfig { vocabulary: Some(200), valid: Some(2), test: Some(2), ..config };
    let report = bench.run().unwrap();
    let kept = bench.kept().into_iter().filter(|pair| !good.contains(pair)).collect();
    (kept, reasons.iter().map(|r| count(&report, *r)).collect())
}

#[test]
fn each_reason_holds_for_its_pairs_alone() {
    let long = "ein langer Satz ".repeat(80);
    let long_en = "a long sentence ".repeat(80);
    let (kept, counts) = kept_of(
        &[
            ("", "nothing"),
            ("nichts", " \u{A0} "),
            ("gut\u{7}", "good"),
            ("gut", "goo\u{FFFD}d"),
            (&long, &long_en),
            ("Adele", "Adele"),
            ("ein haus .", "a house ."),
            ("ein  haus .", "a house\u{A0}."),
            ("ja , das ist ein haus , in dem wir im sommer mit vielen freunden wohnen wollen", "yes"),
            ("это русский текст", "this is a russian text"),
            ("gut", "good"),
        ],
        PrepareConfig::default(),
        &Reason::ALL,
    );
    // Over-long, UTF-8, malformed, empty, control, length, identical, duplicate, ratio, script, language, held out.
    assert_eq!(counts, [0, 0, 0, 2, 2, 1, 1, 1, 1, 1, 0, 0]);
    assert_eq!(kept, [("ein haus .".into(), "a house .".into()), ("gut".into(), "good".into())]);
}

#[test]
fn what_is_to_be_kept_is_kept() {
    let keep = vec![Reason::Identical, Reason::Duplicate, Reason::Script, Reason::Ratio, Reason::Language];
    let added = [("Adele", "Adele"), ("это", "this"), ("gut", "good"), ("gut", "good")];
    let (kept, counts) = kept_of(&added, PrepareConfig { keep: keep.clone(), ..PrepareConfig::default() }, &keep);
    assert_eq!(counts, [0; 5]);
    assert_eq!(kept.len(), 4);
}

#[test]
fn text_is_in_the_form_that_was_asked_for() {
    let of = |config| kept_of(&[("Der ﬁnale  Zug\u{AD}", "THE ﬁnal train")], config, &[]).0;
    assert_eq!(of(PrepareConfig::default()), [("Der finale Zug".into(), "THE final train".into())]);
    let none = PrepareConfig { normalize: Normalization::None, ..PrepareConfig::default() };
    assert_eq!(of(none), [("Der ﬁnale Zug".into(), "THE ﬁnal train".into())]);
    let lower = PrepareConfig { casing: Casing::Lower, ..PrepareConfig::default() };
    assert_eq!(of(lower), [("der finale zug".into(), "the final train".into())]);
}

#[test]
fn lines_of_the_other_language_are_dropped_and_few_others() {
    let mut all = pairs(5000);
    let longer = |(s, t): &(String, String)| s.len().min(t.len()) > 24;
    // Every fiftieth pair has changed sides; of every fiftieth the source was left untranslated, with its case changed.
    let swapped: Vec<usize> = (0..all.len()).step_by(50).filter(|&i| longer(&all[i])).collect();
    let copied: Vec<usize> = (25..all.len()).step_by(50).filter(|&i| longer(&all[i])).collect();
    swapped.iter().for_each(|&i| all[i] = (all[i].1.clone(), all[i].0.clone()));
    copied.iter().for_each(|&i| all[i].1 = all[i].0.to_uppercase());
    let bench = Bench::new("a.tsv", tsv(&all));
    let report = bench.run().unwrap();
    let kept = bench.kept();
    let caught = |wrong: &[usize]| wrong.iter().filter(|&&i| !kept.contains(&all[i])).count();
    let bad = swapped.len() + copied.len();
    let dropped = count(&report, Reason::Language) as usize;
    let found = caught(&swapped) + caught(&copied);
    println!("{found} of {bad} caught, {} good ones dropped", dropped - found);
    assert!(bad > 100 && found * 100 >= bad * 97, "{found} of {bad}");
    assert!((dropped - found) * 1000 <= all.len(), "{dropped} dropped, {found} rightly");
}
