//! From raw files to a folder that a model can be trained on: reading, normalising, cleaning, splitting, BPE, dictionaries and
//! a report, in memory that grows by a few bytes a pair.
//!
//! There are three steps. `clean` reads the files through once and keeps what is good by itself; `divide` looks at what only
//! the whole corpus shows and holds parts out; `pieces` learns BPE and measures. Each writes whole files or none and is
//! skipped where it was done before (`state`), so that a preparation that was stopped goes on where it was. The same bytes
//! come out for the same bytes in, on any number of threads.

mod chunks;
mod clean;
mod components;
mod compressed;
mod config;
mod divide;
mod folder;
mod given;
mod hash;
pub mod iwslt14;
mod language;
mod lines;
mod lock;
mod manifest;
mod measure;
mod normal;
mod pair;
mod pieces;
mod reason;
mod report;
mod script;
mod sentences;
mod source;
mod state;

pub use compressed::Members as GzipMembers;
pub use config::{BpeSides, PrepareConfig};
pub use folder::{PAGE, REPORT};
pub use given::GivenReport;
pub use lock::FolderLock;
pub use manifest::Manifest;
pub use measure::{Histogram, LENGTH_BUCKET, LENGTH_BUCKETS, RATIO_BUCKETS, SideReport, ratio_of_bucket};
pub use normal::{Casing, Normalization, TextForm};
pub use pair::key as sentence_key;
pub use reason::{Dropped, Example, Reason};
pub use report::{PartReport, Report};
pub use sentences::{SentenceReader, file_digest, settings_digest};
pub use source::{Format, Layout, Source, SourceOptions};

use crate::{Languages, Split, TextError, staged};
use clean::{Cleaned, Wanted};
use divide::Divided;
use folder::{CLEAN, LOCK, STATE, WORK, remove};
use pieces::Measured;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::{State, key};
use std::fs;
use std::path::{Path, PathBuf};

/// A corpus to prepare.
#[derive(Clone, Debug, PartialEq)]
pub struct Preparation {
    /// Where the pairs come from.
    pub source: Source,
    /// Pairs to choose by, where a user has their own; otherwise some are drawn from `source`.
    pub valid: Option<Source>,
    /// Pairs to report on, likewise.
    pub test: Option<Source>,
    /// What the two sides are called.
    pub languages: Languages,
    /// How to prepare them.
    pub config: PrepareConfig,
    /// The folder that everything is written to.
    pub out: PathBuf,
}

impl Preparation {
    /// The parts that are not drawn.
    fn given(&self) -> Vec<(Split, &Source)> {
        let parts = [(Split::Valid, &self.valid), (Split::Test, &self.test)];
        parts.into_iter().filter_map(|(split, source)| Some((split, source.as_ref()?))).collect()
    }

    /// Errors: a part is asked for twice, as files and as a number.
    fn check_given(&self) -> Result<(), TextError> {
        for (name, wanted, files) in [("valid", self.config.valid, &self.valid), ("test", self.config.test, &self.test)]
        {
            if let (Some(wanted), Some(_)) = (wanted, files) {
                let expected = "files of this part are given: give either them or how many pairs to hold out";
                return Err(TextError::Setting { name, value: wanted.to_string(), expected });
            }
        }
        Ok(())
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Looking whether the files are those of an earlier preparation.
    Look,
    /// Reading, normalising and cleaning.
    Clean,
    /// Cleaning by what the whole corpus shows, and holding parts out.
    Divide,
    /// BPE, dictionaries, measures.
    Pieces,
}

/// How it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another preparation of the folder is under way, and this one waits for it.
    Waits,
    /// A step begins.
    Begins(Step),
    /// It is over.
    Ends(Step),
    /// It was done before.
    Skipped(Step),
}

/// Prepares a corpus. Steps that were done before, of the same files with the same settings, are not done again. `watch` is
/// told of each.
///
/// Errors: a setting out of range, files that cannot be read or hold no good pairs, a folder that holds something else or
/// cannot be written.
pub fn run(job: &Preparation, watch: &mut dyn FnMut(Event)) -> Result<Report, TextError> {
    let Preparation { source, languages, config, out, .. } = job;
    config.validate()?;
    job.check_given()?;
    manifest::check_languages(languages)?;
    let given = job.given();
    let all: Vec<&PathBuf> = source.files.iter().chain(given.iter().flat_map(|(_, part)| &part.files)).collect();
    let written = folder::written(job);
    // Before what is foreign: a raw file is that, too, and must not be advised away.
    // Nor may it be what an earlier preparation has made: that is removed where the new one has no use for it.
    let earlier = State::load(out, STATE, &folder::BESIDE_STEPS);
    folder::refuse_own(&all, written.iter().chain(earlier.listed()), out)?;
    folder::refuse_foreign(out, &written, STATE, &folder::BESIDE_STEPS)?;

    watch(Event::Begins(Step::Look));
    let files = digests(&all)?;
    watch(Event::Ends(Step::Look));
    fs::create_dir_all(out.join(WORK)).map_err(staged::unwritable(out))?;
    let _alone = FolderLock::take(&out.join(LOCK), || watch(Event::Waits))?;
    // Digests of large files, and waiting, take long: somebody may have put a file there meanwhile.
    folder::refuse_foreign(out, &written, STATE, &folder::BESIDE_STEPS)?;
    let mut steps = Steps::plan(job, &files, State::load(out, STATE, &folder::BESIDE_STEPS));
    if steps.all_done() {
        // What was removed by hand, or not reached by a preparation that was stopped just before.
        Manifest::new(languages, config).write(out)?;
    } else {
        remove(&out.join(manifest::MANIFEST))?;
        steps.state.claim(&written)?;
    }

    let prepared = steps.prepare(job, watch);
    if prepared.is_err() {
        // It has failed already, and what it failed of is what is told.
        let _ = steps.state.forget_missing();
    }
    prepared
}

