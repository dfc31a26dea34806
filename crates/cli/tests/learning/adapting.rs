//! Training on from a model that is there: `lsra train --from`, and the recipes for small data, as one configuration has them.

use crate::kit::{card, lsra, refused, succeed, table};
use lsra::trace::UpdateTraceArgs;
use lsra::train::{Base, Job, LengthPenalty, Settings};
use lsra_kernels::Isa;
use lsra_text::Prepared;
use lsra_train::Start;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const SMALL: &str = "--set model.channels=16 --set model.attention_channels=8 --set model.convolution_channels=8 \
                     --set model.feed_forward=16 --set model.embeddings=shared-decoder --set training.max_tokens=512 \
                     --set decoding.max_length=12 --set decoding.length_penalty=by-valid --max-updates 3";

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

const PREPARE: &str = "--languages de-en --vocabulary 150 --valid 10";

/// A folder with a model of `a.tsv`, and with `b.toml`, which goes on from it with so many pairs of `b.tsv`.
fn with_model(pairs: usize) -> TempDir {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path();
    fs::write(folder.join("a.tsv"), table(500, 11)).unwrap();
    fs::write(folder.join("b.tsv"), table(pairs, 12)).unwrap();
    fs::write(folder.join("b.toml"), CONFIG).unwrap();
    succeed(folder, &format!("prepare a.tsv --out data/a {PREPARE}"));
    let [_, told] = succeed(folder, &format!("train --data data/a --out runs/a {SMALL}"));
    penalty_by_valid(&card(&fs::read(folder.join("runs/a/model.safetensors")).unwrap()), &told);
    temporary
}

#[test]
fn a_model_goes_on_with_other_text() {
    let temporary = with_model(300);
    let folder = temporary.path();
    succeed(folder, &format!("prepare b.tsv --out data/lower --lowercase {PREPARE}"));

    let [_, told] = succeed(folder, "train --config b.toml");
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
    // What it started from is told by what it is, not by where it lay.
    assert_eq!(card(&after)["from"]["name"], "a");
    assert_eq!(card(&after)["from"]["weights"].as_str().map(str::len), Some(16));
    assert!(card(&before).get("from").is_none());
    let log = fs::read_to_string(folder.join("runs/b/metrics.jsonl")).unwrap();
    assert!(log.contains("\"divergence\""), "{log}");

    succeed(folder, "translate --model runs/b/model.safetensors --max-length 5 hallo");

    let from = "--from runs/a/model.safetensors";
    // On words it has not forgotten how to take sentences whole.
    let words: String = (0..100).map(|n| format!("wort{n}\tword{n}\n")).collect();
    fs::write(folder.join("words.tsv"), words).unwrap();
    succeed(folder, &format!("prepare words.tsv --out data/words {PREPARE}"));
    succeed(folder, &format!("train --data data/words {from} --out runs/words --max-updates 1"));
    let words = fs::read(folder.join("runs/words/model.safetensors")).unwrap();
    assert_eq!(card(&words)["longest_source"], card(&before)["longest_source"]);
    // A program that forgets to have the model cut its text is told so.
    let (languages, text) = Prepared::read_prepared(&folder.join("data/b")).unwrap();
    let job = || Job {
        name: "b".to_owned(),
        corpus: "b".to_owned(),
        languages: languages.clone(),
        settings: Settings::load("iwslt-160", &["model.embeddings=separate".to_owned()]).unwrap(),
        isa: Isa::best(),
        threads: 1,
        seed: 1,
        out: folder.join("runs/bad"),
        from: Some(Base::load(&folder.join("runs/a/model.safetensors")).unwrap()),
        start: Start::Fresh,
        time_limit: None,
        trace: UpdateTraceArgs::default(),
        hint: None,
    };
    let error = |job: Job, text: &Prepared| job.run(text).map(|_| ()).unwrap_err().to_string();
    assert!(error(job(), &text).contains("Base::cut"));
    let cut = job().from.unwrap().cut(text, &languages).unwrap();
    assert!(error(job(), &cut).contains("leave the preset and the setting out"));

    // Other sides; and what is told of words that the model has no letters for.
    succeed(folder, "prepare a.tsv --out data/back --languages en-de --vocabulary 150 --valid 10");
    fs::write(folder.join("other.tsv"), table(300, 13).replace('\t', " жук\t")).unwrap();
    succeed(folder, &format!("prepare other.tsv --out data/other {PREPARE}"));
    let (_, _, told) =
        lsra(folder, &format!("train --data data/other {from} --set model.feed_forward=32 --out runs/bad"));
    let line = told.lines().find(|l| l.contains("<unk>")).unwrap_or_else(|| panic!("{told}"));
    assert!(!line.contains(" 0.00% of the source") && line.contains(" 0.00% of the target"), "{line}");

    for (arguments, parts) in [
        (format!("train --data data/a {from} --set model.feed_forward=32"), &["model.feed_forward = 16", "say 32"][..]),
        (format!("train --data data/a {from} --preset iwslt-160"), &["model.", "the preset"]),
        (format!("train --data data/lower {from}"), &["without --lowercase", "with --lowercase"]),
        (format!("train --data data/back {from}"), &["from de to en", "from en to de"]),
        ("train --data data/a --from none.safetensors".to_owned(), &["none.safetensors"]),
    ] {
        refused(folder, &format!("{arguments} --out runs/bad"), parts);
    }
}

/// Training has chosen by valid how much longer translations are favoured, and scores with that.
fn penalty_by_valid(card: &Value, told: &str) {
    let tried: Vec<f32> = told
        .lines()
        .filter_map(|line| line.strip_prefix("valid, beam 4, length penalty ")?.split_once(": BLEU "))
        .map(|(penalty, _)| penalty.parse().unwrap())
        .collect();
    assert_eq!(tried, LengthPenalty::CHOICE, "{told}");
    let chosen = card["decoding"]["length_penalty"].as_f64().unwrap();
    assert!(tried.contains(&(chosen as f32)), "{card}");
}

/// An epoch of `b.toml` is one update here: a run of one update then validates as a longer one does on its way.
#[test]
fn a_run_from_a_model_goes_on_from_that_one_alone() {
    let temporary = with_model(100);
    let folder = temporary.path();
    let train =
        "train --config b.toml --set training.accumulate=1000 --set training.lr=1e-3 --set training.warmup_from=1e-3";
    let model = |run: &str| fs::read(folder.join(format!("runs/{run}/model.safetensors"))).unwrap();

    succeed(folder, &format!("{train} --out runs/whole --max-updates 4"));
    succeed(folder, &format!("{train} --out runs/parts --max-updates 1"));
    assert!(model("parts") != model("whole"));

    // Its own model cuts as the one before it does, and has other weights.
    let resume = format!("{train} --out runs/parts --resume --max-updates 4");
    refused(folder, &format!("{resume} --from runs/parts/model.safetensors"), &["--from a model"]);
    let other = format!("train --data data/a --out runs/a {SMALL} --resume --from runs/a/model.safetensors");
    refused(folder, &other, &["--from none"]);

    // The same model elsewhere is the same.
    fs::rename(folder.join("runs/a/model.safetensors"), folder.join("moved.safetensors")).unwrap();
    let [_, told] = succeed(folder, &format!("{resume} --from moved.safetensors"));
    assert!(told.contains("starting from moved.safetensors"), "{told}");
    assert!(model("parts") == model("whole"), "it depends on where it stopped, or where its base lay");
}
