//! On the IWSLT'14 folder that `LSRA_DATA` holds: equal to subword-nmt and to fairseq, line for line and batch for batch.

use lsra_text::{BatchLimits, Batches, Bpe, Languages, Prepared, UNK, Vocabulary};
use std::path::PathBuf;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LSRA_DATA").map(|data| PathBuf::from(data).join("iwslt14-de-en"));
    let found = folder.filter(|f| f.is_dir());
    if found.is_none() {
        eprintln!("skipped: LSRA_DATA names no folder with iwslt14-de-en");
    }
    found
}

fn lines(path: PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn pieces_equal_those_of_subword_nmt_on_every_line() {
    let Some(folder) = folder() else { return };
    let bpe = Bpe::from_codes(&folder.join("bpe.codes")).unwrap();
    let stored = Bpe::from_json("a model", &bpe.to_json()).unwrap();
    for language in ["de", "en"] {
        let text = lines(folder.join(format!("test.{language}")));
        let expected = lines(folder.join(format!("test.bpe.{language}")));
        assert_eq!((text.len(), expected.len()), (6750, 6750));
        for (n, (line, expected)) in text.iter().zip(&expected).enumerate() {
            let pieces = bpe.cut(line);
            assert_eq!(&pieces.join(" "), expected, "line {} of test.{language}", n + 1);
            assert_eq!(stored.cut(line), pieces, "line {} of test.{language}, from JSON", n + 1);
            assert_eq!(&Bpe::join(&pieces), line, "line {} of test.{language}, joined", n + 1);
        }
    }
}

#[test]
fn dictionaries_have_fairseqs_sizes_and_order() {
    let Some(folder) = folder() else { return };
    for (language, ids) in [("de", 8848), ("en", 6632)] {
        let path = folder.join(format!("dict.{language}.txt"));
        let dictionary = Vocabulary::from_file(&path).unwrap();
        assert_eq!(dictionary.len(), ids);
        assert_eq!(dictionary.to_bytes(), std::fs::read(&path).unwrap());
        // Counted anew from the same counts, last piece first, it must be the same dictionary.
        let real = (4..ids as u32).rev().filter(|&id| dictionary.count(id) > 0);
        let counts: Vec<(String, u64)> =
            real.map(|id| (dictionary.piece(id).unwrap().to_owned(), dictionary.count(id))).collect();
        assert_eq!(Vocabulary::from_counts(counts), dictionary, "dict.{language}.txt");
    }
}

#[test]
fn an_epoch_has_the_originals_444_updates() {
    let Some(folder) = folder() else { return };
    let started = std::time::Instant::now();
    let languages = Languages { source: "de".into(), target: "en".into() };
    let prepared = Prepared::read(&folder, &languages).unwrap();
    let read = started.elapsed();
    let train = &prepared.train;
    assert_eq!((train.len(), prepared.valid.len(), prepared.test.len()), (62_032, 7_283, 6_750));

    let batches = Batches::shuffled(train, &BatchLimits::default(), 1).unwrap();
    let (_, target_tokens) = train.tokens();
    let unknown = train.source.iter().flatten().filter(|&&id| id == UNK).count();
    println!(
        "{} batches, {} target tokens each, {unknown} unknown source pieces, {} too long; read and cut in {:.1} s, \
         batched in {:.2} s",
        batches.len(),
        target_tokens / batches.len(),
        batches.too_long.len(),
        read.as_secs_f64(),
        started.elapsed().as_secs_f64() - read.as_secs_f64(),
    );
    assert!(batches.too_long.is_empty());
    assert!(batches.len().abs_diff(444) <= 2, "{} batches", batches.len());
}
