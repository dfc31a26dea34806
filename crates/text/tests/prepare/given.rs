//! Valid and test as a user brings them.

use crate::kit::{Bench, bytes, count, languages, pairs, tsv};
use lsra_text::prepare::{Event, Reason, Source, SourceOptions, Step, run};
use lsra_text::{Prepared, TextError};
use std::fs;
use std::path::PathBuf;

/// A file beside the bench's.
fn source(bench: &Bench, name: &str, content: &str) -> Option<Source> {
    let file = bench.folder.path().join(name);
    fs::write(&file, content).unwrap();
    Some(Source::of(&[file], &SourceOptions::default(), &languages()).unwrap())
}

/// Train is 400 pairs of the grammar; valid and test are what cleaning would drop, and more.
fn given() -> Bench {
    let all = pairs(400);
    let mut bench = Bench::new("a.tsv", tsv(&all));
    (bench.job.config.valid, bench.job.config.test) = (None, None);
    let long = "sehr ".repeat(300);
    let odd = format!("Adele\tAdele\nAdele\tAdele\ngut\u{7}\tgood\nja\t{long}yes\nthis is english\tdas ist deutsch\n");
    let (first, rest) = all[3].0.split_at(1);
    // The pair's source stands in train, with other capitals and marks; so does the target of the other one.
    let shared = format!("– {}{} !!\tsomething else\netwas anderes\t{}\n", first.to_uppercase(), rest, all[8].1);
    bench.job.test = source(&bench, "t.tsv", &(odd + &shared));
    bench.job.valid = source(&bench, "v.tsv", "Guten  Tag\thello\n\tempty\nno tab\nthis is english\tanders\n");
    bench
}

#[test]
fn nothing_that_can_be_read_is_lost_and_train_has_none_of_it() {
    let bench = given();
    let report = bench.run().unwrap();
    assert_eq!(bench.lines("test.de")[..3], ["Adele", "Adele", "gut\u{7}"]);
    assert_eq!(bench.lines("test.en").len(), 7);
    assert_eq!(bench.lines("valid.de"), ["Guten Tag", "this is english"]);
    assert_eq!(report.parts.iter().map(|p| p.pairs).collect::<Vec<_>>(), [report.kept() as usize, 2, 7]);
    assert_eq!(report.overlap, 1, "of valid, one source is one of test's");

    let all = pairs(400);
    let has = |(s, t): &(String, String)| *s == all[3].0 || *t == all[8].1;
    let shared = all.iter().filter(|pair| has(pair)).count();
    assert!(shared >= 2);
    assert_eq!(count(&report, Reason::HeldOut), shared as u64);
    let (source, target) = (bench.lines("train.de"), bench.lines("train.en"));
    assert_eq!(source.len() + shared, 400);
    assert!(!source.into_iter().zip(target).any(|pair| has(&pair)));

    let dropped = |part: usize| -> Vec<(Reason, u64)> {
        report.given[part].dropped.iter().map(|d| (d.reason, d.count)).collect()
    };
    assert_eq!(dropped(0), [(Reason::Malformed, 1), (Reason::Empty, 1)]);
    assert_eq!(dropped(1), []);
    let named: Vec<(&str, &str, u64)> =
        report.given.iter().map(|g| (g.name.as_str(), g.files[0].as_str(), g.read)).collect();
    assert_eq!(named, [("valid", "v.tsv", 4), ("test", "t.tsv", 7)]);
    assert_eq!(report.given[0].dropped[0].examples[0].place, "v.tsv:3");
    assert_eq!(Prepared::read_prepared(&bench.job.out).unwrap().1.test.len(), 7);
}

#[test]
fn shared_sentences_may_be_kept() {
    let mut bench = given();
    bench.job.config.keep = vec![Reason::HeldOut];
    let report = bench.run().unwrap();
    assert_eq!((count(&report, Reason::HeldOut), report.kept()), (0, 400));
}

#[test]
fn the_part_that_is_not_given_is_drawn() {
    for part in [1, 2] {
        let mut bench = given();
        match part {
            1 => bench.job.valid = None,
            _ => bench.job.test = None,
        }
        let report = bench.run().unwrap();
        let drawn = report.parts[part].pairs;
        assert!((18..=20).contains(&drawn), "a twentieth of what is left: {drawn}");
        assert_eq!(report.parts[0].pairs + drawn, report.kept() as usize);
        assert_eq!(report.given.len(), 1);
        let (first, second) = (bench.lines("valid.de"), bench.lines("test.de"));
        assert!(!first.iter().any(|line| second.contains(line)));
    }
}

#[test]
fn what_was_done_is_not_done_again_and_comes_out_the_same() {
    let mut bench = given();
    let all = [Step::Clean, Step::Divide, Step::Pieces];
    assert_eq!(bench.steps(), all);
    let before = bytes(&bench.job.out);
    assert!(!before.keys().any(|name| name.extension().is_some_and(|e| e == "tsv")), "{:?}", before.keys());
    assert_eq!(bench.steps(), []);
    assert!(bytes(&bench.job.out) == before);
    // Reports tell names, so a file of another name is another file.
    let renamed = bench.folder.path().join("renamed.tsv");
    let raw = std::mem::replace(&mut bench.job.source.files[0], renamed.clone());
    fs::copy(&raw, &renamed).unwrap();
    assert_eq!((bench.steps(), bench.run().unwrap().files), (all.to_vec(), vec!["renamed.tsv".to_owned()]));
    bench.job.source.files[0] = raw;
    assert_eq!(bench.steps(), all);
    fs::write(bench.folder.path().join("t.tsv"), "neu\tnew\n").unwrap();
    assert_eq!(bench.steps(), all);
    assert_eq!(bench.lines("test.de"), ["neu"]);
    let test = bench.job.test.take();
    assert_eq!(bench.steps(), all);
    bench.job.valid = test;
    assert_eq!(bench.steps(), all);
    for stop in all {
        let bench = given();
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(&bench.job, &mut |event| assert!(event != Event::Begins(stop), "stopped"))
        }));
        assert!(stopped.is_err());
        bench.run().unwrap();
        assert!(bytes(&bench.job.out) == before, "{stop:?}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let mut bench = given();
    bench.job.config.test = Some(5);
    let error = bench.run().unwrap_err();
    assert!(matches!(error, TextError::Setting { name: "test", .. }), "{error}");

    let mut bench = given();
    bench.job.valid = source(&bench, "v.tsv", "no tab\n");
    let error = bench.run().unwrap_err();
    assert!(matches!(error, TextError::NothingLeft { pairs: 1, .. }));
    assert!(error.to_string().starts_with("valid: none of the 1 pairs"), "{error}");

    // Files of the prepared folder itself, given to it again.
    let mut bench = given();
    bench.run().unwrap();
    let own: Vec<PathBuf> = ["test.de", "test.en"].map(|name| bench.job.out.join(name)).to_vec();
    bench.job.test = Some(Source::of(&own, &SourceOptions::default(), &languages()).unwrap());
    let error = bench.run().unwrap_err();
    assert!(matches!(error, TextError::OwnFile { .. }), "{error}");
    assert_eq!(bench.lines("test.de").len(), 7);
}
