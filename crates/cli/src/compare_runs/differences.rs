//! In which settings runs differ.

use super::Named;
use crate::run_log::Record;
use serde_json::Value;
use std::collections::BTreeMap;

/// A setting in which not all runs agree.
pub(super) struct Difference {
    /// As `--set` names it, or what stands beside tables in a log.
    pub(super) key: String,
    /// One value a run, as JSON; none where a run's log does not have the key.
    pub(super) values: Vec<Option<String>>,
}

/// What differs from run to run and is no setting.
const PASSING: [&str; 4] = ["command", "begun", "updates", "name"];

/// All differences, sorted by key.
pub(super) fn between(runs: &[Named]) -> Vec<Difference> {
    let settings: Vec<BTreeMap<String, String>> = runs.iter().map(|r| flat(&r.record)).collect();
    let mut keys: Vec<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    let values = |key: &String| settings.iter().map(|s| s.get(key).cloned()).collect::<Vec<_>>();
    let differ = |values: &[Option<String>]| values.windows(2).any(|w| w[0] != w[1]);
    let all = keys.into_iter().map(|key| Difference { key: key.clone(), values: values(key) });
    all.filter(|d| differ(&d.values)).collect()
}

/// `table.key` and its value.
fn flat(record: &Record) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (key, value) in record.settings.iter().filter(|(key, _)| !PASSING.contains(&key.as_str())) {
        match value {
            Value::Object(table) => {
                flat.extend(table.iter().map(|(inner, value)| (format!("{key}.{inner}"), value.to_string())));
            }
            Value::String(text) => {
                flat.insert(key.clone(), text.clone());
            }
            value => {
                flat.insert(key.clone(), value.to_string());
            }
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let named = |line: &str| {
            let mut record = Record::default();
            record.add(line.as_bytes());
            Named { name: "a".to_owned(), record }
        };
        let runs = [
            named(r#"{"event":"start","seed":1,"command":"x","training":{"lr":0.1,"lanes":4},"machine":"m"}"#),
            named(
                r#"{"event":"start","seed":1,"command":"y","training":{"lr":0.2,"lanes":4,"ema":0.9},"machine":"n"}"#,
            ),
        ];
        let found: Vec<(String, Vec<Option<String>>)> = between(&runs).into_iter().map(|d| (d.key, d.values)).collect();
        let some = |v: &str| Some(v.to_owned());
        assert_eq!(
            found,
            [
                ("machine".to_owned(), vec![some("m"), some("n")]),
                ("training.ema".to_owned(), vec![None, some("0.9")]),
                ("training.lr".to_owned(), vec![some("0.1"), some("0.2")]),
            ]
        );
        assert!(between(&runs[..1]).is_empty());
    }
}
