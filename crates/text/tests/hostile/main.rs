//! Files that are almost what they should be: valid ones of each kind, cut, spliced, with huge counts and bytes that are no text.
//! Every reader answers with a value or a typed error, without a panic, and takes memory in proportion to the file.
//!
//! Memory is what a counting allocator sees, so the tests of this file take turns.

mod allocator;
mod mutation;

use allocator::{peak, peak_of_all_threads, turn};
use lsra_text::demo::{DemoSizes, generate};
use lsra_text::prepare::{Preparation, PrepareConfig, Reason, Source, SourceOptions, run};
use lsra_text::{Bpe, Languages, PieceCount, TextError, Vocabulary};
use mutation::{mutate, mutation};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

fn mutated(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(mutation(), 1..5).prop_map(move |m| m.iter().fold(valid.clone(), mutate))
}

fn raw_bpe() -> Bpe {
    let texts = generate(DemoSizes { train: 60, valid: 0, test: 0 }, 3).train;
    let lines: Vec<String> = texts.source.into_iter().chain(texts.target).collect();
    let mut characters = BTreeMap::new();
    lines.iter().flat_map(|l| l.chars()).for_each(|c| *characters.entry(c).or_insert(0) += 1);
    Bpe::learn_raw(&characters, lines.iter(), PieceCount::Vocabulary(120))
}

fn codes() -> Vec<u8> {
    b"#version: 0.2\ne n</w>\nc h\ni n\nn d</w>\nu nd</w>\ne r</w>\ni e</w>\nd ie</w>\n".to_vec()
}

fn dictionary() -> Vec<u8> {
    "▁ein 21\n, 17\n▁das 9\nhaus@@ 4\nü 2\nmadeupword0000 0\n".into()
}

fn corpus(name: &str) -> Vec<u8> {
    let texts = generate(DemoSizes { train: 40, valid: 0, test: 0 }, 5).train;
    let pairs = texts.source.iter().zip(&texts.target);
    let text: String = match name {
        "tsv" => pairs.map(|(s, t)| format!("{s}\t{t}\t{}\n", s.len())).collect(),
        _ => pairs.map(|(s, t)| serde_json::json!({ "de": s, "en": t, "n": 12 }).to_string() + "\n").collect(),
    };
    text.into_bytes()
}

/// What a file may cost: the readers hold it, its lines and what they make of them, a few dozen bytes for each of its own.
fn allowed(bytes: &[u8]) -> usize {
    (1 << 16) + 100 * bytes.len()
}

