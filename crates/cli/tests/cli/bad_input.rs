//! Whatever is wrong with what a user gives: one line that says what, where and what to do, status 2, nothing half-written.

use crate::program::{Workshop, argument, assert_refused, stdout, tiny_model};
use lsra::text_model::{SOURCE_DICTIONARY, TARGET_DICTIONARY};

#[test]
fn text_files() {
    let w = Workshop::new();
    let translate = |input: &str| w.run("translate", &["--input", input]);
    assert_refused(&translate(&argument(&w.path("none"))), &["none", "no such file"]);
    assert_refused(&translate(&w.file("empty", "")), &["empty", "is empty"]);
    let folder = argument(&w.path(""));
    assert_refused(&translate(&folder), &["cannot be read"]);
    // Checked before anything is translated, though much is right before it.
    let mut text = b"ein haus .\n".repeat(2000);
    text.extend(b"zwei \xff\n");
    assert_refused(&translate(&w.file("latin1", text)), &["latin1", "line 2001", "byte 6", "UTF-8"]);
    let long = format!("ein\n{}\n", "ein ".repeat(24));
    let long = w.file("long", long);
    let refused = w.run("translate", &["--input", &long, "--split", "never"]);
    assert_refused(&refused, &["long, line 2", "25 tokens", "24", "split"]);
    assert_eq!(stdout(&translate(&long)).lines().count(), 2, "cut where it is too long");
}

#[test]
fn sentences_that_just_fit_are_translated() {
    let w = Workshop::new();
    assert_eq!(w.piped("translate", &[], &"ein ".repeat(23)).lines().count(), 1);
}

#[test]
fn pairs() {
    let w = Workshop::new();
    let (two, three) = (w.file("two", "ein\nzwei\n"), w.file("three", "one\ntwo\nthree\n"));
    for command in ["score", "evaluate"] {
        let output = w.run(command, &[&two, &three]);
        assert_refused(&output, &["two has 2 lines", "three has 3"]);
        let output = w.run(command, &[&two, &argument(&w.path("none"))]);
        assert_refused(&output, &["none", "no such file"]);
    }
    let long = w.file("long", format!("one\n{}\n", "one ".repeat(24)));
    assert_refused(&w.run("score", &[&two, &long]), &["long, line 2", "25 tokens"]);
    let no_tab = w.command("score", &[]).stdin(std::fs::File::open(&two).unwrap()).output().unwrap();
    assert_refused(&no_tab, &["standard input, line 1", "tab"]);
    for command in ["score", "evaluate"] {
        assert_refused(&w.run(command, &[]), &["standard input: is empty", "tab"]);
    }
}

#[test]
fn a_pipe_that_goes_bad_ends_after_what_was_good() {
    let w = Workshop::new();
    let input = w.file("input", b"ein haus .\nzwei .\n\xff\n");
    let output = w.command("translate", &[]).stdin(std::fs::File::open(&input).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), w.piped("translate", &[], "ein haus .\nzwei .\n"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("standard input, line 3") && message.lines().count() == 1, "{message}");
}

#[test]
fn model_files() {
    let w = Workshop::new();
    let whole = std::fs::read(w.path("model.lsra")).unwrap();
    let refused = |content: &[u8], parts: &[&str]| {
        w.file("model.lsra", content);
        assert_refused(&w.run("translate", &["ein"]), parts);
    };
    for length in [0, 5, 100, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], &["model.lsra", "safetensors"]);
    }
    refused(b"This is a text about models.\n", &["model.lsra", "safetensors"]);
    std::fs::remove_file(w.path("model.lsra")).unwrap();
    for command in ["translate", "evaluate"] {
        assert_refused(&w.run(command, &[]), &["--model", "model.lsra", "no such file", "lsra train"]);
    }
    let of_folder = |folder: &str| w.plain(&["translate", "ein", "--model", folder]).output().unwrap();
    let folder = argument(&w.path(""));
    assert_refused(&of_folder(&folder), &["--model", "is a folder", "lsra train"]);
    w.file("model.safetensors", &whole);
    assert_refused(&of_folder(&folder), &["is a folder", "give", "model.safetensors"]);
}

#[test]
fn dictionaries() {
    let w = Workshop::new();
    let saved = |change: &dyn Fn(&mut lsra_exec::ModelFile)| {
        let mut file = tiny_model();
        change(&mut file);
        file.save(&w.path("model.lsra")).unwrap();
        w.run("translate", &["ein"])
    };
    let set = |name: &'static str, content: &'static str| {
        saved(&move |f| {
            f.blobs.insert(name.to_owned(), content.into());
        })
    };
    let missing = saved(&|f| {
        f.blobs.remove(TARGET_DICTIONARY);
    });
    assert_refused(&missing, &["model.lsra", TARGET_DICTIONARY, "holds no"]);
    assert_refused(&set(SOURCE_DICTIONARY, "ein 3\n"), &[SOURCE_DICTIONARY, "5 words", "16"]);
    assert_refused(&set(SOURCE_DICTIONARY, "ein 3\nzwei\n"), &[SOURCE_DICTIONARY, "line 2"]);
    assert_refused(&set("tokenizer.json", "{}"), &["tokenizer.json"]);
}

#[test]
fn outputs() {
    let w = Workshop::new();
    let nowhere = argument(&w.path("none/output"));
    assert_refused(&w.run("translate", &["ein", "--output", &nowhere]), &["none/output", "cannot be written"]);
    let folder = argument(&w.path(""));
    assert_refused(&w.run("translate", &["ein", "--output", &folder]), &["cannot be written"]);

    // What was there stays until all is done, and nothing else is left behind.
    let output = w.file("output", "old");
    let bad = w.file("input", "ein\n\u{e4}");
    std::fs::write(&bad, b"ein\n\xff").unwrap();
    let stdin = std::fs::File::open(&bad).unwrap();
    let failed = w.command("translate", &["--output", &output]).stdin(stdin).output().unwrap();
    assert_refused(&failed, &["line 2"]);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "old");
    let mut names: Vec<_> = std::fs::read_dir(w.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["input", "model.lsra", "output"]);
    assert_eq!(stdout(&w.run("translate", &["ein", "--output", "/dev/null"])), "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device(), "a device is not replaced");
    }
}

#[test]
fn options() {
    let w = Workshop::new();
    for (arguments, parts) in [
        (&["--beam", "0"][..], &["--beam 0", "from 1"][..]),
        (&["--n-best", "5"], &["--n-best 5", "the beam, 4"]),
        (&["--n-best", "0"], &["--n-best 0"]),
        (&["--length-penalty", "nan"], &["--length-penalty NaN", "a number"]),
        (&["--longest", "3"], &["--longest 3", "from 4", "23"]),
        (&["--longest", "24"], &["--longest 24", "23"]),
        (&["--max-length-ratio", "-1"], &["--max-length-ratio -1", "not below 0"]),
    ] {
        assert_refused(&w.run("translate", &[arguments, &["ein"]].concat()), parts);
    }
    // Each of so many would take memory of its own before anything goes wrong.
    let output = w.run("translate", &["--threads", "100000", "ein"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("from 1 to 1024"), "{told}");
    let tier = w.command("translate", &["ein"]).env("LSRA_ISA", "avx3").output().unwrap();
    assert_refused(&tier, &["LSRA_ISA=avx3", "use scalar, avx2, avx512 or amx"]);
}
