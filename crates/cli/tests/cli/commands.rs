//! `lsra translate`, `score` and `evaluate` as their users run them.

use crate::program::{self, Workshop, argument, assert_refused, stdout};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

const SENTENCES: &str = "ein haus .\n\nzwei baum go@@ ing .\ndrei\nxyz ein .\n";

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect()
}

/// Many sentences of different lengths.
fn many(lines: usize) -> String {
    let line = |i: usize| (0..1 + i % 11).map(|j| program::WORDS[(i * 7 + j * 3) % 8]).collect::<Vec<_>>().join(" ");
    (0..lines).map(|i| line(i) + "\n").collect()
}

#[test]
fn a_line_for_a_line_from_arguments_a_file_or_a_pipe() {
    let w = Workshop::new();
    let piped = w.piped("translate", &[], SENTENCES);
    let lines: Vec<&str> = piped.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "");
    assert!([0, 2, 3, 4].iter().all(|&i| !lines[i].is_empty()), "{lines:?}");
    assert!(!piped.contains("@@") && !piped.contains("</s>"), "{piped}");

    let file = w.file("input", SENTENCES);
    assert_eq!(stdout(&w.run("translate", &["--input", &file])), piped);
    let arguments: Vec<&str> = SENTENCES.lines().collect();
    assert_eq!(stdout(&w.run("translate", &arguments)), piped);
    let output = w.path("output");
    assert_eq!(stdout(&w.run("translate", &["--input", &file, "--output", &program::argument(&output)])), "");
    assert_eq!(std::fs::read_to_string(output).unwrap(), piped);
}

#[test]
fn no_line_depends_on_the_others_nor_on_threads() {
    let w = Workshop::new();
    let input = many(300);
    let together = w.piped("translate", &["--threads", "1", "--format", "json"], &input);
    assert_eq!(w.piped("translate", &["--threads", "3", "--format", "json"], &input), together);
    for i in [0, 5, 150, 299] {
        let alone = stdout(&w.run("translate", &["--format", "json", input.lines().nth(i).unwrap()]));
        assert_eq!(alone.trim_end(), together.lines().nth(i).unwrap());
    }
}

#[test]
fn json_holds_what_was_found() {
    let w = Workshop::new();
    let options = ["--format", "json", "--beam", "5", "--n-best", "3", "--length-penalty", "0.6"];
    let found = json_lines(&w.piped("translate", &options, SENTENCES));
    assert_eq!(found.len(), 5);
    for (object, line) in found.iter().zip(SENTENCES.lines()) {
        assert_eq!(object["source"], line);
        let sentences = object["sentences"].as_array().unwrap();
        let translations = object["translations"].as_array().unwrap();
        assert_eq!((sentences.len(), translations.len()), if line.is_empty() { (0, 0) } else { (1, 3) });
        let Some(sentence) = sentences.first() else { continue };
        assert_eq!(sentence["source"], line);
        let hypotheses = sentence["hypotheses"].as_array().unwrap();
        assert_eq!(hypotheses.iter().map(|h| &h["text"]).collect::<Vec<_>>(), translations.iter().collect::<Vec<_>>());
        let scores: Vec<f64> = hypotheses.iter().map(|h| h["score"].as_f64().unwrap()).collect();
        assert!(scores.windows(2).all(|s| s[0] >= s[1]), "{scores:?}");
        for h in hypotheses {
            let (tokens, log_probs) = (h["tokens"].as_array().unwrap(), numbers(&h["log_probs"]));
            assert_eq!(tokens.len(), log_probs.len());
            assert_eq!(tokens.last().unwrap(), "</s>");
            let sum: f64 = log_probs.iter().sum();
            let score = sum / (tokens.len() as f64).powf(0.6);
            // f32 sums of so many terms.
            let rounding = tokens.len() as f64 * f64::from(f32::EPSILON) * sum.abs();
            assert!((h["score"].as_f64().unwrap() - score).abs() <= rounding, "{h} is not {score}");
        }
    }
}

#[test]
fn limits_of_length_hold() {
    let w = Workshop::new();
    let tokens = |options: &[&str]| -> Vec<Vec<String>> {
        let found = json_lines(&w.piped("translate", &[&["--format", "json"], options].concat(), &many(20)));
        let of = |v: &Value| serde_json::from_value(v["sentences"][0]["hypotheses"][0]["tokens"].clone()).unwrap();
        found.iter().map(of).collect()
    };
    for (tokens, line) in tokens(&["--max-length-ratio", "0.5"]).iter().zip(many(20).lines()) {
        let source = line.split(' ').count() + 1;
        assert!(tokens.len() - 1 <= source / 2, "{tokens:?} for {source} tokens");
    }
    for tokens in tokens(&["--min-length", "6", "--no-repeat-ngram", "2", "--max-length", "12"]) {
        assert!((6..=12).contains(&(tokens.len() - 1)), "{tokens:?}");
        let pairs: Vec<_> = tokens.windows(2).collect();
        assert!(pairs.iter().enumerate().all(|(i, p)| !pairs[..i].contains(p)), "{tokens:?}");
    }
}

