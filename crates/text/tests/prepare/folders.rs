//! What lies in a folder already: a user's own files stay as they are, and those of an earlier preparation go where a new one has
//! no use for them.

use crate::kit::{Bench, bytes, languages, pairs, tsv};
use lsra_text::prepare::{BpeSides, Event, Source, SourceOptions, run};
use lsra_text::{Languages, TextError};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Some of each kind of what a preparation writes.
const WRITTEN: [&str; 15] = [
    "train.de",
    "valid.en",
    "tokenizer.json",
    "dict.de.txt",
    "report.json",
    "report.html",
    "corpus.json",
    "work/state.json",
    "work/clean.tsv",
    "work/clean.json",
    "work/pieces.json",
    "work/valid.tsv",
    "work/test.tsv",
    "test.en.partial",
    "work/divide.json.partial",
];

fn tsv_source(file: &Path) -> Source {
    let options = SourceOptions { format: Some(lsra_text::prepare::Format::Tsv), ..SourceOptions::default() };
    Source::of(&[file.to_owned()], &options, &languages()).unwrap()
}

/// A bench with valid and test of its own, and a folder for what is prepared that is there already.
fn given() -> Bench {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    (bench.job.config.valid, bench.job.config.test) = (None, None);
    for (name, part) in [("v.tsv", &mut bench.job.valid), ("t.tsv", &mut bench.job.test)] {
        let file = bench.folder.path().join(name);
        fs::write(&file, "ganz anders\tquite different\n").unwrap();
        *part = Some(tsv_source(&file));
    }
    fs::create_dir_all(bench.job.out.join("work")).unwrap();
    bench
}

#[test]
fn a_raw_file_that_would_be_written_over_is_refused_and_stays() {
    for name in WRITTEN.into_iter().chain(["work/lock"]) {
        for part in 0..2 {
            let mut bench = given();
            let file = bench.job.out.join(name);
            let text = tsv(&pairs(40));
            fs::write(&file, &text).unwrap();
            match part {
                0 => bench.job.source = tsv_source(&file),
                _ => bench.job.test = Some(tsv_source(&file)),
            }
            // Though it is also a file that was not prepared here: it must not be advised to remove it.
            let error = bench.run().unwrap_err();
            assert!(matches!(error, TextError::OwnFile { .. }), "{name}: {error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "{name}");
        }
    }
}

#[test]
fn a_raw_file_beside_what_is_written_stays() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    fs::create_dir_all(bench.job.out.join("work")).unwrap();
    for name in ["work/train.tsv", "work/valid.tsv", "raw.de"] {
        fs::write(bench.job.out.join(name), tsv(&pairs(300))).unwrap();
    }
    bench.job.source = tsv_source(&bench.job.out.join("work/train.tsv"));
    bench.run().unwrap();
    bench.run().unwrap();
    for name in ["work/train.tsv", "work/valid.tsv", "raw.de"] {
        assert_eq!(fs::read_to_string(bench.job.out.join(name)).unwrap(), tsv(&pairs(300)), "{name}");
    }
}

#[test]
fn nothing_of_somebody_else_is_written_over() {
    for name in WRITTEN {
        let bench = given();
        fs::write(bench.job.out.join(name), "dear to me\n").unwrap();
        let before = bytes(&bench.job.out);
        let error = bench.run().unwrap_err();
        assert!(matches!(&error, TextError::ForeignFolder { found, .. } if found == name), "{name}: {error}");
        assert!(bytes(&bench.job.out) == before, "{name}");
    }
}

#[test]
fn nor_is_it_in_a_folder_that_was_prepared_before() {
    let prepared = |change: fn(&mut Bench), name: &str| {
        let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
        bench.run().unwrap();
        fs::write(bench.job.out.join(name), "dear to me\n").unwrap();
        let before = bytes(&bench.job.out);
        change(&mut bench);
        let error = bench.run().unwrap_err();
        assert!(matches!(&error, TextError::ForeignFolder { found, .. } if found == name), "{name}: {error}");
        assert!(bytes(&bench.job.out) == before, "{name}");
    };
    prepared(|b| b.job.config.bpe = BpeSides::PerSide, "tokenizer.de.json");
    prepared(|b| b.job.languages.target = "fr".to_owned(), "dict.fr.txt");
    // What was only there while it was prepared is not known any more.
    prepared(|b| b.job.config.seed = 3, "work/clean.tsv");
}

