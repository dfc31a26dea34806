//! What was done is not done again; what was stopped goes on.

use crate::kit::{Bench, bytes, pairs, tsv};
use lsra_text::prepare::{BpeSides, Casing, Event, FolderLock, Manifest, Step, run};
use lsra_text::{Prepared, TextError};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

const ALL: [Step; 3] = [Step::Clean, Step::Divide, Step::Pieces];

#[test]
fn only_what_changed_is_done_again() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    assert_eq!(bench.steps(), ALL);
    let before = bytes(&bench.job.out);
    assert_eq!(bench.steps(), []);
    assert!(bytes(&bench.job.out) == before);

    bench.job.config.bpe = BpeSides::PerSide;
    assert_eq!(bench.steps(), [Step::Pieces]);
    bench.job.config.bpe = BpeSides::Joint;
    bench.job.config.seed = 9;
    // The second step reads what the first wrote, which is not kept.
    assert_eq!(bench.steps(), ALL);
    bench.job.config.casing = Casing::Lower;
    assert_eq!(bench.steps(), ALL);

    // A file that somebody changed, or removed.
    fs::write(bench.job.out.join("dict.de.txt"), "das 1\n").unwrap();
    assert_eq!(bench.steps(), [Step::Pieces]);
    fs::remove_file(bench.job.out.join("valid.en")).unwrap();
    assert_eq!(bench.steps(), [Step::Clean, Step::Divide]);
    fs::write(&bench.job.source.files[0], tsv(&pairs(301))).unwrap();
    assert_eq!(bench.steps(), ALL);
}

/// A note of an older version, which did not list files beside those of its steps.
#[test]
fn what_an_older_version_prepared_is_known() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.run().unwrap();
    let before = bytes(&bench.job.out);
    let note = bench.job.out.join("work/state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    state.as_object_mut().unwrap().remove("files").expect("files are listed");
    fs::write(&note, state.to_string()).unwrap();
    assert_eq!(bench.steps(), []);
    assert!(bytes(&bench.job.out) == before);
    fs::write(&note, state.to_string()).unwrap();
    bench.job.config.bpe = BpeSides::PerSide;
    assert_eq!(bench.steps(), [Step::Pieces]);
    assert!(!bench.job.out.join("tokenizer.json").exists());
}

#[test]
fn of_two_at_once_the_second_waits_and_finds_everything_done() {
    let bench = Bench::new("a.tsv", tsv(&pairs(300)));
    let done: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| bench.steps().len())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(done, ALL.len());
    // Who waits is told so.
    let alone = FolderLock::take(&bench.job.out.join("work/lock"), || panic!("nobody else has it")).unwrap();
    let waits = std::thread::scope(|scope| {
        let (told, hears) = std::sync::mpsc::channel();
        let job = &bench.job;
        let run = scope.spawn(move || run(job, &mut |event| told.send(event).unwrap()).map(drop));
        let (first, second, third) = (hears.recv().unwrap(), hears.recv().unwrap(), hears.recv().unwrap());
        drop(alone);
        run.join().unwrap().unwrap();
        [first, second, third]
    });
    assert_eq!(waits, [Event::Begins(Step::Look), Event::Ends(Step::Look), Event::Waits]);
    let alone = Bench::new("a.tsv", tsv(&pairs(300)));
    alone.run().unwrap();
    assert!(bytes(&bench.job.out) == bytes(&alone.job.out));
}

#[test]
fn a_preparation_that_was_stopped_goes_on() {
    let whole = Bench::new("a.tsv", tsv(&pairs(300)));
    whole.run().unwrap();
    for stop in ALL {
        let bench = Bench::new("a.tsv", tsv(&pairs(300)));
        // Stopped where a step begins, as a kill would, but for what is in memory.
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            run(&bench.job, &mut |event| assert!(event != Event::Begins(stop), "stopped"))
        }));
        assert!(stopped.is_err());
        assert!(!Manifest::is_in(&bench.job.out));
        let error = Prepared::read_prepared(&bench.job.out).map(drop).unwrap_err();
        assert!(matches!(&error, TextError::Unfinished { .. }) && error.to_string().contains("did not end"), "{error}");
        let rest: Vec<Step> = ALL.into_iter().skip_while(|s| *s != stop).collect();
        assert_eq!(bench.steps(), rest);
        assert!(bytes(&bench.job.out) == bytes(&whole.job.out), "{stop:?}");
    }
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let bench = Bench::new("a.tsv", tsv(&pairs(300)));
    fs::create_dir(&bench.job.out).unwrap();
    fs::write(bench.job.out.join("valid.de"), "dear to me\n").unwrap();
    let error = bench.run().unwrap_err();
    assert!(matches!(&error, TextError::ForeignFolder { found, .. } if found == "valid.de"), "{error}");
    assert_eq!(fs::read_dir(&bench.job.out).unwrap().count(), 1);
}

#[test]
fn a_prepared_folder_is_read_as_it_was_written() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    for sides in [BpeSides::Joint, BpeSides::Shared, BpeSides::PerSide] {
        bench.job.config.bpe = sides;
        let report = bench.run().unwrap();
        let (languages, prepared) = Prepared::read_prepared(&bench.job.out).unwrap();
        assert_eq!(languages, bench.job.languages);
        assert_eq!(prepared.form, Some(bench.job.config.text_form()));
        assert_eq!(prepared.train.len(), report.parts[0].pairs);
        let (source, target) = (prepared.source_bpe.unwrap(), prepared.target_bpe.unwrap());
        assert_eq!(source.to_json() == target.to_json(), sides != BpeSides::PerSide);
        assert_eq!(prepared.source_vocabulary == prepared.target_vocabulary, sides == BpeSides::Shared);
        for (ids, line) in prepared.test.target.iter().zip(&prepared.texts.test.target) {
            let pieces = prepared.target_vocabulary.decode(ids);
            if !pieces.contains(&"<unk>".to_owned()) {
                assert_eq!(&source.spelling().join(&pieces), line);
            }
        }
    }
}