#[test]
fn unknown_pieces_are_copied_when_asked_to() {
    let w = Workshop::new();
    // Among enough sentences the random model says <unk> somewhere. What it looks at then is chance, but a word of the source.
    let input: String = many(200).lines().map(|l| format!("qwx {l}\n")).collect();
    let plain = w.piped("translate", &[], &input);
    let copied = w.piped("translate", &["--unknown", "copy"], &input);
    assert!(plain.contains("<unk>") && !copied.contains("<unk>"), "{copied}");
    for ((source, plain), copied) in input.lines().zip(plain.lines()).zip(copied.lines()) {
        let (known, joined) = (plain.split(' ').filter(|w| !w.contains("<unk>")), source.replace("@@ ", ""));
        let mut words = copied.split(' ').peekable();
        // The words that were known are there in their order, with words of the source between them.
        for word in known {
            while words.next_if(|w| *w != word).is_some_and(|w| joined.split(' ').any(|s| s == w)) {}
            assert_eq!(words.next(), Some(word), "{source}: {plain}: {copied}");
        }
        assert!(words.all(|w| joined.split(' ').any(|s| s == w)), "{source}: {plain}: {copied}");
    }
}

#[test]
fn scores_are_those_of_the_search() {
    let w = Workshop::new();
    let found = json_lines(&w.piped("translate", &["--format", "json", "--n-best", "2"], &many(40)));
    let (mut pairs, mut expected) = (String::new(), Vec::new());
    for object in &found {
        for h in object["sentences"][0]["hypotheses"].as_array().unwrap() {
            let tokens: Vec<String> = serde_json::from_value(h["tokens"].clone()).unwrap();
            // `<unk>` as text is no piece of the dictionary and becomes the same id again.
            let pieces = tokens[..tokens.len() - 1].join(" ");
            pairs += &format!("{}\t{pieces}\n", object["source"].as_str().unwrap());
            expected.push(h.clone());
        }
    }
    let scored = json_lines(&w.piped("score", &["--tokenized", "--format", "json"], &pairs));
    assert_eq!(scored.len(), expected.len());
    for (scored, expected) in scored.iter().zip(&expected) {
        assert_eq!(scored["tokens"], expected["tokens"]);
        assert_eq!(scored["log_probs"], expected["log_probs"], "the same bits");
    }

    let text = stdout(&w.run("score", &["--tokenized", "--text", "ein haus .", "one house ."]));
    let fields: Vec<&str> = text.trim_end().split('\t').collect();
    assert_eq!(fields[1], "one house . </s>");
    let each: Vec<f64> = fields[2].split(' ').map(|p| p.parse().unwrap()).collect();
    assert_eq!(each.len(), 4);
    // Printed to four decimals: half a unit each, and of the sum.
    assert!((fields[0].parse::<f64>().unwrap() - each.iter().sum::<f64>()).abs() < 5.0 * 0.5e-4 + 1e-6, "{text}");
}

#[test]
fn a_model_is_perfect_measured_by_itself() {
    let w = Workshop::new();
    // Long enough for 4-grams, and no `<unk>`, which counts as wrong whatever stands there.
    let options = ["--min-length", "8", "--beam", "2"];
    let input = many(60);
    let translations = w.piped("translate", &options, &input);
    let known: Vec<(&str, &str)> =
        input.lines().zip(translations.lines()).filter(|(_, t)| !t.contains("<unk>")).collect();
    let source = w.file("source", known.iter().map(|(s, _)| format!("{s}\n")).collect::<String>());
    let reference = w.file("reference", known.iter().map(|(_, t)| format!("{t}\n")).collect::<String>());
    let files = [source.as_str(), reference.as_str()];
    let text = stdout(&w.run("evaluate", &[&files[..], &options].concat()));
    assert!(text.contains("  BLEU4 = 100.00, 100.0/100.0/100.0/100.0 (BP=1.000, ratio=1.000, "), "{text}");
    assert!(
        text.contains(&format!("{} sentences", known.len()))
            && text.contains("sentences/s")
            && text.contains("tokens/s"),
        "{text}"
    );
    let json = stdout(&w.run("evaluate", &[&files[..], &options, &["--format", "json"]].concat()));
    let report: Value = serde_json::from_str(&json).unwrap();
    let score = |metric: &str| report["systems"][0]["metrics"][metric]["score"].as_f64().unwrap();
    // A mean of logarithms, to a few roundings.
    assert!([score("multi-bleu"), score("bleu"), score("chrf")].iter().all(|s| (s - 100.0).abs() < 1e-9), "{json}");
    assert_eq!(score("ter"), 0.0);
    assert_eq!(report["sentences"], known.len());
    assert!(report["speed"]["tokens_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_translation_comes_before_the_next_sentence_is_given() {
    let w = Workshop::new();
    let mut child = w.command("translate", &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let expected = w.piped("translate", &[], "ein haus .\nzwei .\n");
    for (sentence, expected) in ["ein haus .\n", "zwei .\n"].iter().zip(expected.lines()) {
        stdin.write_all(sentence.as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end_matches('\n'), expected);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let w = Workshop::new();
    let input = w.file("input", many(5000));
    let mut command = w.command("translate", &["--beam", "1", "--input", &input]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stderr, b"");
}

#[test]
fn traces() {
    let w = Workshop::new();
    let path = argument(&w.path("trace.json"));
    let (source, target) = (w.file("source", "ein\n"), w.file("target", "one\n"));
    for (command, arguments) in
        [("translate", ["ein haus .", "--precision", "int8"].as_slice()), ("score", &[&source, &target])]
    {
        let output = w.run(command, &[arguments, &["--trace", &path]].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.contains("GFLOP/s") && told.contains("trace.json"), "{told}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), stdout(&w.run(command, arguments)));
        let trace: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(trace["traceEvents"].as_array().unwrap().iter().any(|e| e["cat"] == "kernel"));
        std::fs::remove_file(&path).unwrap();
    }
    let refused = w.run("translate", &["ein haus .", "--trace", &argument(&w.path("none/trace.json"))]);
    assert_refused(&refused, &["none/trace.json", "cannot be written"]);
}
