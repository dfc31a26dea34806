//! Raw pairs, the program run in a folder, and what it tells.

use lsra_text::demo::{DemoSizes, generate};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Raw pairs.
pub fn table(pairs: usize, seed: u64) -> String {
    let texts = generate(DemoSizes { train: pairs, valid: 0, test: 0 }, seed).train;
    texts.source.iter().zip(&texts.target).map(|(s, t)| format!("{s}\t{t}\n")).collect()
}

/// Status, output and what was told.
pub fn lsra(folder: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lsra")).current_dir(folder).args(arguments.split(' ')).output();
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Output and what was told.
pub fn succeed(folder: &Path, arguments: &str) -> [String; 2] {
    let (status, output, told) = lsra(folder, arguments);
    assert_eq!(status, Some(0), "{arguments}: {told}");
    [output, told]
}

/// One line of an error that says all of these.
pub fn refused(folder: &Path, arguments: &str, parts: &[&str]) {
    let (status, _, told) = lsra(folder, arguments);
    let told: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!((status, told.len()), (Some(2), 1), "{arguments}: {told:?}");
    assert!(parts.iter().all(|p| told[0].contains(p)), "{arguments}: {told:?} should say {parts:?}");
}

/// What a model file says of itself.
pub fn card(bytes: &[u8]) -> Value {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    serde_json::from_str(&header.metadata().as_ref().unwrap()["lsra.card"]).unwrap()
}
