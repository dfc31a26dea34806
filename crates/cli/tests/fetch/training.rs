//! One command from an address to a model.

use crate::archives::{archive, files};
use crate::server::{Answers, Length, Server};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SMALL: [&str; 12] = [
    "--set",
    "model.channels=16",
    "--set",
    "model.attention_channels=8",
    "--set",
    "model.convolution_channels=8",
    "--set",
    "model.feed_forward=16",
    "--set",
    "training.max_tokens=512",
    "--max-updates",
    "2",
];

fn train(folder: &Path, arguments: &[&str]) -> Output {
    // A run of its own, each.
    let _ = fs::remove_dir_all(folder.join("run"));
    command(folder, "run", arguments).output().unwrap()
}

fn command(folder: &Path, out: &str, arguments: &[&str]) -> Command {
    let all = [&["train", "iwslt14", "--out", out][..], arguments, &SMALL].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lsra"));
    command.current_dir(folder).args(all).args(["--set", "decoding.max_length=8"]);
    command
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_recipe_fetches_prepares_and_trains_and_does_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = archive(&files(300), |_| ());
    let server = Server::new(Answers { cuts: vec![bytes.len() / 2], ..Answers::of(&bytes) });
    let first = train(folder, &["--archive", &server.url]);
    assert!(first.status.success() && told(&first).contains("the literature has 160239"), "{}", told(&first));
    assert!(folder.join("run/model.safetensors").is_file());
    let data = folder.join("data/iwslt14");
    let expected = "bpe.codes de-en.tgz de-en.tgz.lock de-en.tgz.record.json dict.de.txt dict.en.txt iwslt14.json test.de test.en train.de \
                    train.en valid.de valid.en";
    assert_eq!(names(&data).join(" "), expected);
    assert_eq!(server.requests().len(), 2);

    // The archive may go: what was made of it stays. And the folder is one for --data.
    fs::remove_file(data.join("de-en.tgz")).unwrap();
    let second = train(folder, &["--archive", &server.url]);
    assert!(second.status.success() && told(&second).contains("prepared before"), "{}", told(&second));
    assert_eq!(server.requests().len(), 2);
    let third = train(folder, &["--data", "data/iwslt14"]);
    assert!(third.status.success(), "{}", told(&third));

    // From a file, into another folder, the same comes out.
    fs::write(folder.join("copy.tgz"), &bytes).unwrap();
    let fourth = train(folder, &["--archive", "copy.tgz", "--data-dir", "elsewhere"]);
    assert!(fourth.status.success(), "{}", told(&fourth));
    for name in ["train.de", "valid.en", "test.de", "bpe.codes", "dict.en.txt"] {
        assert_eq!(
            fs::read(data.join(name)).unwrap(),
            fs::read(folder.join("elsewhere").join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn of_two_runs_at_once_one_fetches_and_prepares() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = archive(&files(300), |_| ());
    let server = Server::new(Answers::of(&bytes));
    let run = |out: &str| {
        let mut command = command(folder, out, &["--archive", &server.url]);
        command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let ended = ["a", "b", "c"].map(run).map(|child| child.wait_with_output().unwrap());
    ended.iter().for_each(|output| assert!(output.status.success(), "{}", told(output)));
    assert_eq!(server.requests().len(), 1);
    let prepared = ended.iter().filter(|output| told(output).contains("prepared before")).count();
    assert_eq!(prepared, 2);
}

#[test]
fn a_download_that_was_cut_off_unnoticed_is_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = archive(&files(300), |_| ());
    let server = Server::new(Answers { cuts: vec![bytes.len() / 2], length: Length::Unsaid, ..Answers::of(&bytes) });
    let first = train(folder, &["--archive", &server.url]);
    let error = told(&first);
    assert!(!first.status.success() && error.contains("damaged") && error.contains("anew"), "{error}");
    assert_eq!(names(&folder.join("data/iwslt14")), ["de-en.tgz.lock"]);
    let second = train(folder, &["--archive", &server.url]);
    assert!(second.status.success(), "{}", told(&second));
}

/// All its files are there, and the text is none that can be learnt from: it is not what later downloads are held to.
#[test]
fn an_archive_of_broken_text_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut broken = files(300);
    broken[0].1.push_str("Eine Zeile mehr .\n");
    let server = Server::new(Answers::of(&archive(&broken, |_| ())));
    let first = train(folder, &["--archive", &server.url]);
    let error = told(&first);
    let parts = ["de-en.tgz", "lines", "it is removed", "anew"];
    assert!(!first.status.success() && parts.iter().all(|p| error.contains(p)), "{error}");
    assert_eq!(names(&folder.join("data/iwslt14")), ["de-en.tgz.lock", "iwslt14.json"]);
    let server = Server::new(Answers::of(&archive(&files(300), |_| ())));
    let second = train(folder, &["--archive", &server.url]);
    assert!(second.status.success(), "{}", told(&second));
}

#[test]
fn a_folder_of_somebody_else_is_refused_before_anything_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(Answers::of(&archive(&files(300), |_| ())));
    let mine = folder.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("valid.de"), "dear to me\n").unwrap();
    let output = train(folder.path(), &["--archive", &server.url, "--data-dir", "mine"]);
    assert!(!output.status.success() && told(&output).contains("valid.de"), "{}", told(&output));
    assert_eq!(server.requests().len(), 0);
    assert_eq!(names(&mine), ["valid.de"]);
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}/de-en.tgz");
    fs::create_dir(folder.path().join("prepared")).unwrap();
    fs::write(folder.path().join("prepared/corpus.json"), "{}").unwrap();
    fs::write(folder.path().join("text.tgz"), "no archive").unwrap();
    for (arguments, parts) in [
        (&["--archive", nobody.as_str()][..], &["data/iwslt14/de-en.tgz", "cargo xtask demo", "lsra prepare"][..]),
        (&["--archive", "none.tgz"], &["none.tgz: no such file", "http"]),
        (&["--archive", "text.tgz"], &["text.tgz", "damaged", "--archive"]),
        (&["--data", "prepared"], &["prepared", "lsra train --data prepared"]),
        (&["--data", "none"], &["none"]),
    ] {
        let output = train(folder.path(), arguments);
        let lines: Vec<String> =
            told(&output).lines().filter(|l| l.starts_with("error: ")).map(str::to_owned).collect();
        assert_eq!((output.status.code(), lines.len()), (Some(2), 1), "{arguments:?}: {lines:?}");
        assert!(parts.iter().all(|p| lines[0].contains(p)), "{arguments:?}: {lines:?} should say {parts:?}");
    }
}
