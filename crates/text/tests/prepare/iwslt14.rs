//! IWSLT'14 from raw files: on files of our own, and on those of test that `LSRA_DATA` holds.

use lsra_text::prepare::iwslt14;
use lsra_text::{Bpe, Languages, Prepared, TextError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn write(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).unwrap();
}

const PARTS: [&str; 5] = ["TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"];

/// What a kill leaves is its own, what somebody else puts there is not.
#[test]
fn nothing_of_somebody_else_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    raw(folder.path(), 30);
    let out = folder.path().join("out");
    let english = fs::read(folder.path().join("IWSLT14.TED.tst2012.de-en.en.xml")).unwrap();
    fs::remove_file(folder.path().join("IWSLT14.TED.tst2012.de-en.en.xml")).unwrap();
    // It ends with train and valid written.
    iwslt14::run(folder.path(), "d", &out).unwrap_err();
    assert!(out.join("valid.de").is_file());
    fs::write(folder.path().join("IWSLT14.TED.tst2012.de-en.en.xml"), english).unwrap();
    iwslt14::run(folder.path(), "d", &out).unwrap();
    fs::remove_file(out.join("iwslt14.json")).unwrap();
    let error = iwslt14::run(folder.path(), "d", &out).unwrap_err();
    assert!(matches!(error, TextError::ForeignFolder { .. }), "{error}");
}

/// Raw files of our own: a talk, its description, and so many sentences.
fn raw(folder: &Path, sentences: usize) {
    let talk = |language: &str, line: &dyn Fn(usize) -> String| {
        let mut text =
            format!("<url>x</url>\n<keywords>a, b</keywords>\n<talkid>7</talkid>\n<title>Titel {language}</title>\n");
        text += "<description>Ein „Test“ &amp; mehr</description>\n";
        (0..sentences).for_each(|n| text += &format!("{}\n", line(n)));
        write(folder, &format!("train.tags.de-en.{language}"), &text);
    };
    talk("de", &|n| format!(" Das Haus Nr. {n} ist groß, usw. "));
    talk("en", &|n| if n == 3 { "Big.".to_owned() } else { format!("The house no. {n} isn't SMALL, etc.") });
    for part in PARTS {
        for language in ["de", "en"] {
            let text =
                format!("<?xml?>\n<doc>\n<title>T</title>\n<seg id=\"1\"> {part} {language}’s Haus. </seg>\n</doc>\n");
            write(folder, &format!("IWSLT14.{part}.de-en.{language}.xml"), &text);
        }
    }
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    fs::read_to_string(folder.join(name)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn raw_files_become_the_literatures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    raw(folder.path(), 60);
    assert!(!iwslt14::is_done("digest", &out));
    // Of 62 pairs, title and description among them, one is dropped for its ratio: every 23rd of 61 is valid's.
    assert_eq!(iwslt14::run(folder.path(), "digest", &out).unwrap(), [59, 2, 5]);
    let train = lines(&out, "train.de");
    assert_eq!(train[..3], ["titel de", "ein „ test “ &amp; amp ; mehr", "das haus nr. 0 ist groß , usw ."]);
    assert_eq!(lines(&out, "train.en")[2], "the house no . 0 isn &apos;t small , etc .");
    // The 23rd of those that are left: two of the talk, and the sentences but for number 3.
    assert_eq!(lines(&out, "valid.de")[0], "das haus nr. 21 ist groß , usw .");
    assert_eq!(lines(&out, "test.en")[..2], ["ted.dev2010 en &apos;s haus .", "tedx.dev2012 en &apos;s haus ."]);
    let languages = Languages { source: "de".into(), target: "en".into() };
    let prepared = Prepared::read(&out, &languages).unwrap();
    assert_eq!((prepared.train.len(), prepared.test.len()), (59, 5));
    assert!(prepared.source_bpe.is_some() && prepared.source_vocabulary != prepared.target_vocabulary);

    // Done before: the raw files are not needed any more.
    assert!(iwslt14::is_done("digest", &out) && !iwslt14::is_done("other", &out));
    fs::remove_file(folder.path().join("train.tags.de-en.de")).unwrap();
    assert_eq!(iwslt14::run(folder.path(), "digest", &out).unwrap(), [59, 2, 5]);
    let codes = fs::read(out.join("bpe.codes")).unwrap();
    fs::write(out.join("bpe.codes"), "#version: 0.2\n").unwrap();
    assert!(!iwslt14::is_done("digest", &out));
    iwslt14::run(folder.path(), "digest", &out).unwrap();
    assert_eq!(fs::read(out.join("bpe.codes")).unwrap(), codes);
    let error = iwslt14::run(folder.path(), "other", &out).unwrap_err();
    assert!(matches!(error, TextError::Missing { .. }), "{error}");
}

#[test]
fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    raw(folder.path(), 30);
    let out = folder.path().join("out");
    write(folder.path(), "train.tags.de-en.en", "<title>one</title>\ntwo\n");
    let error = iwslt14::run(folder.path(), "d", &out).unwrap_err();
    assert!(matches!(error, TextError::SidesDiffer { source_lines: 32, target_lines: 2, .. }), "{error}");
    // A folder with text of somebody else.
    raw(folder.path(), 30);
    fs::create_dir_all(&out).unwrap();
    write(&out, "valid.de", "dear to me\n");
    let error = iwslt14::run(folder.path(), "d", &out).unwrap_err();
    assert!(matches!(error, TextError::ForeignFolder { .. }), "{error}");
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("LSRA_DATA").map(|data| PathBuf::from(data).join("iwslt14-de-en"));
    let found = folder.filter(|f| f.is_dir());
    if found.is_none() {
        eprintln!("skipped: LSRA_DATA names no folder with iwslt14-de-en");
    }
    found
}

#[test]
fn the_raw_test_files_become_the_literatures_lines() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    raw(folder.path(), 30);
    for part in PARTS {
        for language in ["de", "en"] {
            let name = |year: u32| format!("IWSLT{year}.{part}.de-en.{language}.xml");
            fs::copy(data.join("xml").join(name(16)), folder.path().join(name(14))).unwrap();
        }
    }
    let out = folder.path().join("out");
    assert_eq!(iwslt14::run(folder.path(), "d", &out).unwrap()[2], iwslt14::PAIRS[2]);
    for name in ["test.de", "test.en"] {
        assert!(lines(&out, name) == lines(&data, name), "{name}");
    }
}

/// FNV-1a.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// subword-nmt 0.3.8 on the same two files gave a file of this digest.
#[test]
fn merges_of_a_real_corpus_are_subword_nmts() {
    let Some(data) = data() else { return };
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for line in ["train.de", "train.en"].iter().flat_map(|name| lines(&data, name)) {
        line.split(' ').filter(|w| !w.is_empty()).for_each(|w| *words.entry(w.to_owned()).or_default() += 1);
    }
    let started = std::time::Instant::now();
    let codes = Bpe::learn_codes(&words, 10_000);
    println!("{} merges in {:.1} s", codes.lines().count() - 1, started.elapsed().as_secs_f64());
    assert_eq!((codes.lines().count(), digest(&codes)), (10_001, 0xf98c_8e73_e4b4_630f));
}
