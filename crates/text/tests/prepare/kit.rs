//! Small corpora and what is made of them.

use lsra_text::demo::{DemoSizes, generate};
use lsra_text::prepare::{Event, Preparation, PrepareConfig, Reason, Report, Source, SourceOptions, Step, run};
use lsra_text::{Languages, TextError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub fn languages() -> Languages {
    Languages { source: "de".into(), target: "en".into() }
}

/// So many distinct pairs of a grammar.
pub fn pairs(count: usize) -> Vec<(String, String)> {
    let texts = generate(DemoSizes { train: count, valid: 0, test: 0 }, 7);
    texts.train.source.into_iter().zip(texts.train.target).collect()
}

pub fn tsv(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(s, t)| format!("{s}\t{t}\n")).collect()
}

/// A folder with raw files and a place for what is prepared of them.
pub struct Bench {
    pub folder: TempDir,
    pub job: Preparation,
}

impl Bench {
    /// A file of this name and content, with few pieces and few held out.
    pub fn new(name: &str, content: impl AsRef<[u8]>) -> Bench {
        Bench::of(&[(name, content.as_ref())], &SourceOptions::default()).unwrap()
    }

    pub fn of(files: &[(&str, &[u8])], options: &SourceOptions) -> Result<Bench, TextError> {
        let folder = TempDir::new().unwrap();
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        files.iter().zip(&paths).for_each(|((_, content), path)| fs::write(path, content).unwrap());
        let source = Source::of(&paths, options, &languages())?;
        let config = PrepareConfig { vocabulary: Some(200), valid: Some(1), test: Some(1), ..PrepareConfig::default() };
        let out = folder.path().join("out");
        let job = Preparation { source, valid: None, test: None, languages: languages(), config, out };
        Ok(Bench { folder, job })
    }

    pub fn run(&self) -> Result<Report, TextError> {
        run(&self.job, &mut |_| ())
    }

    /// The steps that were done, not those that were skipped.
    pub fn steps(&self) -> Vec<Step> {
        let mut done = Vec::new();
        run(&self.job, &mut |event| {
            if let Event::Ends(step) = event {
                done.push(step);
            }
        })
        .unwrap();
        done.retain(|s| *s != Step::Look);
        done
    }

    pub fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.job.out.join(file)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// All pairs that were kept, in no particular order.
    pub fn kept(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for part in ["train", "valid", "test"] {
            let (source, target) = (self.lines(&format!("{part}.de")), self.lines(&format!("{part}.en")));
            assert_eq!(source.len(), target.len(), "{part}");
            all.extend(source.into_iter().zip(target));
        }
        all.sort();
        all
    }
}

/// How many pairs were dropped for a reason.
pub fn count(report: &Report, reason: Reason) -> u64 {
    report.dropped.iter().filter(|d| d.reason == reason).map(|d| d.count).sum()
}

/// Every file of a folder and its bytes.
pub fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inner = bytes(&path);
            all.extend(
                inner.into_iter().map(|(name, content)| (Path::new(path.file_name().unwrap()).join(name), content)),
            );
        } else {
            all.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
    all
}
