//! Pieces and dictionaries: no more of them than were asked for.

use crate::kit::{Bench, languages, pairs, tsv};
use lsra_text::Vocabulary;
use lsra_text::prepare::{BpeSides, Manifest, PrepareConfig, Reason};
use std::collections::HashSet;

/// Pairs of which each side has some hundred signs, as Chinese has, each of them more than once.
fn many_signs() -> Vec<(String, String)> {
    let sign = |n: usize| char::from_u32(0x4E00 + n as u32).unwrap();
    let line = |from: usize, n: usize| (0..6).map(|i| sign(from + (n * 7 + i * 5) % 400)).collect::<String>();
    let mut all = pairs(300);
    all.extend((0..400).map(|n| (line(0, n), line(1000, n))));
    all
}

/// A character that stands once has no piece, so what is beside it does not stand side by side.
#[test]
fn nothing_is_learnt_across_what_has_no_piece() {
    let sign = |n: usize| char::from_u32(0x4E00 + n as u32).unwrap();
    let mut all = pairs(300);
    all.extend((0..200).map(|n| (format!("ja, q{}z", sign(n)), format!("yes, q{}z", sign(1000 + n)))));
    let mut bench = Bench::new("a.tsv", tsv(&all));
    let keep = vec![Reason::Script, Reason::Language, Reason::Ratio];
    bench.job.config = PrepareConfig { vocabulary: Some(400), keep, ..bench.job.config.clone() };
    bench.run().unwrap();
    let tokenizer: serde_json::Value =
        serde_json::from_str(&bench.lines("tokenizer.json").join("\n")).expect("a tokeniser");
    let pieces: Vec<&String> = tokenizer["model"]["vocab"].as_object().unwrap().keys().collect();
    assert!(pieces.iter().any(|p| p.contains('q')) && !pieces.iter().any(|p| p.contains("qz")), "{pieces:?}");
}

#[test]
fn dictionaries_hold_what_the_bpe_makes_and_no_more_than_was_asked_for() {
    for (bpe, vocabulary) in [(BpeSides::Joint, 200), (BpeSides::Shared, 200), (BpeSides::PerSide, 120)] {
        let mut bench = Bench::new("a.tsv", tsv(&many_signs()));
        let keep = vec![Reason::Script, Reason::Language, Reason::Ratio];
        bench.job.config = PrepareConfig { bpe, vocabulary: Some(vocabulary), keep, ..bench.job.config.clone() };
        let report = bench.run().unwrap();
        let tokenizers = Manifest::read(&bench.job.out).unwrap().tokenizers(&bench.job.out).unwrap();
        for (side, language) in [languages().source, languages().target].iter().enumerate() {
            let file = bench.job.out.join(format!("dict.{language}.txt"));
            let dictionary = Vocabulary::from_file(&file).unwrap();
            let known: serde_json::Value = serde_json::from_slice(&tokenizers[side].to_json()).unwrap();
            let known: HashSet<&str> =
                known["model"]["vocab"].as_object().unwrap().keys().map(String::as_str).collect();
            let foreign: Vec<&str> =
                dictionary.pieces().filter(|p| !known.contains(p) && !p.starts_with("madeupword")).collect();
            assert!(foreign.is_empty(), "{bpe:?} {language}: {} such as {:?}", foreign.len(), foreign.first());
            // The four special ones come to them, and up to seven that nothing stands for.
            assert!(dictionary.len() <= (vocabulary + 4).next_multiple_of(8), "{bpe:?}: {}", dictionary.len());
            let train = &report.parts[0].sides[side];
            assert!(train.unknown_pieces > 0, "the rarer signs stay unknown, and are counted");
        }
    }
}
