//! A record where it is kept: `bench-results/CPU/DATE.json`, a page and charts beside it.

use crate::summary::{About, charts, markdown};
use crate::{Figure, Record};
use lsra_exec::atomic;
pub use lsra_train::machine;
use std::io;
use std::path::{Path, PathBuf};

/// Today in UTC, `2026-11-24`.
pub fn today() -> String {
    jiff::Timestamp::now().to_string()[..10].to_owned()
}

/// A folder's name for a machine: `amd-epyc-family-25-model-17-2-cores`.
pub fn slug(machine: &str) -> String {
    let words = machine.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Reads a record.
///
/// Errors: the file cannot be read, or is no record.
pub fn read(path: &Path) -> io::Result<Record> {
    serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::other)
}

/// Adds a record to the day's in `results`/MACHINE: figures of the same name are replaced. Writes the page and the charts anew.
/// Returns the folder.
///
/// Errors: something there cannot be read or written.
pub fn save(results: &Path, about: &About, record: &Record) -> io::Result<PathBuf> {
    let folder = results.join(slug(&about.machine));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.json", about.date));
    let mut all = if path.exists() { read(&path)? } else { Record::new() };
    for figure in record {
        match all.iter_mut().find(|f: &&mut Figure| f.name == figure.name) {
            Some(old) => *old = figure.clone(),
            None => all.push(figure.clone()),
        }
    }
    let json = serde_json::to_string_pretty(&all).map_err(io::Error::other)? + "\n";
    let write = |path: &Path, text: &str| atomic::replace(path, |f| f.write_all(text.as_bytes()));
    write(&path, &json)?;
    write(&folder.join("summary.md"), &markdown(about, &all))?;
    for (name, chart) in charts(&all) {
        write(&folder.join(name), &chart)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_days_record_grows_and_is_read_back() {
        let results = tempfile::tempdir().unwrap();
        let about = About { machine: "A Fast (tm) CPU, 2 cores".into(), date: "2026-01-02".into(), ..About::default() };
        save(results.path(), &about, &vec![Figure::derived("a", 1.0, "ms"), Figure::derived("b", 2.0, "ms")]).unwrap();
        let folder = save(results.path(), &about, &vec![Figure::derived("b", 3.0, "ms")]).unwrap();
        assert!(folder.ends_with("a-fast-tm-cpu-2-cores"), "{folder:?}");
        let all = read(&folder.join("2026-01-02.json")).unwrap();
        assert_eq!(all.iter().map(|f| f.value).collect::<Vec<_>>(), [1.0, 3.0]);
        assert!(folder.join("summary.md").exists());
    }

    #[test]
    fn today_is_a_date() {
        assert!(today().len() == 10 && today().starts_with("20"), "{}", today());
    }
}
