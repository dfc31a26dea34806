//! Model files come back as they were, and whatever is wrong with one is an error that says what.

mod common;

use common::Kind;
use lsra_exec::{FileError, ModelFile, weights_from_safetensors};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::LazyLock;

const PATH: &str = "model.safetensors";
const NORM: &str = "encoder.layers.0.final_layer_norm.weight";
const MATRIX: &str = "encoder.layers.0.fc1.weight";

fn file(kind: Kind) -> ModelFile {
    let (model, weights) = kind.model();
    let card = Map::from_iter([("name".to_owned(), json!("a \"model\"")), ("bleu".to_owned(), json!(34.25))]);
    let blobs = [("source.dict".to_owned(), b"ein 3\n".to_vec()), ("empty".to_owned(), Vec::new())];
    ModelFile { model, weights, card, blobs: blobs.into() }
}

/// A whole file.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PATH);
    file(Kind::Lightweight).save(&path).unwrap();
    std::fs::read(path).unwrap()
});

fn header_length(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

/// The file with another header.
fn with_header(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let length = header_length(&BYTES);
    let mut header: Map<String, Value> = serde_json::from_slice(&BYTES[8..8 + length]).unwrap();
    change(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), &BYTES[8 + length..]].concat()
}

fn with_metadata(key: &str, value: Option<&str>) -> Vec<u8> {
    with_header(|header| {
        let metadata = header["__metadata__"].as_object_mut().unwrap();
        match value {
            Some(v) => metadata.insert(key.to_owned(), v.into()),
            None => metadata.remove(key),
        };
    })
}

fn with_config(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let mut config = serde_json::to_value(Kind::Lightweight.config()).unwrap();
    change(config.as_object_mut().unwrap());
    with_metadata("lsra.config", Some(&config.to_string()))
}

fn load(bytes: &[u8]) -> Result<ModelFile, FileError> {
    ModelFile::from_bytes(Path::new(PATH), bytes)
}

/// The error, whose one line names the file and all of `parts`.
fn refused(bytes: &[u8], parts: &[&str]) -> FileError {
    let error = load(bytes).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(&format!("{PATH}: ")) && message.lines().count() == 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    error
}

#[test]
fn a_file_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for kind in Kind::ALL {
        let saved = file(kind);
        let path = folder.path().join(PATH);
        saved.save(&path).unwrap();
        let loaded = ModelFile::load(&path).unwrap();
        assert_eq!(loaded.model, saved.model, "{kind:?}");
        assert_eq!((&loaded.card, &loaded.blobs), (&saved.card, &saved.blobs), "{kind:?}");
        let bytes = std::fs::read(&path).unwrap();
        let by_name = weights_from_safetensors(&path, &saved.model.params, &bytes).unwrap();
        for (id, spec) in saved.model.params.iter() {
            let bits = |w: &lsra_exec::Weights| w.get(id).data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&loaded.weights), bits(&saved.weights), "{kind:?}, {}", spec.name);
            assert_eq!(bits(&by_name), bits(&saved.weights), "{kind:?}, {}", spec.name);
        }
        loaded.save(&path).unwrap();
        assert_eq!(load(&std::fs::read(&path).unwrap()).unwrap().card, saved.card, "saved again");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [PATH], "nothing else is left behind");
    }
}

#[test]
fn a_cut_off_file() {
    let header = 8 + header_length(&BYTES);
    let data = BYTES.len() - header;
    let lengths = (0..header).step_by(7).chain((0..64).map(|i| header + i * data / 64)).chain([BYTES.len() - 1]);
    for length in lengths {
        let error = refused(&BYTES[..length], &["safetensors", "do that again"]);
        assert!(matches!(error, FileError::NotSafetensors { .. }), "{length} bytes: {error:?}");
    }
    let longer = [BYTES.as_slice(), b"more"].concat();
    assert!(matches!(load(&longer), Err(FileError::NotSafetensors { .. })));
}

#[test]
fn another_kind_of_file() {
    for bytes in [&b""[..], b"This is a text about models.\n", &[0xff; 4096], &[0; 4096]] {
        assert!(matches!(load(bytes), Err(FileError::NotSafetensors { .. })));
    }
    let foreign = with_header(|header| drop(header.remove("__metadata__")));
    assert!(matches!(refused(&foreign, &["no lsra.format"]), FileError::AnotherKind { .. }));
    for key in ["lsra.format", "lsra.config", "lsra.card"] {
        assert!(matches!(refused(&with_metadata(key, None), &[key]), FileError::AnotherKind { .. }));
    }
    refused(&with_metadata("lsra.format", Some("7")), &["format is 7", "reads 1"]);
}

