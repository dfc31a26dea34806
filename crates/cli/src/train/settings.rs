//! A preset and what a user changes in it.

use super::sampler::Watch;
use lsra_infer::GeneratorConfig;
use lsra_model::presets::{self, PresetFile};
use lsra_model::{ConfigError, ModelConfig};
use lsra_train::{TrainingConfig, TrainingConfigError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use toml::{Table, Value};

/// The preset of everyday text, and what is changed in it.
const EVERYDAY_PRESET: &str = "iwslt-160";
const EVERYDAY: &str = include_str!("everyday.toml");

/// All of a preset, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The model's dimensions.
    pub model: ModelConfig,
    /// How to train it.
    pub training: TrainingConfig,
    /// How to translate with it.
    pub decoding: Decoding,
    /// What to show while it learns.
    pub watch: Watch,
}

/// Which preset settings begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset<'a> {
    /// The user named it: its model is meant, and one to start from has to be like it.
    Named(&'a str),
    /// A recipe's, where the user named none.
    Usual(&'a str),
    /// The one for everyday text, where there is no recipe either.
    Everyday,
}

/// The `[decoding]` table of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decoding {
    /// Hypotheses kept at each step.
    pub beam: usize,
    /// Scores are divided by length^penalty.
    pub length_penalty: f32,
    /// The fewest tokens of a translation.
    pub min_length: usize,
    /// The most.
    pub max_length: usize,
    /// Sequences of so many tokens may not come twice; 0 allows all.
    pub no_repeat_ngram: usize,
}

impl Default for Decoding {
    fn default() -> Decoding {
        let GeneratorConfig { min_len, max_len_b, no_repeat_ngram, .. } = GeneratorConfig::default();
        Decoding { beam: 4, length_penalty: 1.0, min_length: min_len, max_length: max_len_b, no_repeat_ngram }
    }
}

impl Decoding {
    /// The key of a search's setting.
    fn key(name: &str) -> &str {
        match name {
            "max_len_b" => "max_length",
            "min_len" => "min_length",
            other => other,
        }
    }

