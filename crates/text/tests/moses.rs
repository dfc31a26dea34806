//! Moses's rules against sacremoses: on sentences of our own, and by digests on the corpora that `LSRA_DATA` holds; and
//! against what Moses itself made of IWSLT'14.

use lsra_text::moses::{Detokeniser, Escapes, Hyphens, Language, LastWord, Normaliser, Quotes, Tokeniser};
use serde_json::Value;
use std::path::PathBuf;

const REFERENCE: &str = include_str!("references/moses.json");

fn reference() -> Value {
    serde_json::from_str(REFERENCE).unwrap()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}"))
}

/// What the reference has under each name, made here.
struct Rules {
    cut: Tokeniser,
    detokeniser: Detokeniser,
    normaliser: Normaliser,
}

const NAMES: [&str; 6] = ["tokenised", "unescaped", "hyphens", "detokenised", "normalised", "normalised_perl"];

impl Rules {
    fn new(language: Language) -> Rules {
        Rules {
            cut: Tokeniser::new(language).last_word(LastWord::AsAnyOther),
            detokeniser: Detokeniser::new(language),
            normaliser: Normaliser::new(language),
        }
    }

    fn results(&self, line: &str) -> [String; 6] {
        let tokenised = self.cut.tokenise(line);
        let unescaped = self.cut.clone().escapes(Escapes::Off).tokenise(line);
        let hyphens = self.cut.clone().hyphens(Hyphens::Split).tokenise(line);
        let detokenised = self.detokeniser.detokenise(&tokenised);
        let normalised = self.normaliser.normalise(line);
        let perl = self.normaliser.clone().quotes(Quotes::Perl).normalise(line);
        [tokenised, unescaped, hyphens, detokenised, normalised, perl]
    }
}

/// FNV-1a over lines with a line break after each.
struct Digest(u64);

impl Digest {
    fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    fn line(&mut self, line: &str) {
        for &byte in line.as_bytes().iter().chain(b"\n") {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[test]
fn our_sentences_become_what_sacremoses_makes_of_them() {
    let reference = reference();
    let cases = reference["sentences"].as_array().unwrap();
    assert!(cases.len() > 60);
    for case in cases {
        let rules = Rules::new(text(case, "language").parse().unwrap());
        for (name, made) in NAMES.iter().zip(rules.results(text(case, "line"))) {
            assert_eq!(made, text(case, name), "{name} of {}", case["line"]);
        }
    }
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("LSRA_DATA").map(PathBuf::from).filter(|f| f.is_dir());
    if folder.is_none() {
        eprintln!("skipped: LSRA_DATA names no folder");
    }
    folder
}

/// Lines end with a line feed alone.
fn lines(path: &PathBuf) -> Vec<String> {
    let content = std::fs::read_to_string(path).unwrap();
    content.lines().map(str::to_owned).collect()
}

/// The text inside of each `<seg>`.
fn segments(path: &PathBuf) -> Vec<String> {
    let inside = |line: &String| {
        let start = line.trim().strip_prefix("<seg")?;
        Some(start.split_once('>')?.1.strip_suffix("</seg>")?.to_owned())
    };
    lines(path).iter().filter_map(inside).collect()
}

/// The lines of a raw side of a corpus, as the reference's script reads them.
fn side(folder: &std::path::Path, file: &str, language: &str) -> Vec<String> {
    let path = folder.join(file);
    match path.extension().unwrap().to_str().unwrap() {
        "tsv" => {
            let column = usize::from(language == "en");
            lines(&path).iter().map(|l| l.split('\t').nth(column).unwrap().to_owned()).collect()
        }
        "xml" => segments(&path),
        "jsonl" => {
            let texts = lines(&path);
            let of = |line: &String| {
                let object: Value = serde_json::from_str(line).unwrap();
                format!("{}\n{}", text(&object, "article"), text(&object, "highlights"))
            };
            texts.iter().flat_map(|l| of(l).split('\n').map(str::to_owned).collect::<Vec<_>>()).collect()
        }
        _ => lines(&path),
    }
}

#[test]
fn every_raw_corpus_becomes_what_sacremoses_makes_of_it() {
    let Some(folder) = data() else { return };
    let reference = reference();
    let rows = reference["corpora"].as_array().unwrap();
    assert!(rows.len() > 50);
    let (mut bytes, mut periods) = (0, 0);
    let started = std::time::Instant::now();
    let mut faults = Vec::new();
    for row in rows {
        let (file, code) = (text(row, "file"), text(row, "language"));
        let language: Language = code.parse().unwrap();
        let lines = side(&folder, file, code);
        assert_eq!(lines.len() as u64, row["lines"].as_u64().unwrap(), "{file}");
        let (rules, moses) = (Rules::new(language), Tokeniser::new(language));
        let mut digests: [Digest; 6] = std::array::from_fn(|_| Digest::new());
        for line in &lines {
            let results = rules.results(line);
            digests.iter_mut().zip(&results).for_each(|(d, r)| d.line(r));
            // Moses differs by the period of the last word alone.
            let by_moses = moses.tokenise(line);
            if by_moses != results[0] {
                assert_eq!(by_moses.replace(" .", "."), results[0].replace(" .", "."), "{file}");
                periods += 1;
            }
            bytes += line.len();
        }
        for (name, digest) in NAMES.iter().zip(digests) {
            if format!("{:016x}", digest.0) != text(row, name) {
                faults.push(format!("{file}, {code}: {name}"));
            }
        }
    }
    println!("{} MB, {periods} last periods; {:.1} s", bytes / 1_000_000, started.elapsed().as_secs_f64());
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn iwslt_is_what_moses_made_of_it() {
    let Some(folder) = data().map(|f| f.join("iwslt14-de-en")) else { return };
    for (code, only_moses) in [("de", 16), ("en", 15)] {
        let language: Language = code.parse().unwrap();
        let (moses, other) = (Tokeniser::new(language), Tokeniser::new(language).last_word(LastWord::AsAnyOther));
        let parts = ["TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"];
        let files = parts.map(|part| folder.join(format!("xml/IWSLT16.{part}.de-en.{code}.xml")));
        let raw: Vec<String> = files.iter().flat_map(segments).map(|l| l.replace('’', "'")).collect();
        let expected = lines(&folder.join(format!("test.{code}")));
        assert_eq!((raw.len(), expected.len()), (6750, 6750));
        let mut differ = 0;
        for (n, (raw, expected)) in raw.iter().zip(&expected).enumerate() {
            assert_eq!(&moses.tokenise(raw).to_lowercase(), expected, "line {} of test.{code}", n + 1);
            differ += usize::from(&other.tokenise(raw).to_lowercase() != expected);
        }
        assert_eq!(differ, only_moses, "lines of test.{code} that sacremoses has otherwise");
    }
}
