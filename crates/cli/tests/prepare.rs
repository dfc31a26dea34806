//! The stranger's path: raw files, two commands, a model that takes raw text and gives raw text back.

use lsra_text::demo::{DemoSizes, generate};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Raw pairs with capitals and full stops as people write them.
fn table(pairs: usize) -> String {
    let texts = generate(DemoSizes { train: pairs, valid: 0, test: 0 }, 11).train;
    let written = |line: &str| {
        let line = line.trim_end_matches([' ', '.', '?', '!']);
        let (first, rest) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + rest + "."
    };
    texts.source.iter().zip(&texts.target).map(|(s, t)| format!("{}\t{}\tCC-BY\n", written(s), written(t))).collect()
}

fn lsra(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lsra")).current_dir(folder).args(arguments).output().unwrap()
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = lsra(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn workshop() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("raw.tsv"), table(600)).unwrap();
    folder
}

const PREPARE: [&str; 10] =
    ["prepare", "raw.tsv", "--out", "data/small", "--languages", "de-en", "--vocabulary", "150", "--valid", "10"];

/// Small enough to train in seconds.
const SMALL: [&str; 16] = [
    "--set",
    "model.channels=16",
    "--set",
    "model.attention_channels=8",
    "--set",
    "model.convolution_channels=8",
    "--set",
    "model.feed_forward=16",
    "--set",
    "model.max_positions=128",
    "--set",
    "training.max_tokens=512",
    "--set",
    "decoding.max_length=12",
    "--max-updates",
    "3",
];

#[test]
fn two_commands_from_raw_text_to_raw_text() {
    let workshop = workshop();
    let folder = workshop.path();
    let shown = succeed(folder, &PREPARE);
    assert!(shown.contains("600 pairs read") && shown.contains("lsra train --data data/small"), "{shown}");
    let page = fs::read_to_string(folder.join("data/small/report.html")).unwrap();
    assert!(
        page.contains("600") && page.contains("valid.de") && !page.contains("http"),
        "one page that needs nothing else"
    );

    succeed(folder, &[&["train", "--data", "data/small", "--out", "runs/x"][..], &SMALL].concat());
    let model = folder.join("runs/x/model.safetensors");
    let bytes = fs::read(&model).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let card: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["lsra.card"]).unwrap();
    assert_eq!(card["text"], serde_json::json!({ "normalization": "nfkc", "casing": "keep" }));
    assert_eq!((card["pieces"].as_str(), card["lowercased"].as_bool()), (Some("spaced"), Some(false)));

    // Whatever three updates have taught it: text as people write it goes in, and no mark of a piece comes out.
    let raw = "\u{FEFF}Das\u{A0}Haus  kostet 42 Ｅuro.";
    let translate = ["translate", "--longest", "100", "--model", "runs/x/model.safetensors"];
    let translated = succeed(folder, &[&translate[..], &[raw]].concat());
    assert!(!translated.contains(['▁', '@']) && translated.lines().count() == 1, "{translated}");
    let plain = succeed(folder, &[&translate[..], &["Das Haus kostet 42 Euro."]].concat());
    assert_eq!(translated, plain, "the text is normalised as the corpus was");
    let score = succeed(
        folder,
        &["evaluate", "--model", "runs/x/model.safetensors", "data/small/test.de", "data/small/test.en"],
    );
    assert!(["BLEU4 = ", "tok:13a", "chrF2", "TER"].iter().all(|name| score.contains(name)), "{score}");
}

