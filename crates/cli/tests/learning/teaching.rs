//! Models that teach others: by their distributions, by their translations, and by sources for sentences that have none.

use crate::kit::{card, refused, succeed, table};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    text.lines().map(str::to_owned).collect()
}

/// All files of a folder but notes, by name.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().unwrap().is_file())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

const SMALL: &str = "--set model.channels=16 --set model.attention_channels=8 --set model.convolution_channels=8 \
                     --set training.max_tokens=512 --set decoding.max_length=8";

/// A corpus of German and English, a teacher, and a model of the opposite direction.
fn workshop() -> TempDir {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path();
    fs::write(folder.join("a.tsv"), table(300, 11)).unwrap();
    let prepare = "--vocabulary 150 --valid 10 --test 10";
    succeed(folder, &format!("prepare a.tsv --out data/a --languages de-en {prepare}"));
    succeed(folder, &format!("prepare a.tsv --columns 2,1 --out data/back --languages en-de {prepare}"));
    for (data, model) in [("data/a", "runs/teacher"), ("data/back", "runs/back")] {
        let size = "--set model.feed_forward=32 --set training.warmup_updates=1 --set training.lr=1e-2";
        succeed(folder, &format!("train --data {data} --out {model} {SMALL} {size} --max-updates 12"));
    }
    temporary
}

#[test]
fn models_teach_others() {
    let temporary = workshop();
    let folder = temporary.path();
    distributions(folder);
    translations(folder);
    tokenised_text(folder);
    linked_text(folder);
    sources_for_targets(folder);
    all_in_one_file(folder);
}

fn distributions(folder: &Path) {
    let student = format!("train --data data/a {SMALL} --set model.feed_forward=16");
    let teacher = "--set training.teacher=runs/teacher/model.safetensors";
    let [_, told] = succeed(folder, &format!("{student} --out runs/student {teacher} --max-updates 2"));
    assert!(told.contains("following runs/teacher/model.safetensors for 0.5 of the loss"), "{told}");
    let log = lines(&folder.join("runs/student/metrics.jsonl"));
    assert!(log[0].contains("\"teacher\"") && log[1].contains("\"divergence\""), "{log:?}");
    // The file may move while the run rests.
    fs::copy(folder.join("runs/teacher/model.safetensors"), folder.join("moved.safetensors")).unwrap();
    let moved = "--set training.teacher=moved.safetensors";
    succeed(folder, &format!("{student} --out runs/student {moved} --max-updates 3 --resume"));
    // The model says which teacher it had, and depends neither on where that lay nor on where the run rested.
    succeed(folder, &format!("{student} --out runs/whole {teacher} --max-updates 3"));
    let [parts, whole] =
        ["student", "whole"].map(|run| fs::read(folder.join("runs").join(run).join("model.safetensors")));
    let (parts, whole) = (parts.unwrap(), whole.unwrap());
    assert!(parts == whole);
    assert_eq!(card(&whole)["teacher"]["weights"].as_str().map(str::len), Some(16));

    succeed(folder, "prepare a.tsv --out data/fewer --languages de-en --vocabulary 100 --valid 10 --test 10");
    succeed(
        folder,
        "prepare a.tsv --out data/lower --languages de-en --lowercase --vocabulary 150 --valid 10 --test 10",
    );
    for (data, parts) in [
        ("data/fewer", &["runs/teacher/model.safetensors", "source dictionary", "at id"][..]),
        ("data/lower", &["text", "casing keep", "casing lower"]),
        ("data/back", &["source language is de", "here it is en"]),
    ] {
        refused(folder, &format!("train --data {data} --out runs/bad {SMALL} {teacher}"), parts);
    }
    let both = format!("{student} --out runs/bad {teacher} --set training.r_drop=5");
    refused(folder, &both, &["training.r_drop = 5", "training.teacher"]);
    let none = format!("{student} --out runs/bad --set training.teacher=none.safetensors");
    refused(folder, &none, &["none.safetensors"]);
}