/// Which steps are to be done, with their keys.
struct Steps<'a> {
    out: &'a Path,
    state: State,
    planned: Vec<Planned>,
}

struct Planned {
    step: Step,
    key: String,
    /// What it writes, its findings included.
    files: Vec<String>,
    due: bool,
}

impl Steps<'_> {
    fn plan<'a>(job: &'a Preparation, files: &[(u64, String)], state: State) -> Steps<'a> {
        let Preparation { source, languages, config, out, .. } = job;
        let given: Vec<_> =
            job.given().iter().map(|(split, part)| (split.name(), &part.layout, part.file_names())).collect();
        let c = config;
        let settings = [
            json!([
                source.layout,
                // Places of pairs are told with these.
                source.file_names(),
                given,
                files,
                c.normalize,
                c.casing,
                c.keep,
                c.max_line_bytes,
                c.min_chars,
                c.max_chars
            ]),
            json!([languages, c.max_ratio, c.valid, c.test, c.seed]),
            json!([pieces::VERSION, c.bpe, c.vocabulary, c.merges, c.bpe_lines]),
        ];
        let mut before = String::new();
        let mut planned = Vec::new();
        for (step, settings) in [Step::Clean, Step::Divide, Step::Pieces].into_iter().zip(settings) {
            before = key(&before, settings);
            let due = !state.has_key(step.name(), &before) || !state.has_files(step.name(), &[step.findings()]);
            planned.push(Planned { step, key: before.clone(), files: step.files(job), due });
        }
        let mut steps = Steps { out, state, planned };
        for i in (0..steps.planned.len()).rev() {
            // What the first step writes is needed by the second alone.
            let needed = i > 0 || steps.planned[1].due;
            let Planned { step, files, due, .. } = &steps.planned[i];
            let due = *due || needed && !steps.state.has_files(step.name(), files);
            steps.planned[i].due = due;
        }
        steps
    }

    fn all_done(&self) -> bool {
        self.planned.iter().all(|p| !p.due)
    }

    /// Does what is due, and tells of all.
    fn prepare(&mut self, job: &Preparation, watch: &mut dyn FnMut(Event)) -> Result<Report, TextError> {
        let Preparation { source, languages, config, out, .. } = job;
        let clean_file = out.join(CLEAN);
        let (cleaned, given): (Cleaned, Vec<GivenReport>) = self.run(Step::Clean, watch, || {
            let cleaned = clean::clean(source, config, Wanted::Good, &clean_file)?;
            let read = |(split, part)| given::read(split, part, config, out);
            Ok((cleaned, job.given().into_iter().map(read).collect::<Result<_, _>>()?))
        })?;
        cleaned.check_some_left(Split::Train, source)?;
        let divided: Divided =
            self.run(Step::Divide, watch, || divide::divide(job).map_err(|fault| cleaned.explain(fault, source)))?;
        let measured: Measured = self
            .run(Step::Pieces, watch, || pieces::learn(out, languages, config, divided.pairs[Split::Train as usize]))?;

        let report = Report::new(source.file_names(), languages, config, cleaned, given, divided, measured);
        staged::write(&out.join(REPORT), &serde_json::to_vec_pretty(&report).expect("names and numbers"))?;
        // What the steps left for one another, and what an earlier preparation of other settings has made.
        self.state.keep_only(&folder::lasting(job))?;
        Manifest::new(languages, config).write(out)?;
        Ok(report)
    }

    /// Does a step, or reads what it found when it was done before.
    fn run<F: Serialize + DeserializeOwned>(
        &mut self,
        step: Step,
        watch: &mut dyn FnMut(Event),
        work: impl FnOnce() -> Result<F, TextError>,
    ) -> Result<F, TextError> {
        let at = self.planned.iter().position(|p| p.step == step).expect("a planned step");
        let Planned { key, files, due, .. } = &self.planned[at];
        let findings = self.out.join(step.findings());
        if !due {
            watch(Event::Skipped(step));
            let file = findings.display().to_string();
            let bytes = fs::read(&findings).map_err(|cause| TextError::Unreadable { file: file.clone(), cause })?;
            return serde_json::from_slice(&bytes).map_err(|e| TextError::BadManifest { file, reason: e.to_string() });
        }
        watch(Event::Begins(step));
        let found = work()?;
        staged::write(&findings, &serde_json::to_vec(&found).expect("names and numbers"))?;
        self.state.done(step.name(), key, files)?;
        watch(Event::Ends(step));
        Ok(found)
    }
}

/// Sizes and digests of the raw files.
///
/// Errors: one is missing or unreadable.
fn digests(files: &[&PathBuf]) -> Result<Vec<(u64, String)>, TextError> {
    let digest = |path: &&PathBuf| {
        // Opened as it will be read, for the errors that this tells.
        compressed::open(path)?;
        hash::digest_file(path)
    };
    files.iter().map(digest).collect()
}
