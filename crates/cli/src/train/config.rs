//! `--config FILE.toml`: a whole training in one file, from raw text to a model.

use super::settings::{Preset, Settings, SettingsError};
use crate::prepare::CorpusConfig;
use crate::synthesis::{BackTranslationConfig, DistilConfig};
use crate::toml_fault;
use lsra_model::ModelConfig;
use lsra_text::TextError;
use lsra_text::prepare::{Preparation, PrepareConfig};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::Table;

/// The file. Every table but `[corpus]` may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// A preset that the tables below change; the one for everyday text unless given.
    pub preset: Option<String>,
    /// Where the model goes, unless the command line says.
    pub out: Option<PathBuf>,
    /// A model to start from, unless the command line says; the text is cut by its tokenisers and vocabularies.
    pub from: Option<PathBuf>,
    /// Raw files, and the folder for what is prepared of them.
    pub corpus: CorpusConfig,
    /// How to prepare them.
    #[serde(default)]
    pub prepare: PrepareConfig,
    /// A teacher whose translations take the place of train's targets.
    pub distil: Option<DistilConfig>,
    /// Sentences of the target language that join train, and the model that gives them sources; after `[distil]`, where both are there.
    #[serde(rename = "back-translation")]
    pub back_translation: Option<BackTranslationConfig>,
    /// Changes of the preset's model.
    #[serde(default)]
    pub model: Table,
    /// Changes of its training.
    #[serde(default)]
    pub training: Table,
    /// Changes of its decoding.
    #[serde(default)]
    pub decoding: Table,
    /// What to show while it learns.
    #[serde(default)]
    pub watch: Table,
}

impl TrainConfig {
    /// Reads a file.
    ///
    /// Errors: missing, unreadable, not TOML, an unknown key or a wrong type.
    pub fn read(file: &Path) -> Result<TrainConfig, SettingsError> {
        let origin = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => {
                SettingsError::NotUnderstood { origin: format!("--config {origin}"), reason: "no such file".to_owned() }
            }
            _ => SettingsError::Unreadable { option: "config", name: origin.clone(), cause },
        })?;
        toml::from_str(&text).map_err(|e| SettingsError::NotUnderstood { origin, reason: toml_fault::told(&text, &e) })
    }

    /// The corpus to prepare.
    ///
    /// Errors: files that do not say how they hold pairs.
    pub fn preparation(&self) -> Result<Preparation, TextError> {
        self.corpus.preparation(&self.prepare)
    }

    /// What the preset and these tables come to, with `table.key=value` changes after them. `file` is named in errors; `base` is as in
    /// [`Settings::changed`].
    ///
    /// Errors: as [`Settings::load`].
    pub fn settings(
        &self,
        file: &Path,
        preset: Option<&str>,
        base: Option<&ModelConfig>,
        changes: &[String],
    ) -> Result<Settings, SettingsError> {
        let mut tables = Table::new();
        for (name, table) in
            [("model", &self.model), ("training", &self.training), ("decoding", &self.decoding), ("watch", &self.watch)]
        {
            if !table.is_empty() {
                tables.insert(name.to_owned(), table.clone().into());
            }
        }
        let file = file.display().to_string();
        let preset = preset.or(self.preset.as_deref()).map_or(Preset::Everyday, Preset::Named);
        Settings::changed(preset, base, Some((&file, tables)), changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TrainConfig, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        TrainConfig::read(file.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn tables_change_the_preset_and_the_command_line_changes_them() {
        let text = r#"
            preset = "iwslt-160"
            [corpus]
            files = ["a.de", "a.en.gz"]
            folder = "data/a"
            [prepare]
            casing = "lower"
            keep = ["identical"]
            max-chars = 300
            [model]
            dropout = 0
            [training]
            max_updates = 7
            lr = 1e-3
            [watch]
            samples = 2
        "#;
        let config = parse(text).unwrap();
        let job = config.corpus.preparation(&config.prepare).unwrap();
        assert_eq!((job.languages.source.as_str(), job.languages.target.as_str()), ("de", "en"));
        assert_eq!(job.config.max_chars, 300);
        let settings = config.settings(Path::new("a.toml"), None, None, &["training.lr=2e-3".to_owned()]).unwrap();
        assert_eq!((settings.model.dropout, settings.training.max_updates, settings.training.lr), (0.0, 7, 2e-3));
        assert_eq!(settings.training.warmup_updates, 4000);
        assert_eq!(settings.watch.samples, 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "corpus"),
            ("[corpus]\nfiles = []\nfolder = \"a\"\nfrom = 1", "from"),
            ("[corpus]\nfiles = []\nfolder = \"a\"\n[prepare]\nnormalize = \"all\"", "all"),
            ("[corpus]\nfiles = [\"a.tsv\"]\nfolder = \"a\"\n[prepair]", "prepair"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let config = parse("[corpus]\nfiles = [\"a.tsv\"]\nfolder = \"a\"\n[training]\nlrr = 1").unwrap();
        let error = config.settings(Path::new("a.toml"), None, None, &[]).unwrap_err().to_string();
        assert!(error.contains("a.toml") && error.contains("lrr"), "{error}");
    }
}