fn translations(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let distil = "distil --model runs/teacher/model.safetensors --data data/a";
    let [output, _] = succeed(folder, &format!("{distil} --out data/d --threads 1"));
    let report = json(&at("data/d/synthesis.json"));
    let (sources, references) = (lines(&at("data/a/train.de")), lines(&at("data/a/train.en")));
    let (read, translated) = (report["read"].as_u64().unwrap(), report["translated"].as_u64().unwrap());
    assert_eq!((read, report["pairs"].as_u64()), (sources.len() as u64, Some(sources.len() as u64)));
    assert!(translated > 0 && output.contains(&format!("{translated} translated")), "{output}");
    assert_eq!(report["originals"].as_u64(), Some(read - translated));

    // What lsra translate says, or the reference where that is nothing.
    let model = "--model runs/teacher/model.safetensors";
    succeed(folder, &format!("translate {model} --longest 200 --input data/a/train.de --output t.en"));
    assert_eq!(lines(&at("data/d/train.de")), sources);
    let (found, wanted) = (lines(&at("data/d/train.en")), lines(&at("t.en")));
    let mut own = 0;
    for ((found, wanted), reference) in found.iter().zip(&wanted).zip(&references) {
        // Single spaces, as the corpus has them; a model that has hardly learnt says anything.
        let wanted = wanted.split_whitespace().collect::<Vec<_>>().join(" ");
        if *found != wanted {
            assert_eq!(found, reference, "instead of {wanted:?}");
            assert!(wanted.is_empty() || wanted.contains("<unk>"), "{wanted}");
            own += 1;
        }
    }
    assert!(own <= read - translated, "{own} originals");
    let whole = content(&at("data/d"));
    for (name, bytes) in content(&at("data/a")) {
        if !name.starts_with("train.") && !name.starts_with("report.") {
            assert!(whole.contains(&(name.clone(), bytes)), "{name} is as it was");
        }
    }

    // Stopped within a line, and gone on with.
    let log = at("data/d/work/translations.txt");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2 + 1]).unwrap();
    fs::remove_file(at("data/d/corpus.json")).unwrap();
    let done = bytes[..bytes.len() / 2 + 1].iter().filter(|b| **b == b'\n').count();
    let [_, told] = succeed(folder, &format!("{distil} --out data/d --threads 2"));
    assert!(told.contains(&format!("{done} sentences were translated before")), "{told}");
    assert!(content(&at("data/d")) == whole, "the folder of a run that was never stopped");
    assert!(fs::read(&log).unwrap() == bytes);
    // Another search begins anew.
    let [_, told] = succeed(folder, &format!("{distil} --out data/d --beam 1"));
    assert!(!told.contains("translated before"), "{told}");

    succeed(folder, &format!("{distil} --out data/joined --originals keep"));
    let joined = lines(&at("data/joined/train.en"));
    assert_eq!((&joined[..references.len()], joined.len()), (&references[..], references.len() + translated as usize));
    assert_eq!(lines(&at("data/joined/train.de")).len(), joined.len());
    succeed(folder, &format!("train --data data/joined --out runs/joined {SMALL} --max-updates 1"));

    refused(folder, &format!("{distil} --out data/a"), &["--out data/a", "another folder"]);
    refused(folder, &format!("{distil} --out data/back"), &["data/back", "choose another folder"]);
    refused(
        folder,
        "distil --model runs/back/model.safetensors --data data/a --out data/e",
        &["source language is en"],
    );
    assert!(!at("data/e").exists());
    // A train that is not one.
    fs::create_dir(at("data/odd")).unwrap();
    for (name, bytes) in content(&at("data/a")) {
        fs::write(at("data/odd").join(name), bytes).unwrap();
    }
    fs::write(at("data/odd/train.en"), "one\n").unwrap();
    let odd = "distil --model runs/teacher/model.safetensors --data data/odd --out data/e --beam 1";
    refused(folder, odd, &["train.en has 1"]);
    assert!(!at("data/e/corpus.json").exists() && !at("data/e/train.en").exists());
}

/// Tokenised text is taken as it is: beside capitals a model of lowercased text has nothing to say.
fn tokenised_text(folder: &Path) {
    let write = |data: &str, change: fn(&str) -> String| {
        fs::create_dir(folder.join(data)).unwrap();
        for (name, bytes) in content(&folder.join("data/a")) {
            if ["train.", "valid.", "test."].iter().any(|part| name.starts_with(part)) {
                fs::write(folder.join(data).join(name), change(std::str::from_utf8(&bytes).unwrap())).unwrap();
            }
        }
    };
    write("data/small", |text| text.to_lowercase());
    write("data/large", |text| text.to_uppercase());
    succeed(
        folder,
        &format!(
            "train iwslt14 --data data/small --out runs/small {SMALL} --set model.feed_forward=16 --max-updates 1"
        ),
    );
    let small = "--model runs/small/model.safetensors --beam 1";
    succeed(folder, &format!("distil {small} --data data/small --out data/small-d"));
    refused(
        folder,
        &format!("distil {small} --data data/large --out data/none"),
        &["lowercased", "train.de", "lowercase it"],
    );
    assert!(!folder.join("data/none").exists());
}

