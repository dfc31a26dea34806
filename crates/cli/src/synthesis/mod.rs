//! Text that a model makes for another one to be trained on: `lsra distil` puts a teacher's translations in place of train's targets,
//! `lsra back-translate` adds sentences of the target language with sources that a model of the opposite direction gives them.
//!
//! Both are one thing: sentences, a translation of each, and a folder like the one at hand whose train is made of them. Translations
//! are kept in a log as they come, so that what was stopped goes on; a translation does not depend on those beside it, so the
//! folder has the same bytes however often that was.

mod folder;
mod inputs;
mod log;
mod options;
mod report;

pub use options::{BackTranslateArgs, BackTranslationConfig, DistilArgs, DistilConfig, Originals, Search};
pub use report::Report;

use crate::Error;
use crate::same_text::{Difference, difference, text_differs};
use crate::sink::Sink;
use crate::text_model::TextModel;
use folder::Folder;
use inputs::Inputs;
use log::Log;
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_text::Languages;
use lsra_text::prepare::{Manifest, file_digest, settings_digest};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// What keys of logs begin with. Changes when translations do.
const VERSION: u32 = 1;

/// What is made of train.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its sources with a teacher's translations. Kim and Rush 2016, section 3.2.
    Distilled(Originals),
    /// Itself, and sentences of its target language with translations for sources. Sennrich et al. 2016.
    BackTranslated {
        /// Files of sentences.
        monolingual: Vec<PathBuf>,
    },
}

/// A folder to be made.
#[derive(Clone, Debug)]
pub struct Synthesis {
    /// Of what.
    pub kind: Kind,
    /// The model that translates.
    pub model: PathBuf,
    /// A folder to train on.
    pub data: PathBuf,
    /// The folder to make.
    pub out: PathBuf,
    /// How to search.
    pub search: Search,
    /// What operands of products are rounded to.
    pub precision: Precision,
}

impl Synthesis {
    /// Makes the folder, or what is missing of it, and tells on standard error how it goes.
    ///
    /// Errors: a model or text that does not fit, or files that cannot be read or written.
    pub fn run(&self, isa: Isa, threads: usize) -> Result<Report, Error> {
        let model = TextModel::load(&self.model)?;
        let search = self.search.config(&model.decoding())?;
        let folder = Folder::of(self, &model)?;
        self.check(&model, &folder)?;
        let inputs = Inputs::of(&self.kind, &folder)?;
        // A file that is not there is told before anything is written.
        drop(inputs.sentences()?);
        let key = self.key(&folder, &search)?;
        let _alone = folder.lock(self.name())?;
        folder.claim(&key)?;
        let translator = Translator::new(isa, &model.model, &model.weights, self.precision);
        let log = Log::new(&folder.out, self.name());
        log.complete(&inputs, &model, &translator, &search, threads)?;
        let report = folder.assemble(self, &inputs, &log)?;
        report.write(&folder.out)?;
        folder.finish()?;
        Ok(report)
    }

    /// Of the command.
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Distilled(_) => "distil",
            Kind::BackTranslated { .. } => "back-translate",
        }
    }

    fn check(&self, model: &TextModel, folder: &Folder) -> Result<(), Error> {
        let Languages { source, target } = folder.languages.clone();
        let (languages, advice) = match self.kind {
            Kind::Distilled(_) => (Languages { source, target }, "give a model of this text and direction"),
            Kind::BackTranslated { .. } => {
                (Languages { source: target, target: source }, "give a model of this text and the opposite direction")
            }
        };
        let cut = |cut: bool| if cut { "words" } else { "cut into pieces" }.to_owned();
        let pieces = || {
            let raw = folder.form.is_some();
            difference("text", cut(raw || model.source_bpe.is_some()), cut(raw || folder.has_codes))
        };
        match text_differs(model, &languages, folder.form).or_else(pieces) {
            Some(Difference { what, there, here }) => {
                Err(Error::OtherModel { file: self.model.display().to_string(), what, there, here, advice })
            }
            None => self.check_casing(model, folder),
        }
    }

    /// Raw text goes through a model's own form; what was tokenised before is taken as it is, and a model that knows no capital letter would put
    /// lowercased sentences beside others.
    ///
    /// Errors: tokenised text with capitals, and such a model.
    fn check_casing(&self, model: &TextModel, folder: &Folder) -> Result<(), Error> {
        if folder.form.is_some() || !model.is_lowercased() {
            return Ok(());
        }
        let own = match &self.kind {
            Kind::Distilled(_) => &[][..],
            Kind::BackTranslated { monolingual } => monolingual,
        };
        for file in folder.train().iter().chain(own) {
            if inputs::has_capitals(file)? {
                let (there, here) =
                    ("lowercased".to_owned(), format!("with capital letters, as in {}", file.display()));
                let (file, advice) = (self.model.display().to_string(), "lowercase it first");
                return Err(Error::OtherModel { file, what: "text", there, here, advice });
            }
        }
        Ok(())
    }

    /// A digest of all that the translations and the folder depend on, but the instruction set.
    fn key(&self, folder: &Folder, search: &GeneratorConfig) -> Result<String, Error> {
        let digests = |files: Vec<PathBuf>| files.iter().map(|f| file_digest(f)).collect::<Result<Vec<String>, _>>();
        let kind = match &self.kind {
            Kind::Distilled(originals) => json!(["distil", originals]),
            Kind::BackTranslated { monolingual } => json!(["back-translate", digests(monolingual.clone())?]),
        };
        let search = json!([
            search.beam,
            search.length_penalty,
            search.max_len_a,
            search.max_len_b,
            search.min_len,
            search.no_repeat_ngram
        ]);
        let read = digests(folder.read())?;
        let model = file_digest(&self.model)?;
        Ok(settings_digest(&json!([VERSION, kind, model, read, search, self.precision.name()]).to_string()))
    }
}

/// Distils a folder.
///
/// Errors: as [`Synthesis::run`].
pub fn distil(args: &DistilArgs) -> Result<ExitCode, Error> {
    tell(&args.synthesis(), args.threads())
}

/// Adds back-translations to a folder.
///
/// Errors: as [`Synthesis::run`].
pub fn back_translate(args: &BackTranslateArgs) -> Result<ExitCode, Error> {
    tell(&args.synthesis(), args.threads())
}

fn tell(job: &Synthesis, threads: usize) -> Result<ExitCode, Error> {
    let report = job.run(Isa::from_env()?, threads)?;
    let mut sink = Sink::open(None)?;
    sink.line(&report.to_string())?;
    // What was tokenised before belongs to a recipe.
    let recipe = if Manifest::is_in(&job.out) { "" } else { "RECIPE " };
    sink.line(&format!("Go on with: lsra train {recipe}--data {}", job.out.display()))?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}
