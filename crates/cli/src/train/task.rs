//! What the arguments of a training come to.

use super::config::TrainConfig;
use super::settings::{Preset, Settings, SettingsError};
use super::{Base, Recipe, TrainArgs};
use crate::Error;
use crate::prepare::prepare;
use lsra_text::prepare::Preparation;
use lsra_text::{Languages, Prepared};
use std::path::{Path, PathBuf};
use toml::Table;

/// A training, before its text is read.
pub(super) struct Task {
    /// The model's name.
    pub(super) name: String,
    /// The corpus's.
    pub(super) corpus: String,
    pub(super) settings: Settings,
    pub(super) text: Text,
    /// Where everything goes.
    pub(super) out: PathBuf,
    /// What it starts from.
    pub(super) from: Option<Base>,
}

/// Where its text comes from.
pub(super) enum Text {
    /// A folder of tokenised text.
    Tokenised(PathBuf, Languages),
    /// A folder that was prepared.
    Prepared(PathBuf),
    /// Raw files.
    Raw(Box<Preparation>),
}

impl Task {
    /// Errors: settings that are not understood, or files that do not say how they hold pairs.
    pub(super) fn of(args: &TrainArgs) -> Result<Task, Error> {
        if let Some(file) = &args.config {
            return by_config(args, file);
        }
        let from = base(args.from.as_deref())?;
        let data = args.data.as_ref().expect("clap requires a folder or a configuration");
        match args.recipe {
            Some(recipe) => Ok(by_recipe(args, recipe, data, from)?),
            None => {
                let corpus = stem(data);
                let model = from.as_ref().map(Base::config);
                let preset = args.preset.as_deref().map_or(Preset::Everyday, Preset::Named);
                let settings = Settings::changed(preset, model, "--data", Table::new(), &args.settings)?;
                Ok(Task {
                    from,
                    name: corpus.clone(),
                    out: out(args, None, &corpus),
                    corpus,
                    settings,
                    text: Text::Prepared(data.clone()),
                })
            }
        }
    }
}

fn by_recipe(args: &TrainArgs, recipe: Recipe, data: &Path, from: Option<Base>) -> Result<Task, SettingsError> {
    let file = args.preset.as_deref().unwrap_or(recipe.preset());
    let preset = if args.preset.is_some() { Preset::Named(file) } else { Preset::Usual(file) };
    let (name, origin) = (stem(Path::new(file)), format!("preset {file}"));
    let settings = Settings::changed(preset, from.as_ref().map(Base::config), &origin, Table::new(), &args.settings)?;
    Ok(Task {
        from,
        out: out(args, None, &name),
        name,
        corpus: recipe.name().to_owned(),
        settings,
        text: Text::Tokenised(data.to_owned(), recipe.languages()),
    })
}

fn by_config(args: &TrainArgs, file: &Path) -> Result<Task, Error> {
    let config = TrainConfig::read(file)?;
    let name = stem(file);
    let from = base(args.from.as_deref().or(config.from.as_deref()))?;
    let model = from.as_ref().map(Base::config);
    let settings = config.settings(file, args.preset.as_deref(), model, &args.settings)?;
    Ok(Task {
        from,
        out: out(args, config.out.as_ref(), &name),
        name,
        corpus: stem(&config.corpus.folder),
        settings,
        text: Text::Raw(Box::new(config.preparation()?)),
    })
}

impl Text {
    /// The text as ids, prepared now where it is raw.
    ///
    /// Errors: whatever is wrong with it.
    pub(super) fn read(self, threads: usize) -> Result<(Languages, Prepared), Error> {
        match self {
            Text::Tokenised(folder, languages) => {
                let prepared = Prepared::read(&folder, &languages)?;
                Ok((languages, prepared))
            }
            Text::Prepared(folder) => Ok(Prepared::read_prepared(&folder)?),
            Text::Raw(job) => {
                prepare(&job, threads)?;
                Ok(Prepared::read_prepared(&job.out)?)
            }
        }
    }
}

fn base(file: Option<&Path>) -> Result<Option<Base>, Error> {
    file.map(Base::load).transpose()
}

/// The name of a file or folder without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |s| s.to_string_lossy().into_owned())
}

fn out(args: &TrainArgs, config: Option<&PathBuf>, name: &str) -> PathBuf {
    args.out.as_ref().or(config).cloned().unwrap_or_else(|| PathBuf::from("runs").join(name))
}