#[cfg(unix)]
fn linked_text(folder: &Path) {
    fs::create_dir(folder.join("data/linked")).unwrap();
    for (name, _) in content(&folder.join("data/a")) {
        std::os::unix::fs::symlink(folder.join("data/a").join(&name), folder.join("data/linked").join(&name)).unwrap();
    }
    let distil = "distil --model runs/teacher/model.safetensors --beam 1";
    for data in ["a", "linked"] {
        succeed(folder, &format!("{distil} --data data/{data} --out data/{data}-links"));
    }
    let [plain, linked] = ["a", "linked"].map(|data| content(&folder.join(format!("data/{data}-links"))));
    let but_report =
        |files: Vec<(String, Vec<u8>)>| files.into_iter().filter(|f| f.0 != "synthesis.json").collect::<Vec<_>>();
    assert!(but_report(plain) == but_report(linked));
}

#[cfg(not(unix))]
fn linked_text(_: &Path) {}

fn sources_for_targets(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let held_out = lines(&at("data/a/test.en"))[0].to_uppercase();
    let sentence = lines(&at("data/a/train.en"))[3].clone();
    // Two that stay, one of valid or test, one twice, nothing, and no text.
    let text = format!("{sentence}  and   more\n{held_out}!\n{sentence}\n{}\n\n", sentence.to_uppercase());
    fs::write(at("mono.en"), [text.as_bytes(), b"\xff\n"].concat()).unwrap();
    let back = "back-translate --model runs/back/model.safetensors --data data/a --monolingual mono.en";
    succeed(folder, &format!("{back} --out data/bt"));
    let report = json(&at("data/bt/synthesis.json"));
    let dropped: u64 = report["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((report["read"].as_u64(), dropped), (Some(6), 4), "{report}");
    let own = lines(&at("data/a/train.en"));
    let all = [lines(&at("data/bt/train.de")), lines(&at("data/bt/train.en"))];
    assert_eq!(all[1][..own.len()], own);
    assert_eq!(all[0][..own.len()], lines(&at("data/a/train.de")));
    let added = &all[1][own.len()..];
    let translated = report["translated"].as_u64().unwrap() as usize;
    assert_eq!(
        (added.len(), all[0].len(), report["originals"].as_u64()),
        (translated, all[1].len(), Some(own.len() as u64))
    );
    let kept = [format!("{sentence} and more"), sentence];
    assert!(translated > 0 && added.iter().all(|line| kept.contains(line)), "{added:?}");
    // As the model translates it.
    fs::write(at("kept.en"), added.join("\n") + "\n").unwrap();
    succeed(folder, "translate --model runs/back/model.safetensors --longest 200 --input kept.en --output kept.de");
    let single = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: Vec<String> = lines(&at("kept.de")).into_iter().map(single).collect();
    assert_eq!(all[0][own.len()..], wanted);

    let same = "back-translate --model runs/teacher/model.safetensors --data data/a --monolingual mono.en --out data/f";
    refused(folder, same, &["source language is de", "opposite direction"]);
    refused(folder, &back.replace("mono.en", "none.en --out data/f"), &["none.en", "no such file"]);
}

fn all_in_one_file(folder: &Path) {
    let config = r#"
        out = "runs/all"
        [corpus]
        files = ["a.tsv"]
        folder = "data/a"
        languages = ["de", "en"]
        [prepare]
        vocabulary = 150
        valid = 10
        test = 10
        [distil]
        model = "runs/teacher/model.safetensors"
        folder = "data/all-distilled"
        beam = 2
        [back-translation]
        model = "runs/back/model.safetensors"
        monolingual = ["mono.en"]
        folder = "data/all"
        [model]
        channels = 16
        attention_channels = 8
        convolution_channels = 8
        feed_forward = 16
        [training]
        max_tokens = 512
        max_updates = 2
        teacher = "runs/teacher/model.safetensors"
        distil = 0.3
        distil_temperature = 2
        [decoding]
        max_length = 8
    "#;
    // What is missing is told before the first model works for hours.
    for (there, gone) in [("mono.en", "none.en"), ("teacher = \"runs/teacher", "teacher = \"runs/none")] {
        fs::write(folder.join("bad.toml"), config.replace(there, gone)).unwrap();
        refused(folder, "train --config bad.toml", &["none", "no such file"]);
        assert!(!folder.join("data/all-distilled").exists());
    }
    fs::write(folder.join("all.toml"), config).unwrap();
    let [_, told] = succeed(folder, "train --config all.toml");
    assert!(told.contains("for 0.3 of the loss") && told.matches("train: ").count() == 2, "{told}");
    let [first, second] = ["data/all-distilled", "data/all"].map(|f| lines(&folder.join(f).join("train.en")));
    assert!(second.len() > first.len() && second[..first.len()] == first);
    succeed(folder, "train --config all.toml --resume");
}
