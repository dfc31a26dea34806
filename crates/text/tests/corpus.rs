//! Folders, good and bad.

use lsra_text::{EOS, Languages, Prepared, TextError, UNK, Vocabulary};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn languages() -> Languages {
    Languages { source: "de".into(), target: "en".into() }
}

/// A folder of three small parts, text already cut.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (file, text) in [
        ("train.de", "das haus\nein h@@ aus\ndas\n"),
        ("train.en", "the house\na house\nthe\n"),
        ("valid.de", "ein haus\n"),
        ("valid.en", "a house\n"),
        ("test.de", "das baum\n\n"),
        ("test.en", "the tree\n\n"),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn read(folder: &Path) -> Result<Prepared, TextError> {
    Prepared::read(folder, &languages())
}

#[test]
fn a_folder_of_cut_text_needs_neither_codes_nor_dictionaries() {
    let folder = folder();
    let prepared = read(folder.path()).unwrap();
    assert!(prepared.source_bpe.is_none() && prepared.target_bpe.is_none());
    // das twice, then one each of aus, ein, h@@, haus in that order; 4 + 5 ids are filled up to 16.
    let v = &prepared.source_vocabulary;
    assert_eq!(v.len(), 16);
    assert_eq!(["das", "aus", "ein", "h@@", "haus", "madeupword0000"].map(|p| v.id(p).unwrap()), [4, 5, 6, 7, 8, 9]);
    assert_eq!(prepared.train.source, [vec![4, 8, EOS], vec![6, 7, 5, EOS], vec![4, EOS]]);
    assert_eq!(prepared.test.source, [vec![4, UNK, EOS], vec![EOS]]);
    assert_eq!(prepared.texts.valid.target, ["a house"]);
}

#[test]
fn codes_and_dictionaries_are_used_where_they_are() {
    let folder = folder();
    fs::write(folder.path().join("bpe.codes"), "#version: 0.2\na s</w>\nd as</w>\n").unwrap();
    fs::write(folder.path().join("dict.de.txt"), "das 9\nh@@ 3\na@@ 2\nmadeupword0000 0\n").unwrap();
    let prepared = read(folder.path()).unwrap();
    assert_eq!(prepared.source_vocabulary.len(), 8);
    // das | h a u s: the last two are not in the dictionary.
    assert_eq!(prepared.train.source[0], [4, 5, 6, UNK, UNK, EOS]);
    assert!(prepared.target_vocabulary.id("h@@").is_some());
}

#[test]
fn each_fault_is_told_in_one_line_with_its_place() {
    type Fault = fn(&Path);
    let faults: [(Fault, &str); 10] = [
        (|f| fs::remove_file(f.join("valid.en")).unwrap(), "valid.en: no such file"),
        (|f| fs::write(f.join("train.de"), "").unwrap(), "train.de: is empty"),
        (|f| fs::write(f.join("train.de"), "das\nhaus\n").unwrap(), "train.de has 2 lines but"),
        (|f| fs::write(f.join("test.de"), b"ok\nna\xffja\n").unwrap(), "test.de, line 2: byte 3 of the line"),
        (|f| fs::create_dir(f.join("bpe.codes")).unwrap(), "bpe.codes: cannot be read"),
        (|f| fs::write(f.join("bpe.codes"), "#version: 0.2\nab\n").unwrap(), "bpe.codes, line 2: \"ab\" is no merge"),
        (|f| fs::write(f.join("bpe.codes"), "#version: 9\na b\n").unwrap(), "bpe.codes: codes of version \"9\""),
        (|f| fs::write(f.join("dict.de.txt"), "das 3\nhaus\n").unwrap(), "dict.de.txt, line 2: \"haus\" is no"),
        (|f| fs::write(f.join("dict.en.txt"), "the x\n").unwrap(), "dict.en.txt, line 1: \"the x\" is no"),
        (
            |f| fs::write(f.join("dict.en.txt"), "a 2\nthe 1\na 1\n").unwrap(),
            "line 3: the piece \"a\" already has the id 4",
        ),
    ];
    for (fault, message) in faults {
        let folder = folder();
        fault(folder.path());
        let error = read(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(message), "{error:?} should say {message:?}");
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn carriage_returns_are_no_part_of_a_sentence() {
    let folder = folder();
    fs::write(folder.path().join("valid.de"), "ein haus\r\n").unwrap();
    assert_eq!(read(folder.path()).unwrap().texts.valid.source, ["ein haus"]);
}

#[test]
fn unknown_pieces_keep_their_surface() {
    let v = Vocabulary::from_counts([("das".to_owned(), 2), ("haus".to_owned(), 1)]);
    let encoded = v.encode_keeping_unknown(&["das", "blaue", "haus", "da"]);
    assert_eq!(encoded.ids, [4, UNK, 5, UNK, EOS]);
    let unknown: Vec<(usize, &str)> = encoded.unknown.iter().map(|u| (u.position, u.surface.as_str())).collect();
    assert_eq!(unknown, [(1, "blaue"), (3, "da")]);
    assert_eq!(v.decode(&encoded.ids), ["das", "<unk>", "haus", "<unk>"]);
}

proptest! {
    #[test]
    fn a_vocabulary_survives_being_stored(
        counts in prop::collection::hash_map("[^\\s]{1,8}", 1u64..1000, 0..60)
    ) {
        let v = Vocabulary::from_counts(counts.clone());
        prop_assert_eq!(v.len() % 8, 0);
        prop_assert_eq!(&Vocabulary::from_bytes("a model", &v.to_bytes()).unwrap(), &v);
        let ordered: Vec<(std::cmp::Reverse<u64>, &str)> =
            (4..v.len() as u32).map(|id| (std::cmp::Reverse(v.count(id)), v.piece(id).unwrap())).collect();
        prop_assert!(ordered.is_sorted());
        for (piece, count) in counts {
            let id = v.id(&piece).unwrap();
            prop_assert!(id < 4 || v.count(id) == count);
        }
    }
}