#[test]
fn files_of_earlier_settings_go_and_others_stay() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.run().unwrap();
    fs::write(bench.job.out.join("notes.txt"), "mine\n").unwrap();
    bench.job.config.bpe = BpeSides::PerSide;
    bench.job.languages = Languages { source: "de".into(), target: "fr".into() };
    bench.run().unwrap();
    let fresh = Bench { folder: tempfile::tempdir().unwrap(), job: bench.job.clone() };
    let mut job = fresh.job.clone();
    job.out = fresh.folder.path().join("out");
    run(&job, &mut |_| ()).unwrap();
    let mut expected = bytes(&job.out);
    expected.insert("notes.txt".into(), b"mine\n".to_vec());
    let found = bytes(&bench.job.out);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected);
}

#[test]
fn what_was_prepared_may_not_be_prepared_anew_in_its_place() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.run().unwrap();
    let before = bytes(&bench.job.out);
    // Other languages: what is written has other names, and the raw files would go with what was there.
    let raw = [bench.job.out.join("train.de"), bench.job.out.join("train.en")];
    bench.job.languages = Languages { source: "ger".into(), target: "eng".into() };
    bench.job.source = Source::of(&raw, &SourceOptions::default(), &bench.job.languages).unwrap();
    let error = bench.run().unwrap_err();
    assert!(matches!(error, TextError::OwnFile { .. }), "{error}");
    assert!(bytes(&bench.job.out) == before);
}

#[test]
fn a_state_lists_nothing_that_no_preparation_writes() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.run().unwrap();
    let file = bench.folder.path().join("precious.txt");
    let state = bench.job.out.join("work/state.json");
    let mut saved: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let up = bench.job.out.strip_prefix(bench.folder.path()).unwrap().components().map(|_| "..").collect::<Vec<_>>();
    // Elsewhere, of a name that is none of a preparation's, and through a link.
    let (notes, elsewhere) = (bench.job.out.join("notes.txt"), bench.folder.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    let linked = elsewhere.join("train.de");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&elsewhere, bench.job.out.join("link")).unwrap();
    for name in [&format!("{}/precious.txt", up.join("/")), &file.display().to_string(), "notes.txt", "link/train.de"] {
        saved["files"].as_array_mut().unwrap().push(name.into());
    }
    [&file, &notes, &linked].into_iter().for_each(|file| fs::write(file, "dear to me\n").unwrap());
    fs::write(&state, saved.to_string()).unwrap();
    bench.job.config.bpe = BpeSides::PerSide;
    bench.run().unwrap();
    assert!(file.exists() && notes.exists() && linked.exists() && !bench.job.out.join("tokenizer.json").exists());
}

#[test]
fn what_a_killed_preparation_left_half_written_is_no_hindrance() {
    let bench = Bench::new("a.tsv", tsv(&pairs(300)));
    let clean = |event| assert!(!matches!(event, Event::Begins(lsra_text::prepare::Step::Clean)), "stopped");
    assert!(catch_unwind(AssertUnwindSafe(|| run(&bench.job, &mut { clean }))).is_err());
    for name in ["work/clean.tsv.partial", "train.de", "dict.de.txt.partial"] {
        fs::write(bench.job.out.join(name), "half\n").unwrap();
    }
    bench.run().unwrap();
}

#[test]
fn a_folder_that_is_a_file_is_told() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.job.out = bench.folder.path().join("out.txt");
    fs::write(&bench.job.out, "text\n").unwrap();
    let told = bench.run().unwrap_err().to_string();
    assert!(told.contains("out.txt") && told.contains("is a file"), "{told}");
}

/// A note that cannot be read lists nothing, so all that lies there may be somebody's.
#[test]
fn with_a_broken_note_nothing_is_written_over() {
    let bench = Bench::new("a.tsv", tsv(&pairs(300)));
    bench.run().unwrap();
    fs::write(bench.job.out.join("work/state.json"), "{").unwrap();
    let before = bytes(&bench.job.out);
    let error = bench.run().unwrap_err();
    assert!(matches!(error, TextError::ForeignFolder { .. }), "{error}");
    assert!(bytes(&bench.job.out) == before);
}