fn in_file<T>(bytes: &[u8], read: impl FnOnce(&std::path::Path) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read(file.path())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn dictionaries(bytes in mutated(dictionary())) {
        let _turn = turn();
        let (result, peak) = peak(|| in_file(&bytes, Vocabulary::from_file));
        prop_assert!(peak <= allowed(&bytes), "{peak} bytes for {}", bytes.len());
        if let Ok(vocabulary) = result {
            // What was understood can be used and stored.
            let text = vocabulary.to_bytes();
            prop_assert_eq!(Vocabulary::from_bytes("a file", &text).unwrap(), vocabulary);
        }
    }

    #[test]
    fn codes_of_merges(bytes in mutated(codes())) {
        let _turn = turn();
        // The model keeps a cache of words, of one size whatever the file's.
        let (result, peak) = peak(|| in_file(&bytes, Bpe::from_codes));
        prop_assert!(peak <= allowed(&bytes) + (16 << 20), "{peak} bytes for {}", bytes.len());
        if let Ok(bpe) = result {
            let line = "und das ein die ch </w> \u{E000} @@";
            prop_assert_eq!(Bpe::join(&bpe.cut(line)), line);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tokenisers(raw: bool, changes in prop::collection::vec(mutation(), 1..4)) {
        let _turn = turn();
        let valid = if raw { raw_bpe().to_json() } else { in_file(&codes(), Bpe::from_codes).unwrap().to_json() };
        let bytes = changes.iter().fold(valid, mutate);
        let (result, peak) = peak(|| Bpe::from_json("a file", &bytes));
        // The model keeps a cache of words; patterns are this program's own, which are small.
        prop_assert!(peak <= allowed(&bytes) + (16 << 20), "{peak} bytes for {}", bytes.len());
        match result {
            Ok(bpe) => {
                let line = "ein haus, 42 ü";
                prop_assert_eq!(bpe.spelling().join(&bpe.cut(line)), line);
            }
            Err(error) => prop_assert!(matches!(error, TextError::BadTokenizer { .. }), "{}", error),
        }
    }

    /// Patterns that would fill the regex library's 64 MiB.
    #[test]
    fn swollen_patterns(count in 50usize..2000, raw: bool, twice: bool) {
        let _turn = turn();
        let valid = if raw { raw_bpe().to_json() } else { in_file(&codes(), Bpe::from_codes).unwrap().to_json() };
        let valid = String::from_utf8(valid).unwrap();
        let swollen = format!("\\\\p{{L}}{{{count}}}");
        let changed = match raw {
            true => valid.replacen("▁?\\\\p{N}", &swollen, 1),
            false => valid.replacen("{\"String\":\" \"}", &format!("{{\"Regex\":\"{swollen}\"}}"), 1),
        };
        prop_assert!(changed != valid);
        // Hidden before a key of the same name that is as it should be.
        let bytes = match twice {
            true => format!("{{{},{}", changed.split_at(1).1.rsplit_once('}').unwrap().0, valid.split_at(1).1),
            false => changed,
        };
        let (result, peak) = peak(|| Bpe::from_json("a file", bytes.as_bytes()));
        prop_assert!(peak <= allowed(bytes.as_bytes()) + (16 << 20), "{peak} bytes for {}", bytes.len());
        let refused = matches!(result, Err(TextError::BadTokenizer { .. }));
        prop_assert!(twice || refused);
    }

    #[test]
    fn corpora(table: bool, changes in prop::collection::vec(mutation(), 1..5), most in 16usize..2000) {
        let _turn = turn();
        let name = if table { "tsv" } else { "jsonl" };
        let bytes = changes.iter().fold(corpus(name), mutate);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("a.{name}"));
        fs::write(&file, &bytes).unwrap();
        let languages = Languages { source: "de".into(), target: "en".into() };
        let job = Preparation {
            source: Source::of(&[file], &SourceOptions::default(), &languages).unwrap(),
            valid: None,
            test: None,
            languages,
            config: PrepareConfig { max_line_bytes: most, vocabulary: Some(60), keep: vec![Reason::Ratio], ..PrepareConfig::default() },
            out: folder.path().join("out"),
        };
        let (result, peak) = peak_of_all_threads(|| run(&job, &mut |_| ()));
        // Two profiles of 4 MiB, twelve open files, the tokeniser's cache.
        prop_assert!(peak <= allowed(&bytes) + (48 << 20), "{peak} bytes for {}", bytes.len());
        match result {
            Ok(report) => {
                let dropped: u64 = report.dropped.iter().map(|d| d.count).sum();
                prop_assert_eq!(report.read, dropped + report.kept());
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
    }
}

/// A line that never ends, and a small file that unpacks to a large one.
#[test]
fn lines_of_any_length_take_no_more_memory() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let languages = Languages { source: "de".into(), target: "en".into() };
    let mut plain = vec![b'a'; 64 << 20];
    plain.extend(b"\tx\n");
    plain.extend(corpus("tsv"));
    let packed = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    assert!(packed.len() < plain.len() / 100);
    for (name, bytes) in [("a.tsv", &plain), ("b.tsv.zst", &packed)] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let job = Preparation {
            source: Source::of(&[file], &SourceOptions::default(), &languages).unwrap(),
            valid: None,
            test: None,
            languages: languages.clone(),
            config: PrepareConfig { vocabulary: Some(60), ..PrepareConfig::default() },
            out: folder.path().join(format!("out-{name}")),
        };
        let (report, peak) = peak_of_all_threads(|| run(&job, &mut |_| ()).unwrap());
        assert_eq!(report.read, 41);
        assert!(peak < 48 << 20, "{name}: {peak} bytes");
    }
}

/// What is no dictionary at all, as a film, is not read whole.
#[cfg(unix)]
#[test]
fn an_endless_file_is_refused() {
    let _turn = turn();
    let (result, peak) = peak(|| Vocabulary::from_file(std::path::Path::new("/dev/zero")));
    let error = result.unwrap_err();
    assert!(matches!(error, TextError::TooLarge { .. }), "{error}");
    assert!(peak <= 1 << 30, "{peak} bytes");
}
