//! Training on from a model that is there: `lsra train --from`, and the recipes for small data, as one configuration has them.

use lsra_text::demo::{DemoSizes, generate};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Raw pairs.
fn table(pairs: usize, seed: u64) -> String {
    let texts = generate(DemoSizes { train: pairs, valid: 0, test: 0 }, seed).train;
    texts.source.iter().zip(&texts.target).map(|(s, t)| format!("{s}\t{t}\n")).collect()
}

/// Status and what was told.
fn lsra(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_lsra")).current_dir(folder).args(arguments.split(' ')).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn succeed(folder: &Path, arguments: &str) -> String {
    let (status, told) = lsra(folder, arguments);
    assert_eq!(status, Some(0), "{arguments}: {told}");
    told
}

fn card(bytes: &[u8]) -> Value {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    serde_json::from_str(&header.metadata().as_ref().unwrap()["lsra.card"]).unwrap()
}

const SMALL: &str = "--set model.channels=16 --set model.attention_channels=8 --set model.convolution_channels=8 \
                     --set model.feed_forward=16 --set model.embeddings=shared-decoder --set training.max_tokens=512 \
                     --set decoding.max_length=12 --max-updates 3";

/// Everything at once, and steps so small that they show nowhere.
const CONFIG: &str = r#"
    from = "runs/a/model.safetensors"
    out = "runs/b"
    [corpus]
    files = ["b.tsv"]
    folder = "data/b"
    languages = ["de", "en"]
    [prepare]
    vocabulary = 90
    valid = 10
    [training]
    max_tokens = 512
    max_updates = 2
    lr = 1e-9
    warmup_from = 0
    warmup_updates = 1
    weight_decay = 0
    bpe_dropout = 0.1
    r_drop = 5
    ema = 0.9
    schedule = "cosine"
    period_updates = 2
    period_growth = 2
    period_shrink = 0.5
    [decoding]
    max_length = 12
"#;

#[test]
fn a_model_goes_on_with_other_text() {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path();
    fs::write(folder.join("a.tsv"), table(500, 11)).unwrap();
    fs::write(folder.join("b.tsv"), table(300, 12)).unwrap();
    fs::write(folder.join("b.toml"), CONFIG).unwrap();
    let prepare = "--languages de-en --vocabulary 150 --valid 10";
    succeed(folder, &format!("prepare a.tsv --out data/a {prepare}"));
    succeed(folder, &format!("prepare b.tsv --out data/lower --lowercase {prepare}"));
    succeed(folder, &format!("train --data data/a --out runs/a {SMALL}"));

    let told = succeed(folder, "train --config b.toml");
    assert!(told.contains("starting from runs/a/model.safetensors"), "{told}");
    let [before, after] = ["a", "b"].map(|run| fs::read(folder.join(format!("runs/{run}/model.safetensors"))).unwrap());
    let [was, is] = [&before, &after].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    let names = |file: &SafeTensors<'_>| file.names().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(names(&was)), sorted(names(&is)));
    let mut moved = 0.0f32;
    for name in names(&was) {
        let (was, is) = (was.tensor(&name).unwrap(), is.tensor(&name).unwrap());
        assert_eq!(was.shape(), is.shape(), "{name}");
        if was.dtype() != Dtype::F32 {
            // Tokenisers and dictionaries.
            assert_eq!(was.data(), is.data(), "{name}");
            continue;
        }
        let values = |data: &[u8]| -> Vec<f32> {
            data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        };
        for (a, b) in values(was.data()).into_iter().zip(values(is.data())) {
            moved = moved.max((a - b).abs());
        }
    }
    assert!(moved < 1e-6, "weights are those of the model it started from, not {moved} from them");
    assert_eq!(card(&after)["from"], "runs/a/model.safetensors");
    assert!(card(&before).get("from").is_none());
    let log = fs::read_to_string(folder.join("runs/b/metrics.jsonl")).unwrap();
    assert!(log.contains("\"divergence\""), "{log}");

    // It goes on where it was, and translates.
    succeed(folder, "train --config b.toml --resume --max-updates 2");
    succeed(folder, "translate --model runs/b/model.safetensors --max-length 5 hallo");

    let from = "--from runs/a/model.safetensors";
    for (arguments, parts) in [
        (format!("train --data data/a {from} --set model.feed_forward=32"), &["model.feed_forward = 16", "say 32"][..]),
        (format!("train --data data/a {from} --preset iwslt-160"), &["model.", "--preset"]),
        (format!("train --data data/lower {from}"), &["--casing keep", "--casing lower"]),
        ("train --data data/a --from none.safetensors".to_owned(), &["none.safetensors"]),
    ] {
        let (status, told) = lsra(folder, &format!("{arguments} --out runs/bad"));
        let told: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!((status, told.len()), (Some(2), 1), "{arguments}: {told:?}");
        assert!(parts.iter().all(|p| told[0].contains(p)), "{arguments}: {told:?} should say {parts:?}");
    }
}
