//! A training that is watched, resumed, compared and reported, as its users do it.

use crate::program::{argument, assert_refused, stdout};
use lsra_text::demo::{DemoSizes, generate};
use lsra_train::checkpoint::{CheckpointFile, CheckpointFolder};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const PRESET: &str = r#"
about = "Tiny"
[model]
channels = 16
attention_channels = 8
convolution_channels = 8
feed_forward = 16
encoder_layers = 1
decoder_layers = 1
attention_heads = 2
cross_attention_heads = 2
convolution_heads = 2
convolution = "lightweight"
encoder_kernels = [3]
decoder_kernels = [3]
embeddings = "separate"
source_vocabulary = 8
target_vocabulary = 8
max_positions = 64
dropout = 0.1
[training]
optimizer = "adam"
max_tokens = 96
sentences_multiple = 1
schedule = "inverse-sqrt"
lr = 0.005
warmup_updates = 20
warmup_from = 1e-7
max_updates = 1000000
max_epochs = 3
average_checkpoints = 2
[decoding]
beam = 2
max_length = 20
[watch]
sentences = 12
samples = 3
"#;

/// A folder with the demo's sentences and a preset.
fn corpus() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let texts = generate(DemoSizes { train: 120, valid: 20, test: 10 }, 1);
    for (name, pair) in [("train", &texts.train), ("valid", &texts.valid), ("test", &texts.test)] {
        fs::write(folder.path().join(format!("{name}.de")), pair.source.join("\n") + "\n").unwrap();
        fs::write(folder.path().join(format!("{name}.en")), pair.target.join("\n") + "\n").unwrap();
    }
    fs::write(folder.path().join("tiny.toml"), PRESET).unwrap();
    folder
}

