//! SETTINGS.md has every key that a configuration may have, and the value that the program would take.

use lsra::prepare::CorpusConfig;
use lsra::synthesis::{BackTranslationConfig, DistilConfig};
use lsra::train::{Preset, Settings};
use lsra_text::prepare::PrepareConfig;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys and values; `null` where none is shown.
type Keys = BTreeMap<String, Value>;

/// Of the section of the page whose heading begins so.
fn written(heading: &str) -> Keys {
    let page = include_str!("../../../SETTINGS.md");
    let sections = page.split("\n## ");
    let section = sections.clone().find(|s| s.starts_with(heading)).unwrap_or_else(|| panic!("no section {heading}"));
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let key = cells.next().and_then(|key| key.strip_suffix('`')).expect("a key");
        // An empty cell shares its space with the next.
        let value = cells.next().expect("a value").strip_prefix('`').and_then(|value| value.strip_suffix('`'));
        let value = value.map_or(Value::Null, |v| serde_json::from_str(v).unwrap_or_else(|e| panic!("{row}: {e}")));
        (key.to_owned(), value)
    })
    .collect()
}

/// By way of text, in which a short fraction of 32 bits is as short as it was written.
fn taken(table: &impl Serialize) -> Keys {
    serde_json::from_str(&serde_json::to_string(table).unwrap()).unwrap()
}

#[test]
fn every_key_is_there_with_its_value() {
    let settings = Settings::changed(Preset::Everyday, None, None, &[]).unwrap();
    let mut watch = taken(&settings.watch);
    watch.entry("sentences".to_owned()).or_insert(Value::Null);
    for (heading, taken) in [
        ("`[prepare]`", taken(&PrepareConfig::default())),
        ("`[model]`", taken(&settings.model)),
        ("`[training]`", taken(&settings.training)),
        ("`[decoding]`", taken(&settings.decoding)),
        ("`[watch]`", watch),
    ] {
        assert_eq!(written(heading), taken, "{heading}");
    }
}

#[test]
fn tables_that_name_files_are_there_too() {
    let corpus: CorpusConfig = toml::from_str("files = [\"a.de\", \"a.en\"]\nfolder = \"a\"").unwrap();
    let mut corpus = taken(&corpus);
    // Those that have to be given have no value on the page.
    for key in ["files", "folder"] {
        corpus.insert(key.to_owned(), Value::Null);
    }
    assert_eq!(written("`[corpus]`"), corpus);

    let distil: DistilConfig = toml::from_str("model = \"a\"\nfolder = \"a\"").unwrap();
    let back: BackTranslationConfig = toml::from_str("model = \"a\"\nfolder = \"a\"\nmonolingual = []").unwrap();
    let mut both = taken(&distil);
    both.extend(taken(&back));
    for key in ["model", "folder", "monolingual"] {
        both.insert(key.to_owned(), Value::Null);
    }
    assert_eq!(written("`[distil]`"), both);
}
