//! A loaded model takes its packed weights and little else: of the mapped file no copy stays.
#![cfg(target_os = "linux")]

use lsra::text_model::{SOURCE_DICTIONARY, TARGET_DICTIONARY};
use lsra_exec::{ModelFile, Weights};
use lsra_kernels::gemm::Precision;
use lsra_model::{Model, presets};
use lsra_text::Vocabulary;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Beside the packed weights: tables' pages that were looked up, dictionaries, positions, rooms, and the program's own pages.
const BESIDE: u64 = 8_000_000;

/// The smallest preset with random weights and dictionaries of its sizes.
fn write_model(path: &Path) {
    let mut config = presets::preset("iwslt-160").unwrap().model;
    let words = |prefix: &str, n: usize| {
        // As many as the preset has, four special ones among them.
        Vocabulary::from_counts((0..n - 4).map(|i| (format!("{prefix}{i}"), (n - i) as u64)))
    };
    let (source, target) = (words("s", config.source_vocabulary), words("t", config.target_vocabulary));
    (config.source_vocabulary, config.target_vocabulary) = (source.len(), target.len());
    let model = Model::new(&config).unwrap();
    let weights = Weights::init(&model.params, 1);
    let blobs = BTreeMap::from([
        (SOURCE_DICTIONARY.to_owned(), source.to_bytes()),
        (TARGET_DICTIONARY.to_owned(), target.to_bytes()),
    ]);
    ModelFile { model, weights, card: Default::default(), blobs }.save(path).unwrap();
}

#[test]
fn packed_weights_and_eight_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write_model(&path);
    let file = std::fs::metadata(&path).unwrap().len();
    for precision in Precision::ALL {
        let output =
            Command::new(env!("CARGO_BIN_EXE_loads")).arg(&path).arg(precision.name()).output().expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        println!("{precision}: {} (file {file})", said.trim());
        let words: Vec<&str> = said.split_whitespace().collect();
        let value = |name: &str| -> u64 {
            words[words.iter().position(|w| *w == name).expect("said") + 1].parse().expect("a number")
        };
        for state in ["loaded", "translated"] {
            let beside = value(state).saturating_sub(value("packed"));
            assert!(beside <= BESIDE, "{precision}, {state}: {beside} bytes beside the packed weights");
        }
    }
}
