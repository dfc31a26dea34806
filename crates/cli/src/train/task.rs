//! What the arguments of a training come to.

use super::config::TrainConfig;
use super::settings::Settings;
use super::{Recipe, TrainArgs};
use crate::Error;
use crate::fetch::{self, Origin};
use crate::prepare::prepare;
use lsra_text::prepare::{Manifest, Preparation};
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
}

/// Where its text comes from.
pub(super) enum Text {
    /// A folder of tokenised text.
    Tokenised(PathBuf, Languages),
    /// IWSLT'14, fetched from there and prepared in this folder.
    Iwslt14(Origin, PathBuf),
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
        match args.recipe {
            Some(recipe) => by_recipe(args, recipe),
            None => {
                let data = args.data.as_ref().expect("clap requires a folder, a recipe or a configuration");
                let corpus = stem(data);
                let settings = Settings::changed(args.preset.as_deref(), "--data", Table::new(), &args.settings)?;
                Ok(Task {
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

fn by_recipe(args: &TrainArgs, recipe: Recipe) -> Result<Task, Error> {
    let preset = args.preset.as_deref().unwrap_or(recipe.preset());
    let name = stem(Path::new(preset));
    Ok(Task {
        out: out(args, None, &name),
        name,
        corpus: recipe.name().to_owned(),
        settings: Settings::load(preset, &args.settings)?,
        text: recipe_text(args, recipe)?,
    })
}

/// A recipe's text: the user's folder, or its own corpus.
///
/// Errors: a folder of another kind.
fn recipe_text(args: &TrainArgs, recipe: Recipe) -> Result<Text, Error> {
    match &args.data {
        // Its pieces are spelled otherwise, and it would be cut into words that no dictionary has.
        Some(folder) if Manifest::is_in(folder) => {
            Err(Error::PreparedForRecipe { folder: folder.display().to_string() })
        }
        Some(folder) => Ok(Text::Tokenised(folder.clone(), recipe.languages())),
        None => match recipe {
            Recipe::Iwslt14 => {
                let origin = Origin::of(args.archive.as_deref().unwrap_or(fetch::IWSLT14));
                let folder = args.data_dir.clone().unwrap_or_else(|| Path::new("data").join(recipe.name()));
                Ok(Text::Iwslt14(origin, folder))
            }
        },
    }
}

fn by_config(args: &TrainArgs, file: &Path) -> Result<Task, Error> {
    let config = TrainConfig::read(file)?;
    let name = stem(file);
    Ok(Task {
        out: out(args, config.out.as_ref(), &name),
        name,
        corpus: stem(&config.corpus.folder),
        settings: config.settings(file, args.preset.as_deref(), &args.settings)?,
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
            Text::Iwslt14(origin, folder) => {
                fetch::iwslt14(&origin, &folder, threads)?;
                let languages = lsra_text::prepare::iwslt14::languages();
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

/// The name of a file or folder without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| path.display().to_string(), |s| s.to_string_lossy().into_owned())
}

fn out(args: &TrainArgs, config: Option<&PathBuf>, name: &str) -> PathBuf {
    args.out.as_ref().or(config).cloned().unwrap_or_else(|| PathBuf::from("runs").join(name))
}
