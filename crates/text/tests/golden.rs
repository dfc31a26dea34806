//! Against what the authors' implementation printed and wrote, where `LSRA_GOLDEN` holds it.

use lsra_text::{Bleu, Languages, TextPair, Vocabulary, cut_line, split_compounds};
use serde_json::Value;
use std::path::PathBuf;

fn golden(file: &str) -> Option<PathBuf> {
    let path = std::env::var_os("LSRA_GOLDEN").map(|folder| PathBuf::from(folder).join(file));
    let found = path.filter(|p| p.exists());
    if found.is_none() {
        eprintln!("skipped: LSRA_GOLDEN names no folder with {file}");
    }
    found
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect()
}

#[test]
fn bleu_is_printed_as_the_original_prints_it() {
    let Some(path) = golden("misc/bleu.json") else { return };
    let golden = json(path);
    for case in golden["cases"].as_array().unwrap() {
        let bleu = Bleu::of(&strings(&case["sys"]), &strings(&case["ref"]));
        let expected = &case["fairseq_bleu"];
        assert_eq!(bleu.to_string(), expected["result_string"].as_str().unwrap());
        let counts =
            |name: &str| expected[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>();
        assert_eq!(bleu.matches[..], counts("match"));
        assert_eq!(bleu.totals[..], counts("count"));
        // Four logarithms, a mean and an exponential, each within an ulp of the other side's: the relative error of
        // the exponential is the absolute error of its argument, which is below 8.
        let score = expected["score"].as_f64().unwrap();
        assert!((bleu.score() - score).abs() <= 32.0 * f64::EPSILON * score, "{} and {score}", bleu.score());
    }
}

#[test]
fn compounds_are_split_as_the_literature_splits_them() {
    let Some(path) = golden("misc/bleu.json") else { return };
    for case in json(path)["compound_split"].as_array().unwrap() {
        assert_eq!(split_compounds(case["in"].as_str().unwrap()), case["out"].as_str().unwrap());
    }
}

#[test]
fn dictionaries_counted_from_text_are_those_of_the_originals_preprocessing() {
    let (Some(raw), Some(binarised)) = (golden("pt_light/raw"), golden("pt_light/data-bin")) else { return };
    let languages = Languages { source: "de".into(), target: "en".into() };
    let train = TextPair::read(&raw, lsra_text::Split::Train, &languages).unwrap();
    for (language, lines) in [("de", &train.source), ("en", &train.target)] {
        let pieces: Vec<Vec<String>> = lines.iter().map(|l| cut_line(None, l)).collect();
        let counted = Vocabulary::from_sentences(pieces.iter().cloned());
        let written = std::fs::read(binarised.join(format!("dict.{language}.txt"))).unwrap();
        assert_eq!(String::from_utf8(counted.to_bytes()).unwrap(), String::from_utf8(written).unwrap());
    }
}

#[test]
fn lines_have_the_originals_ids() {
    let (Some(lines), Some(binarised)) = (golden("pt_light/expected/encoded_test.json"), golden("pt_light/data-bin"))
    else {
        return;
    };
    for line in json(lines)["lines"].as_array().unwrap() {
        let dictionary = binarised.join(format!("dict.{}.txt", line["lang"].as_str().unwrap()));
        let vocabulary = Vocabulary::from_file(&dictionary).unwrap();
        let ids = vocabulary.encode(&cut_line(None, line["text"].as_str().unwrap()));
        let expected: Vec<u32> = line["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
        assert_eq!(ids, expected, "{}", line["text"]);
    }
}
