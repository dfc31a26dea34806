//! A process that loads a model, translates a sentence and says what that took: `loads MODEL PRECISION`. Linux only.

use lsra::text_model::{Form, TextModel};
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use std::path::Path;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, precision] = arguments.as_slice() else { panic!("loads MODEL PRECISION") };
    let precision: Precision = precision.parse().expect("a precision");
    let before = resident();
    let start = Instant::now();
    let model = TextModel::load(Path::new(path)).expect("a model file");
    let translator = Translator::new(Isa::best(), &model.model, &model.weights, precision);
    let loaded = resident();
    // Thirty words from all over the dictionary.
    let words: Vec<String> = (0..30).map(|i| format!("s{}", i * 289)).collect();
    let sources = [model.encode_source(&words.join(" "), Form::Pieces)];
    let first = GeneratorConfig { beam: 1, max_len_a: 0.0, max_len_b: 1, ..GeneratorConfig::default() };
    assert_eq!(translator.translate(&sources, &first, 1).len(), 1);
    let first_token = start.elapsed();
    let search = GeneratorConfig { beam: 4, min_len: 40, max_len_b: 40, ..GeneratorConfig::default() };
    let found = translator.translate(&sources, &search, 1);
    assert_eq!(found[0][0].tokens.len(), 41, "tokens of the translation");
    println!(
        "packed {} loaded {} translated {} first-token-us {}",
        translator.packed_bytes(),
        loaded - before,
        resident() - before,
        first_token.as_micros()
    );
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux's /proc");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().strip_suffix(" kB").and_then(|n| n.parse::<u64>().ok()).expect("a number of kB") * 1024
}