fn lsra(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lsra")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Trains into a folder of the corpus's.
fn train(corpus: &TempDir, out: &str, more: &[&str]) {
    let path = |name: &str| argument(&corpus.path().join(name));
    let (data, preset, out) = (argument(corpus.path()), path("tiny.toml"), path(out));
    let fixed = ["train", "iwslt14", "--data", &data, "--preset", &preset, "--out", &out, "--threads", "1"];
    let output = lsra(&[&fixed[..], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn log(corpus: &TempDir, out: &str) -> Vec<Value> {
    let text = fs::read_to_string(corpus.path().join(out).join("metrics.jsonl")).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn events<'a>(log: &'a [Value], event: &str) -> Vec<&'a Value> {
    log.iter().filter(|l| l["event"] == event).collect()
}

fn newest(out: &Path) -> CheckpointFile {
    CheckpointFolder::open(out.join("checkpoints")).unwrap().newest().unwrap().0.unwrap()
}

#[test]
fn a_run_tells_of_itself_in_its_log_on_its_page_and_on_the_terminal() {
    let corpus = corpus();
    train(&corpus, "run", &[]);
    let log = log(&corpus, "run");
    let (start, end) = (&log[0], events(&log, "end"));
    assert_eq!((&start["name"], &start["corpus"], &start["pairs"]), (&"tiny".into(), &"iwslt14".into(), &120.into()));
    assert!(start["command"].as_str().unwrap().starts_with("lsra train iwslt14 --data "), "{start}");
    assert_eq!((end.len(), &end[0]["ending"]), (1, &"complete".into()));
    assert_eq!(log.last().unwrap()["event"], "scores");
    let samples = events(&log, "sample");
    assert_eq!((samples.len(), events(&log, "validation").len()), (3, 3));
    let valid = fs::read_to_string(corpus.path().join("valid.de")).unwrap();
    for sample in &samples {
        assert!(sample["bleu"].is_f64() && sample["seconds"].is_f64() && sample["sentences"] == 12, "{sample}");
        let shown = sample["translations"].as_array().unwrap();
        assert_eq!(shown.len(), 3);
        for (now, first) in shown.iter().zip(samples[0]["translations"].as_array().unwrap()) {
            assert_eq!(
                (&now["source"], &now["reference"]),
                (&first["source"], &first["reference"]),
                "the same sentences"
            );
            assert!(valid.lines().any(|l| now["source"] == l) && now["translation"].is_string());
        }
    }

    let page = fs::read_to_string(corpus.path().join("run/report.html")).unwrap();
    let source = samples[0]["translations"][0]["source"].as_str().unwrap();
    for part in
        ["Training of tiny", "Ended, complete", "epoch 3 of 3", "BLEU on test, beam search", source, "<polyline"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("refresh") && !corpus.path().join("run/report.html.partial").exists());

    let run = argument(&corpus.path().join("run"));
    let shown = stdout(&lsra(&["watch", &run]));
    assert_eq!(stdout(&lsra(&["watch", "--once", &run])), shown);
    for part in ["tiny  on iwslt14", "ended, complete: update ", "best BLEU", "test BLEU", source, "> ", "⣀"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no command to a terminal that is none");
    let again = corpus.path().join("again.html");
    assert_eq!(stdout(&lsra(&["watch", &run, "--page", &argument(&again)])), "");
    let (as_of, again) = (" As of ", fs::read_to_string(again).unwrap());
    let timeless = |page: &str| {
        let (before, after) = page.split_once(as_of).unwrap();
        before.to_owned() + after.split_once(" UTC.").unwrap().1
    };
    assert_eq!(timeless(&again), timeless(&page));
}

#[test]
fn nothing_that_is_learnt_depends_on_watching() {
    let corpus = corpus();
    train(&corpus, "watched", &[]);
    train(&corpus, "alone", &["--set", "watch.sentences=0", "--set", "watch.samples=0"]);
    assert!(events(&log(&corpus, "alone"), "sample").is_empty());
    let [watched, alone] = ["watched", "alone"].map(|out| newest(&corpus.path().join(out)));
    assert_eq!(watched.saved(), alone.saved());
    let bytes = |out: &str| fs::read(corpus.path().join(out).join("model.safetensors")).unwrap();
    let model = lsra_exec::ModelFile::load(&corpus.path().join("alone/model.safetensors")).unwrap().model;
    let weights = |file: &CheckpointFile| {
        file.weights(&model.params).unwrap().iter().flat_map(|t| t.to_vec()).map(f32::to_bits).collect::<Vec<u32>>()
    };
    assert!(weights(&watched) == weights(&alone));
    assert_eq!(bytes("watched").len(), bytes("alone").len());

    let [watched, alone] = ["watched", "alone"].map(|out| argument(&corpus.path().join(out)));
    let page = argument(&corpus.path().join("both.html"));
    let table = stdout(&lsra(&["compare-runs", &watched, &alone, "--out", &page]));
    for part in ["watched  ", "alone\n", "complete", "test BLEU, beam", "watch.samples", "watch.sentences", "both.html"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(!table.contains("training."), "{table}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("By target tokens") && page.contains("watch.samples") && page.ends_with("</html>\n"));
}

#[test]
fn a_resumed_run_has_every_line_once() {
    let corpus = corpus();
    train(&corpus, "run", &["--max-updates", "5"]);
    let out = corpus.path().join("run/metrics.jsonl");
    // As a process leaves it that is killed after its checkpoint, within a line.
    let mut text = fs::read_to_string(&out).unwrap();
    text += "{\"event\":\"update\",\"updates\":6,\"loss\":1}\n{\"event\":\"sample\",\"upda";
    fs::write(&out, text).unwrap();
    train(&corpus, "run", &["--resume"]);
    let log = log(&corpus, "run");
    let updates: Vec<u64> = events(&log, "update").iter().map(|l| l["updates"].as_u64().unwrap()).collect();
    assert!(updates.iter().copied().eq(1..=updates.len() as u64), "{updates:?}");
    let of = |event: &str| events(&log, event).iter().map(|l| l["updates"].as_u64().unwrap()).collect::<Vec<u64>>();
    assert_eq!(of("validation"), of("sample"));
    assert!(of("sample").is_sorted_by(|a, b| a < b) && of("sample")[0] == 5);
    assert_eq!(
        (of("start"), of("resume"), events(&log, "end").len(), events(&log, "scores").len()),
        (vec![0], vec![5], 1, 1)
    );
    let page = fs::read_to_string(corpus.path().join("run/report.html")).unwrap();
    assert!(page.contains("once") && page.contains("Ended, complete"));
    // What was validated within an epoch stays in the log, however often the run goes on.
    let before = of("validation");
    train(&corpus, "run", &["--resume", "--max-updates", "7"]);
    let log = self::log(&corpus, "run");
    let after: Vec<u64> = events(&log, "validation").iter().map(|l| l["updates"].as_u64().unwrap()).collect();
    assert!(after.starts_with(&before), "{before:?}, then {after:?}");
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (none, empty) = (argument(&folder.path().join("none")), argument(folder.path()));
    for command in [&["watch"][..], &["watch", "--once"], &["compare-runs", &empty]] {
        let refused = |run: &str| lsra(&[command, &[run]].concat());
        if command[0] == "watch" {
            assert_refused(&refused(&none), &["none", "no such folder", "--out"]);
        }
        assert_refused(&refused(&empty), &["holds no metrics.jsonl", "lsra train"]);
    }
    fs::write(folder.path().join("metrics.jsonl"), "loss 3.5\n").unwrap();
    assert_refused(&lsra(&["watch", &empty]), &["metrics.jsonl", "holds no line of a run"]);
    fs::write(folder.path().join("metrics.jsonl"), "{\"event\":\"start\"}\n").unwrap();
    assert!(stdout(&lsra(&["watch", &empty])).contains("It begins"));
    let hour = std::time::Duration::from_secs(3600);
    let log = fs::File::options().append(true).open(folder.path().join("metrics.jsonl")).unwrap();
    log.set_modified(std::time::SystemTime::now() - hour).unwrap();
    assert!(stdout(&lsra(&["watch", &empty])).contains("silent for 1:0"));
    let page = folder.path().join("page.html");
    stdout(&lsra(&["watch", &empty, "--page", &argument(&page)]));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Silent for 1:0") && !page.contains("refresh"), "{page}");
    let page = argument(&folder.path().join("none/page.html"));
    let output = lsra(&["compare-runs", &empty, &empty, "--out", &page]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written"));
    assert_eq!(lsra(&["compare-runs", &empty]).status.code(), Some(2), "one run is nothing to compare");
}
