//! What the arguments of a training come to.

use super::config::TrainConfig;
use super::settings::{Preset, Settings};
use super::{Base, Recipe, TrainArgs};
use crate::Error;
use crate::fetch::{self, Origin};
use crate::prepare::prepare;
use crate::synthesis::{BackTranslationConfig, DistilConfig};
use crate::tell::tell;
use crate::text_model::check_path;
use lsra_kernels::Isa;
use lsra_model::Embeddings;
use lsra_text::prepare::{BpeSides, Manifest, Preparation, SentenceReader};
use lsra_text::{Languages, Prepared, TextError};
use std::path::{Path, PathBuf};

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
    /// IWSLT'14, fetched from there and prepared in this folder.
    Iwslt14(Origin, PathBuf),
    /// A folder that was prepared.
    Prepared(PathBuf),
    /// Raw files.
    Raw(Box<Raw>),
}

/// Raw files, and what models make of them once they are prepared.
pub(super) struct Raw {
    preparation: Preparation,
    distil: Option<DistilConfig>,
    back_translation: Option<BackTranslationConfig>,
}

impl Task {
    /// Errors: settings that are not understood, or files that do not say how they hold pairs.
    pub(super) fn of(args: &TrainArgs) -> Result<Task, Error> {
        let task = Task::described(args)?;
        Error::check_other_folder(task.text.folder(), &task.out)?;
        Ok(task)
    }

    fn described(args: &TrainArgs) -> Result<Task, Error> {
        if let Some(file) = &args.config {
            return by_config(args, file);
        }
        let from = base(args.from.as_deref())?;
        if let Some(folder) = args.data.as_ref().filter(|folder| !folder.exists()) {
            return Err(Error::NoData { folder: folder.display().to_string() });
        }
        match args.recipe {
            Some(recipe) => by_recipe(args, recipe, from),
            None => {
                let data = args.data.as_ref().ok_or(Error::NothingToTrainOn)?;
                let corpus = folder_name(data);
                let model = from.as_ref().map(Base::config);
                let preset = args.preset.as_deref().map_or(Preset::Everyday, Preset::Named);
                let settings = Settings::changed(preset, model, None, &args.settings)?;
                if let Err(TextError::Missing { .. }) = Manifest::read(data) {
                    return Err(Error::NotPrepared { folder: data.display().to_string() });
                }
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

fn by_recipe(args: &TrainArgs, recipe: Recipe, from: Option<Base>) -> Result<Task, Error> {
    let file = args.preset.as_deref().unwrap_or(recipe.preset());
    let preset = if args.preset.is_some() { Preset::Named(file) } else { Preset::Usual(file) };
    let name = stem(Path::new(file));
    let settings = Settings::changed(preset, from.as_ref().map(Base::config), None, &args.settings)?;
    let text = recipe_text(args, recipe)?;
    if matches!(text, Text::Iwslt14(..)) {
        check_dictionaries(&settings, BpeSides::Joint)?;
    }
    Ok(Task { from, out: out(args, None, &name), name, corpus: recipe.name().to_owned(), settings, text })
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
    let from = base(args.from.as_deref().or(config.from.as_deref()))?;
    let model = from.as_ref().map(Base::config);
    let settings = config.settings(file, args.preset.as_deref(), model, &args.settings)?;
    check_dictionaries(&settings, config.prepare.bpe)?;
    check_files(&config, &settings)?;
    Ok(Task {
        from,
        out: out(args, config.out.as_ref(), &name),
        name,
        corpus: folder_name(&config.corpus.folder),
        settings,
        text: Text::Raw(Box::new(Raw {
            preparation: config.preparation()?,
            distil: config.distil,
            back_translation: config.back_translation,
        })),
    })
}

impl Text {
    /// Where it is, or will be.
    fn folder(&self) -> &Path {
        match self {
            Text::Tokenised(folder, _) | Text::Iwslt14(_, folder) | Text::Prepared(folder) => folder,
            Text::Raw(raw) => &raw.preparation.out,
        }
    }

    /// The text as ids, prepared now where it is raw.
    ///
    /// Errors: whatever is wrong with it.
    pub(super) fn read(self, isa: Isa, threads: usize) -> Result<(Languages, Prepared), Error> {
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
            Text::Raw(raw) => {
                let Raw { preparation, distil, back_translation } = *raw;
                prepare(&preparation, threads)?;
                let mut folder = preparation.out;
                if let Some(distil) = distil {
                    let job = distil.synthesis(&folder);
                    tell!("{}", job.run(isa, threads)?);
                    folder = job.out;
                }
                if let Some(back_translation) = back_translation {
                    let job = back_translation.synthesis(&folder);
                    tell!("{}", job.run(isa, threads)?);
                    folder = job.out;
                }
                Ok(Prepared::read_prepared(&folder)?)
            }
        }
    }
}

fn base(file: Option<&Path>) -> Result<Option<Base>, Error> {
    file.map(Base::load).transpose()
}

/// What is read only after the text is prepared and another model has translated it.
///
/// Errors: such a file is missing.
fn check_files(config: &TrainConfig, settings: &Settings) -> Result<(), Error> {
    let teacher = settings.training.teacher.as_ref().filter(|_| settings.training.teachers_share().is_some());
    let models = [
        ("distil.model", config.distil.as_ref().map(|d| &d.model)),
        ("back-translation.model", config.back_translation.as_ref().map(|b| &b.model)),
        ("training.teacher", teacher),
    ];
    for (name, path) in models {
        path.map_or(Ok(()), |path| check_path(name, path))?;
    }
    for file in config.back_translation.iter().flat_map(|b| &b.monolingual) {
        SentenceReader::open(file, usize::MAX)?;
    }
    Ok(())
}

/// What will be known once the text is prepared, told before that takes its time.
///
/// Errors: one table for both sides, and dictionaries that will be two.
fn check_dictionaries(settings: &Settings, bpe: BpeSides) -> Result<(), Error> {
    match settings.model.embeddings == Embeddings::AllShared && bpe != BpeSides::Shared {
        true => Err(Error::SeparateDictionaries),
        false => Ok(()),
    }
}

/// The name of a TOML file without its ending, or of a preset.
fn stem(path: &Path) -> String {
    let name = folder_name(path);
    name.strip_suffix(".toml").map(str::to_owned).unwrap_or(name)
}

/// The name of a folder, whole: what follows a dot, as in `v1.5`, is no ending.
fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |s| s.to_string_lossy().into_owned())
}

fn out(args: &TrainArgs, config: Option<&PathBuf>, name: &str) -> PathBuf {
    args.out.as_ref().or(config).cloned().unwrap_or_else(|| PathBuf::from("runs").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_dots() {
        assert_eq!(folder_name(Path::new("data/v1.5/")), "v1.5");
        assert_eq!(folder_name(Path::new("..")), "..");
        assert_eq!(stem(Path::new("a/mine.v2.toml")), "mine.v2");
        assert_eq!(stem(Path::new("iwslt-160")), "iwslt-160");
    }
}
