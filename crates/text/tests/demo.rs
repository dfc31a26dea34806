//! The corpus that needs no data.

use lsra_text::demo::{DemoSizes, MERGES, generate};
use lsra_text::{BatchLimits, Batches, Bpe, Prepared, UNK};
use std::collections::{HashMap, HashSet};

const SIZES: DemoSizes = DemoSizes { train: 60_000, valid: 500, test: 500 };

#[test]
fn held_out_sentences_are_unseen_and_all_are_distinct() {
    let texts = generate(SIZES, 1);
    let mut seen = HashSet::new();
    for part in [&texts.test, &texts.valid, &texts.train] {
        assert_eq!(part.source.len(), part.target.len());
        for sentence in &part.source {
            assert!(seen.insert(sentence), "{sentence} stands twice");
        }
    }
    assert_eq!(seen.len(), 61_000);
    // Not only the sentence: hardly any translation can be copied from one seen in training either.
    let targets: HashSet<&String> = texts.train.target.iter().collect();
    let copied = texts.test.target.iter().filter(|t| targets.contains(t)).count();
    assert!(copied * 20 < texts.test.len(), "{copied} of the test's translations stand in training");
}

#[test]
fn the_seed_alone_decides() {
    let small = DemoSizes { train: 1_000, valid: 50, test: 50 };
    let texts = generate(small, 3);
    assert_eq!(texts, generate(small, 3));
    assert_ne!(texts.train, generate(small, 4).train);
    let larger = generate(DemoSizes { train: 2_000, ..small }, 3);
    assert_eq!((&texts.valid, &texts.test), (&larger.valid, &larger.test));
    assert_eq!(texts.train.source, larger.train.source[..1_000]);
}

#[test]
fn a_sentence_has_one_translation() {
    let mut translations: HashMap<String, String> = HashMap::new();
    let mut repeated = 0;
    for seed in 0..4 {
        let train = generate(SIZES, seed).train;
        for (german, english) in train.source.into_iter().zip(train.target) {
            assert_eq!(german, german.to_lowercase());
            assert!(!german.contains("  ") && !english.contains("  ") && german.trim() == german);
            match translations.get(&german) {
                Some(other) => {
                    repeated += 1;
                    assert_eq!(other, &english, "{german}");
                }
                None => drop(translations.insert(german, english)),
            }
        }
    }
    // The test has something to compare, and the grammar far more sentences than a corpus.
    assert!(repeated > 1_000, "{repeated} sentences were drawn twice");
    assert!(translations.len() > 150_000, "{} distinct sentences", translations.len());
}

#[test]
fn it_suits_a_small_model() {
    let texts = generate(SIZES, 1);
    let lines: Vec<&String> = texts.train.source.iter().chain(&texts.train.target).collect();
    let bpe = Bpe::train(&lines, MERGES);
    let prepared = Prepared::from_texts(texts, Some(bpe), None, None);
    let train = &prepared.train;
    let longest = train.source.iter().chain(&train.target).map(Vec::len).max().unwrap();
    let (source, target) = train.tokens();
    println!(
        "source {} ids, {:.1} tokens a sentence; target {} ids, {:.1} tokens; longest {longest}; {} batches of 2048",
        prepared.source_vocabulary.len(),
        source as f64 / train.len() as f64,
        prepared.target_vocabulary.len(),
        target as f64 / train.len() as f64,
        Batches::shuffled(train, &BatchLimits { max_tokens: 2048, ..Default::default() }, 1).unwrap().len(),
    );
    assert!(longest <= 32, "{longest}");
    assert!(source.max(target) < 12 * train.len(), "{source} and {target} tokens");
    assert!(prepared.source_vocabulary.len().max(prepared.target_vocabulary.len()) <= 512);
    // Everything held out can be said with the pieces that training has.
    assert!(prepared.test.source.iter().chain(&prepared.test.target).flatten().all(|&id| id != UNK));
}