#[test]
fn one_configuration_does_both_and_not_twice() {
    let workshop = workshop();
    let folder = workshop.path();
    let config = r#"
        out = "runs/y"
        [corpus]
        files = ["raw.tsv"]
        folder = "data/y"
        languages = ["de", "en"]
        [prepare]
        bpe = "shared"
        casing = "lower"
        vocabulary = 150
        [model]
        embeddings = "all-shared"
    "#;
    fs::write(folder.join("y.toml"), config).unwrap();
    let train = |more: &[&str]| lsra(folder, &[&["train", "--config", "y.toml"][..], &SMALL, more].concat());
    let first = train(&[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(folder.join("runs/y/model.safetensors").is_file());
    let again = train(&["--out", "runs/z"]);
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.success() && told.matches("done before").count() == 3, "{told}");
    assert_eq!(
        fs::read(folder.join("runs/y/model.safetensors")).unwrap().len(),
        fs::read(folder.join("runs/z/model.safetensors")).unwrap().len()
    );
    // The same step by itself finds nothing left to do.
    let output = lsra(folder, &["prepare", "--config", "y.toml"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap().matches("done before").count(), 3);
}

#[test]
fn valid_and_test_of_ones_own_are_taken_as_they_stand() {
    let workshop = workshop();
    let folder = workshop.path();
    let raw = fs::read_to_string(folder.join("raw.tsv")).unwrap();
    let (source, target) = raw.lines().next().unwrap().split_once('\t').unwrap();
    fs::write(folder.join("val.de"), "Ein Satz.\nEin Satz.\n").unwrap();
    fs::write(folder.join("val.en"), "One sentence.\nOne sentence.\n").unwrap();
    fs::write(folder.join("test.tsv"), format!("{source}\t{}\n", target.split('\t').next().unwrap())).unwrap();
    let given = ["--valid", "val.de", "val.en", "--test", "test.tsv"];
    let common = ["raw.tsv", "--languages", "de-en", "--vocabulary", "150"];
    let shown = succeed(folder, &[&["prepare", "--out", "a"][..], &common, &given].concat());
    assert!(shown.contains("valid: val.de, val.en, 2 pairs read"), "{shown}");
    assert!(shown.contains("sentence of valid or test"), "{shown}");
    assert_eq!(fs::read_to_string(folder.join("a/valid.de")).unwrap().lines().count(), 2);
    assert!(fs::read_to_string(folder.join("a/report.html")).unwrap().contains("test from test.tsv"));

    let config = r#"
        [corpus]
        files = ["raw.tsv"]
        valid = ["val.de", "val.en"]
        test = ["test.tsv"]
        folder = "b"
        languages = ["de", "en"]
        [prepare]
        vocabulary = 150
    "#;
    fs::write(folder.join("b.toml"), config).unwrap();
    succeed(folder, &["prepare", "--config", "b.toml"]);
    for name in ["train.de", "valid.en", "test.de", "report.json", "corpus.json"] {
        assert_eq!(fs::read(folder.join("a").join(name)).unwrap(), fs::read(folder.join("b").join(name)).unwrap());
    }
    // One part alone, and a number for the other.
    succeed(folder, &[&["prepare", "--out", "c", "--valid", "7"][..], &common, &given[3..]].concat());
    assert_eq!(fs::read_to_string(folder.join("c/valid.de")).unwrap().lines().count(), 7);
}

/// A shell sorts names, so `val.*` are the target's first where train's were named source first.
#[test]
fn valid_files_in_the_other_order_are_taken_the_right_way_round() {
    let workshop = workshop();
    let folder = workshop.path();
    let raw = fs::read_to_string(folder.join("raw.tsv")).unwrap();
    let column = |n: usize| raw.lines().map(|l| l.split('\t').nth(n).unwrap().to_owned() + "\n").collect::<String>();
    for (name, text) in [("a.en", column(1)), ("a.de", column(0))] {
        fs::write(folder.join(name), text).unwrap();
    }
    fs::write(folder.join("val.de"), raw.lines().next().unwrap().split('\t').next().unwrap()).unwrap();
    fs::write(folder.join("val.en"), "Something that is not in train.\n").unwrap();
    let given = ["--valid", "val.de", "val.en", "--vocabulary", "150", "--out", "d"];
    let shown = succeed(folder, &[&["prepare", "a.en", "a.de"][..], &given].concat());
    assert!(shown.contains("sentence of valid or test"), "train loses what valid has: {shown}");
    assert_eq!(fs::read_to_string(folder.join("d/valid.en")).unwrap(), "Something that is not in train.\n");
}

#[test]
fn many_lines_that_cannot_be_read_are_warned_of() {
    let workshop = workshop();
    let folder = workshop.path();
    let mut raw = fs::read(folder.join("raw.tsv")).unwrap();
    (0..100).for_each(|n| raw.extend(format!("Stra{n}").bytes().chain(*b"\xDFe\tstreet\n")));
    (0..20).for_each(|n| raw.extend(format!("only one {n}\n").bytes()));
    fs::write(folder.join("mixed.tsv"), raw).unwrap();
    fs::write(folder.join("val.tsv"), "ja\tyes\nno column\n").unwrap();
    let output = lsra(folder, &["prepare", "mixed.tsv", "--out", "d", "--vocabulary", "150", "--valid", "val.tsv"]);
    let told = String::from_utf8(output.stderr).unwrap();
    let warnings: Vec<&str> = told.lines().filter(|l| l.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 3, "{told}");
    // Columns have no names that say of what language they are.
    assert!(["source and target", "--languages de-en"].iter().all(|p| warnings[0].contains(p)), "{told}");
    assert!(
        ["train: 13.89%", "invalid UTF-8", "mixed.tsv:", "iconv"].iter().all(|p| warnings[1].contains(p)),
        "{told}"
    );
    assert!(["valid: 50.00%", "columns 1 and 2", "--columns"].iter().all(|p| warnings[2].contains(p)), "{told}");
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let workshop = workshop();
    let folder = workshop.path();
    fs::write(folder.join("three.de"), "a\nb\nc\n").unwrap();
    fs::write(folder.join("two.en"), "a\nb\n").unwrap();
    fs::create_dir_all(folder.join("half/work")).unwrap();
    fs::write(folder.join("half/work/state.json"), "{\"steps\": {}}").unwrap();
    fs::write(folder.join("bad.toml"), "[corpus]\nfiles = [\"raw.tsv\"]\nfolder = \"d\"\nextra = 1\n").unwrap();
    let shared = "[corpus]\nfiles = [\"raw.tsv\"]\nfolder = \"s\"\n[model]\nembeddings = \"all-shared\"\n";
    fs::write(folder.join("shared.toml"), shared).unwrap();
    for (arguments, parts) in [
        (&["prepare", "none.tsv", "--out", "d"][..], &["none.tsv", "no such file"][..]),
        (&["prepare", "three.de", "two.en", "--out", "d"], &["three.de has 3 lines", "two.en has 2"]),
        (&["prepare", "three.de", "--out", "d"], &["three.de", "two files"]),
        (&["prepare", "raw.tsv", "--out", "d", "--columns", "1,7"], &["none of the 600 pairs", "columns", "raw.tsv:"]),
        (&["prepare", "raw.tsv", "--out", "d", "--test", "5000"], &["600 pairs", "5000"]),
        (&["prepare", "raw.tsv", "--out", "d", "--languages", "deutsch"], &["--languages deutsch: must be", "de-en"]),
        (&["prepare", "raw.tsv", "--out", "two.en"], &["two.en: is a file"]),
        (&["prepare", "raw.tsv", "--valid", "two.en", "other.txt", "--languages", "de-en", "--out", "d"], &["two.en"]),
        (&["train", "--data", "half"], &["half: lsra prepare did not end there", "run it again"]),
        (&["prepare", "raw.tsv", "--out", "d", "--languages", "de-de"], &["languages", "different"]),
        (&["prepare", "raw.tsv", "--out", "d", "--max-ratio", "0.5"], &["max-ratio = 0.5", "at least 1"]),
        (&["prepare", "--config", "bad.toml"], &["bad.toml", "extra"]),
        (&["train", "--config", "none.toml"], &["none.toml", "no such file"]),
        (&["train", "--config", "shared.toml"], &["all-shared", "lsra prepare --bpe shared"]),
        (&["prepare", "raw.tsv", "--out", "d", "--fields", "a,b"], &["fields = a,b", "jsonl"]),
        (&["prepare", "--out", "d", "--valid", "raw.tsv"], &["no files", "--valid"]),
        (&["train", "--data", "nowhere"], &["--data nowhere", "lsra prepare"]),
        (&["translate", "--model", "nowhere.safetensors", "ja"], &["--model nowhere.safetensors", "lsra train"]),
        (&["train", "--data", ".", "--set", "training.lrr=1"], &["lrr"]),
    ] {
        let output = lsra(folder, arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        let told = told.lines().filter(|l| l.starts_with("error: ")).collect::<Vec<_>>();
        assert_eq!((output.status.code(), told.len()), (Some(2), 1), "{arguments:?}: {told:?}");
        assert!(parts.iter().all(|p| told[0].contains(p)), "{arguments:?}: {told:?} should say {parts:?}");
    }
    let help = String::from_utf8(lsra(folder, &["prepare", "--help"]).stdout).unwrap();
    assert!(["Example: lsra prepare text.de text.en", "Seed that"].iter().all(|p| help.contains(p)), "{help}");
    assert!(!folder.join("s").exists(), "told before anything was prepared");
    // Clap's own: a value that no option has.
    let output = lsra(folder, &["prepare", "raw.tsv", "--out", "d", "--normalize", "all"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("`none`, `nfkc`, `moses`"), "{told}");
    // And an option that a configuration would overrule.
    let output = lsra(folder, &["prepare", "--config", "bad.toml", "--vocabulary", "60"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("--vocabulary"), "{told}");
}