    /// As a search with so many hypotheses.
    pub fn search(&self, beam: usize) -> GeneratorConfig {
        GeneratorConfig {
            beam,
            length_penalty: self.length_penalty,
            max_len_b: self.max_length,
            min_len: self.min_length,
            no_repeat_ngram: self.no_repeat_ngram,
            ..GeneratorConfig::default()
        }
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Neither a preset nor a file.
    #[error("--preset {name}: no preset has that name and no file is there; presets are {known}")]
    NoPreset {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The file cannot be read.
    #[error("--{option} {name}: cannot be read ({cause})")]
    Unreadable {
        /// The option that names it, without the dashes.
        option: &'static str,
        /// The file.
        name: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// A preset that is not understood, or a change that does not fit it.
    #[error("{origin}: {reason}")]
    NotUnderstood {
        /// The preset, or the `--set` with its value.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A dimension out of range.
    #[error(transparent)]
    Model(#[from] ConfigError),
    /// A training setting out of range.
    #[error(transparent)]
    Training(#[from] TrainingConfigError),
}

impl Settings {
    /// A preset's, or a file's like one, with `table.key=value` changes.
    ///
    /// Errors: no such preset, not TOML, an unknown key, a wrong type or a value out of range.
    pub fn load(preset: &str, changes: &[String]) -> Result<Settings, SettingsError> {
        Settings::parse(&format!("preset {preset}"), &preset_text(preset)?, changes)
    }

    /// A preset's with these tables laid over it, which `origin` names in errors, and then `changes`. Where the user named no preset, its
    /// model is `base`, if there is one.
    ///
    /// Errors: as [`Settings::load`].
    pub fn changed(
        preset: Preset<'_>,
        base: Option<&ModelConfig>,
        origin: &str,
        tables: Table,
        changes: &[String],
    ) -> Result<Settings, SettingsError> {
        let name = match preset {
            Preset::Named(name) | Preset::Usual(name) => name,
            Preset::Everyday => EVERYDAY_PRESET,
        };
        let not_understood = |origin: &str| {
            let origin = origin.to_owned();
            move |reason| SettingsError::NotUnderstood { origin, reason }
        };
        let parse = |text: &str| toml::from_str::<Table>(text).map_err(|e| e.to_string());
        let mut table = parse(&preset_text(name)?).map_err(not_understood(&format!("preset {name}")))?;
        if preset == Preset::Everyday {
            lay_over(&mut table, parse(EVERYDAY).expect("the program's own file is valid"));
        }
        if let (Preset::Usual(_) | Preset::Everyday, Some(base)) = (preset, base) {
            table.insert("model".to_owned(), Value::try_from(base).expect("numbers and names make TOML"));
        }
        lay_over(&mut table, tables);
        Settings::of_table(origin, table, changes)
    }

    /// As [`Settings::load`], from TOML at hand; `origin` names it in errors.
    ///
    /// Errors: as [`Settings::load`].
    pub fn parse(origin: &str, text: &str, changes: &[String]) -> Result<Settings, SettingsError> {
        let table = toml::from_str(text)
            .map_err(|e| SettingsError::NotUnderstood { origin: origin.to_owned(), reason: e.to_string() })?;
        Settings::of_table(origin, table, changes)
    }

    fn of_table(origin: &str, mut table: Table, changes: &[String]) -> Result<Settings, SettingsError> {
        let not_understood = |reason: String| SettingsError::NotUnderstood { origin: origin.to_owned(), reason };
        let mut settings = read(&table).map_err(not_understood)?;
        for change in changes {
            let not_understood =
                |reason: String| SettingsError::NotUnderstood { origin: format!("--set {change}"), reason };
            set(&mut table, change).map_err(not_understood)?;
            settings = read(&table).map_err(not_understood)?;
        }
        settings.training.validate()?;
        settings
            .decoding
            .search(settings.decoding.beam)
            .validate()
            .map_err(|e| not_understood(format!("decoding.{} = {}: {}", Decoding::key(e.name), e.value, e.expected)))?;
        Ok(settings)
    }
}

/// The TOML of a preset or of a file like one.
///
/// Errors: there is none of that name.
fn preset_text(preset: &str) -> Result<String, SettingsError> {
    match presets::text(preset) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => fs::read_to_string(preset).map_err(|cause| match (cause.kind(), presets::text(preset)) {
            (io::ErrorKind::NotFound, Err(ConfigError::UnknownPreset { name, known })) => {
                SettingsError::NoPreset { name, known }
            }
            _ => SettingsError::Unreadable { option: "preset", name: preset.to_owned(), cause },
        }),
    }
}

/// Puts the keys of each of these tables in place of those that are there.
fn lay_over(settings: &mut Table, tables: Table) {
    for (name, value) in tables {
        match (settings.get_mut(&name), value) {
            (Some(Value::Table(there)), Value::Table(table)) => {
                table.into_iter().for_each(|(key, v)| put(there, key, v))
            }
            (_, value) => {
                settings.insert(name, value);
            }
        }
    }
}

/// Sets a key. A whole number where there is a fraction means that fraction.
fn put(table: &mut Table, key: String, value: Value) {
    let value = match (table.get(&key), value) {
        (Some(Value::Float(_)), Value::Integer(n)) => Value::Float(n as f64),
        (_, value) => value,
    };
    table.insert(key, value);
}

/// Errors: an unknown key or a wrong type. Ranges are not looked at: one change may need another.
fn read(table: &Table) -> Result<Settings, String> {
    let file: PresetFile = table.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
    let training = file.training.try_into().map_err(|e: toml::de::Error| format!("in [training], {e}"))?;
    let decoding = file.decoding.try_into().map_err(|e: toml::de::Error| format!("in [decoding], {e}"))?;
    let watch = file.watch.try_into().map_err(|e: toml::de::Error| format!("in [watch], {e}"))?;
    Ok(Settings { model: file.model, training, decoding, watch })
}

/// Makes one `table.key=value` change.
fn set(settings: &mut Table, change: &str) -> Result<(), String> {
    const EXPECTED: &str = "expected TABLE.KEY=VALUE, as in training.lr=1e-3";
    let (path, value) = change.split_once('=').ok_or(EXPECTED)?;
    let (table, key) = path.trim().split_once('.').ok_or(EXPECTED)?;
    if !["model", "training", "decoding", "watch"].contains(&table) || key.is_empty() || key.contains('.') {
        return Err("settings are model.KEY, training.KEY, decoding.KEY and watch.KEY".to_owned());
    }
    let entry = settings.entry(table).or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(entry) = entry else { return Err(format!("{table} is no table in this preset")) };
    put(entry, key.to_owned(), parse_value(value.trim()));
    Ok(())
}

/// A TOML value; what is none is a string without its quotes, which shells take away.
fn parse_value(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut t| t.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsra_model::TapsDropout;

    fn load(changes: &[&str]) -> Result<Settings, String> {
        let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
        Settings::load("iwslt-160", &changes).map_err(|e| e.to_string())
    }

    #[test]
    fn every_preset_is_understood() {
        for (name, text) in presets::ALL {
            Settings::parse(name, text, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }

    #[test]
    fn changes_are_toml_or_plain_words() {
        let settings = load(&[
            "training.lr=1e-3",
            "training.clip_norm=1",
            "training.betas=[0.9, 0.999]",
            "model.taps_dropout_mode=per-position",
            "decoding.beam=5",
            "watch.sentences=7",
        ])
        .unwrap();
        assert_eq!(settings.training.lr, 1e-3);
        assert_eq!(settings.training.clip_norm, 1.0);
        assert_eq!(settings.training.betas, [0.9, 0.999]);
        assert_eq!(settings.model.taps_dropout_mode, TapsDropout::PerPosition);
        assert_eq!(settings.decoding.beam, 5);
        assert_eq!((settings.watch.sentences, settings.watch.samples), (Some(7), 4));
        assert_eq!(load(&["model.taps_dropout_mode=\"shared\""]).unwrap().model.taps_dropout_mode, TapsDropout::Shared);
    }

    #[test]
    fn a_model_to_start_from_takes_the_place_of_any_preset_that_nobody_named() {
        let base = Settings::load("iwslt-240", &["model.dropout=0.05".to_owned()]).unwrap().model;
        let changes = ["model.taps_dropout=0.3".to_owned(), "training.lr=2e-3".to_owned()];
        let changed = |preset| Settings::changed(preset, Some(&base), "test", Table::new(), &changes).unwrap();
        let recipe = Settings::load("iwslt-160", &changes).unwrap();
        let (usual, everyday, named) =
            (changed(Preset::Usual("iwslt-160")), changed(Preset::Everyday), changed(Preset::Named("iwslt-160")));
        assert_eq!(usual.training, recipe.training);
        assert_ne!(everyday.training, recipe.training);
        for settings in [&usual, &everyday] {
            assert_eq!((settings.model.channels, settings.model.dropout), (base.channels, 0.05));
            assert_eq!((settings.model.taps_dropout, settings.training.lr), (0.3, 2e-3));
        }
        assert_eq!((named.model, named.training), (recipe.model, recipe.training));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (change, part) in [
            ("training.lrr=1", "lrr"),
            ("training.lr", "TABLE.KEY=VALUE"),
            ("lr=1", "TABLE.KEY=VALUE"),
            ("train.lr=1", "model.KEY"),
            ("training.lr=fast", "fast"),
            ("training.lr=-1", "training.lr = -1"),
            ("training.lanes=0", "training.lanes = 0"),
            ("training.ema=1", "training.ema = 1"),
            ("training.r_drop=-1", "training.r_drop = -1"),
            ("training.bpe_dropout=1.5", "training.bpe_dropout = 1.5"),
            ("watch.samples=-1", "in [watch]"),
            ("model.channels=\"wide\"", "channels"),
        ] {
            let error = load(&[change]).unwrap_err();
            assert!(error.contains(part), "{change}: {error}");
        }
        assert!(Settings::load("no-such", &[]).unwrap_err().to_string().contains("iwslt-160"));
    }
}
