//! Whatever is wrong with what a user gives `train` is told in one line, with exit status 2, and nothing is written.

use lsra_tests::tiny;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Breaks something in the data folder, adds these arguments, and expects an error that holds these words.
struct Case {
    name: &'static str,
    spoil: fn(&Path),
    arguments: &'static [&'static str],
    told: &'static [&'static str],
}

const INTACT: fn(&Path) = |_| ();

const CASES: &[Case] = &[
    Case {
        name: "a missing side",
        spoil: |data| fs::remove_file(data.join("train.en")).unwrap(),
        arguments: &[],
        told: &["train.en", "no such file"],
    },
    Case {
        name: "an empty file",
        spoil: |data| fs::write(data.join("valid.de"), "").unwrap(),
        arguments: &[],
        told: &["valid.de", "is empty"],
    },
    Case {
        name: "sides of different length",
        spoil: |data| fs::write(data.join("test.en"), "one\ntwo\n").unwrap(),
        arguments: &[],
        told: &["test.de has 10 lines", "test.en has 2"],
    },
    Case {
        name: "no UTF-8",
        spoil: |data| fs::write(data.join("train.de"), b"gut\nsch\xF6n\n").unwrap(),
        arguments: &[],
        told: &["train.de, line 2", "UTF-8"],
    },
    Case {
        name: "a bad dictionary",
        spoil: |data| fs::write(data.join("dict.de.txt"), "eins 5\nzwei\n").unwrap(),
        arguments: &[],
        told: &["dict.de.txt, line 2", "count"],
    },
    Case {
        name: "a sentence longer than a batch",
        spoil: INTACT,
        arguments: &["--set", "training.max_tokens=4"],
        told: &["sentence", "than the 4 that a batch may hold"],
    },
    Case {
        name: "no sentence that fits the model",
        spoil: INTACT,
        arguments: &["--set", "model.max_positions=1"],
        told: &["none of the 120 sentences fits"],
    },
    Case {
        name: "an unknown key",
        spoil: INTACT,
        arguments: &["--set", "training.learning_rate=1"],
        told: &["--set training.learning_rate=1", "unknown field"],
    },
    Case {
        name: "a value out of range",
        spoil: INTACT,
        arguments: &["--set", "model.dropout=1.5"],
        told: &["model.dropout = 1.5", "below 1"],
    },
    Case {
        name: "one table for two dictionaries",
        spoil: INTACT,
        arguments: &["--set", "model.embeddings=all-shared"],
        told: &["all-shared", "one dictionary"],
    },
    Case { name: "no threads", spoil: INTACT, arguments: &["--threads", "0"], told: &["--threads 0", "from 1"] },
    Case { name: "no time", spoil: INTACT, arguments: &["--max-minutes=-1"], told: &["--max-minutes -1"] },
    Case { name: "no preset", spoil: INTACT, arguments: &["--preset", "huge"], told: &["--preset huge", "iwslt-160"] },
    Case {
        name: "a folder that cannot be made",
        spoil: |data| fs::write(data.join("out"), "a file").unwrap(),
        arguments: &[],
        told: &["out", "cannot be made"],
    },
    Case { name: "no minute", spoil: INTACT, arguments: &["--max-minutes=0"], told: &["--max-minutes 0", "above 0"] },
];

#[test]
fn one_line_status_2_and_nothing_written() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        tiny::write(data);
        (case.spoil)(data);
        let out = data.join("out");
        let before = fs::read(&out).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
        command.args(["iwslt14", "--max-updates", "2"]).arg("--data").arg(data).arg("--out").arg(&out);
        if !case.arguments.contains(&"--preset") {
            command.arg("--preset").arg(data.join("tiny.toml"));
        }
        let output = command.args(case.arguments).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}: {told}", case.name);
        assert_eq!(told.lines().count(), 1, "{}: {told}", case.name);
        assert!(case.told.iter().all(|words| told.contains(words)), "{}: {told}", case.name);
        assert_eq!(fs::read(&out).ok(), before, "{}", case.name);
        assert!(!out.is_dir(), "{}: nothing is written", case.name);
    }
}

/// A command on the small corpus of this folder, which goes to `out` in it.
fn train(folder: &Path, out: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
    command.args(["iwslt14", "--max-updates", "2", "--preset"]).arg(folder.join("tiny.toml"));
    command.arg("--data").arg(folder).arg("--out").arg(folder.join(out)).args(arguments);
    command
}

#[test]
fn an_earlier_runs_model_stays_and_a_run_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny::write(folder);
    let told = |out: &str, arguments: &[&str]| {
        let output = train(folder, out, arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, lines) = told("out", &["--resume"]);
    assert!(status == Some(0) && lines.contains("this is a new run"), "{lines}");
    // Whoever removes the checkpoints to save room does not give the model up.
    fs::remove_dir_all(folder.join("out/checkpoints")).unwrap();
    let model = fs::read(folder.join("out/model.safetensors")).unwrap();
    for arguments in [&[][..], &["--resume"]] {
        let (status, lines) = told("out", arguments);
        assert!(status == Some(2) && lines.contains("model.safetensors") && lines.contains("another --out"), "{lines}");
    }
    assert!(fs::read(folder.join("out/model.safetensors")).unwrap() == model);
    // Nor does it go where its text lies.
    let (status, lines) = told(".", &[]);
    assert!(status == Some(2) && lines.contains("another folder"), "{lines}");
}

/// Of whoever reads the lines and leaves, as `head` does, training knows nothing.
#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_no_training() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let mut child = train(folder.path(), "out", &[]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    assert!(folder.path().join("out/model.safetensors").is_file());
}

#[test]
fn a_tier_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
    command.arg("iwslt14").arg("--data").arg(folder.path()).env("LSRA_ISA", "sse9");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("LSRA_ISA=sse9"));
}