#[test]
fn a_checkpoint_is_told_from_a_model() {
    let bytes = with_metadata("lsra.format", Some("checkpoint 1"));
    let error = refused(&bytes, &["a checkpoint of a training", "model.safetensors in its --out", "--resume"]);
    assert!(matches!(error, FileError::Checkpoint { model: None, .. }));
    let folder = tempfile::tempdir().unwrap();
    let (model, checkpoints) = (folder.path().join("model.safetensors"), folder.path().join("checkpoints"));
    std::fs::create_dir(&checkpoints).unwrap();
    std::fs::write(&model, b"").unwrap();
    let message = ModelFile::from_bytes(&checkpoints.join("a"), &bytes).unwrap_err().to_string();
    assert!(message.ends_with(&format!("model is {}", model.display())), "{message}");
}

#[test]
fn configurations_that_make_no_model() {
    let refused = |change: &dyn Fn(&mut Map<String, Value>), parts: &[&str]| {
        assert!(matches!(refused(&with_config(change), parts), FileError::Config { .. }));
    };
    refused(&|c| drop(c.insert("chanels".into(), json!(160))), &["unknown field", "chanels"]);
    refused(&|c| drop(c.remove("channels")), &["missing field", "channels"]);
    refused(&|c| drop(c.insert("channels".into(), json!("wide"))), &["wide"]);
    refused(&|c| drop(c.insert("attention_heads".into(), json!(5))), &["attention_heads", "5", "must divide"]);
    refused(&|c| drop(c.insert("max_positions".into(), json!(0))), &["max_positions", "must be from 1"]);
    refused(&|c| drop(c.insert("feed_forward".into(), json!(1u64 << 40))), &["feed_forward", "65536"]);
    refused(&|c| drop(c.insert("dropout".into(), json!(1.5))), &["dropout", "1.5"]);
    let garbled = with_metadata("lsra.config", Some("{"));
    assert!(matches!(load(&garbled), Err(FileError::Config { .. })));
    let garbled = with_metadata("lsra.card", Some("[]"));
    assert!(matches!(load(&garbled), Err(FileError::Config { .. })));
}

#[test]
fn tensors_that_do_not_fit() {
    let renamed = with_header(|header| {
        let tensor = header.remove(MATRIX).unwrap();
        header.insert("stray".to_owned(), tensor);
    });
    let error = refused(&renamed, &[MATRIX, "missing", "F32 [44, 36]"]);
    assert!(matches!(error, FileError::MissingTensor { .. }));

    let turned = with_header(|header| header[MATRIX]["shape"] = json!([36, 44]));
    let error = refused(&turned, &[MATRIX, "F32 [36, 44]", "expected F32 [44, 36]"]);
    assert!(matches!(error, FileError::WrongTensor { .. }));

    let integers = with_header(|header| header[NORM]["dtype"] = json!("I32"));
    let error = refused(&integers, &[NORM, "I32 [36]", "expected F32 [36]"]);
    assert!(matches!(error, FileError::WrongTensor { .. }));

    // A whole file, but of a model with other dimensions.
    refused(&with_config(|c| drop(c.insert("feed_forward".into(), json!(48)))), &["fc1.weight", "[48, 36]"]);
}

#[test]
fn places_that_cannot_be_read_or_written() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none").join(PATH);
    let error = ModelFile::load(&nowhere).unwrap_err();
    assert!(matches!(error, FileError::Io { action: "read", .. }), "{error}");
    let error = file(Kind::Lightweight).save(&nowhere).unwrap_err();
    assert!(matches!(error, FileError::Io { action: "written", .. }), "{error}");
    assert!(error.to_string().contains("none"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing in the header makes the reader panic, whatever else it makes of it.
    #[test]
    fn flipped_bits(at: prop::sample::Index, flip in 1u8..=255, second: prop::sample::Index, with in 0u8..=255) {
        let header = 8 + header_length(&BYTES);
        let mut bytes = BYTES.clone();
        bytes[at.index(header)] ^= flip;
        bytes[second.index(header)] ^= with;
        if let Err(error) = load(&bytes) {
            let message = error.to_string();
            prop_assert!(message.starts_with(PATH), "{}", message);
        }
    }

    #[test]
    fn overwritten_ends(length: prop::sample::Index, rest in prop::collection::vec(any::<u8>(), 0..64)) {
        let kept = length.index(BYTES.len());
        let bytes = [&BYTES[..kept], rest.as_slice()].concat();
        prop_assume!(bytes.len() != BYTES.len());
        prop_assert!(load(&bytes).is_err());
    }
}

/// A pipe cannot be mapped, and is read once.
#[cfg(unix)]
#[test]
fn a_model_comes_through_a_named_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, &*BYTES).unwrap()
    });
    let read = ModelFile::load(&pipe).unwrap();
    writer.join().unwrap();
    assert_eq!(read.card["name"], "a \"model\"");
    assert_eq!(read.weights.len(), file(Kind::Lightweight).weights.len());
}
