//! A preset and what a user changes in it.

use super::decoding::Decoding;
use super::sampler::Watch;
use crate::toml_fault;
use lsra_model::presets::{self, PresetFile};
use lsra_model::{ConfigError, ModelConfig};
use lsra_train::TrainingConfig;
use std::fs;
use std::io;
use toml::{Table, Value};

/// The preset of everyday text, and what is changed in it.
const EVERYDAY_PRESET: &str = "iwslt-160";
const EVERYDAY: &str = include_str!("everyday.toml");
/// What is changed in [`EVERYDAY`] for a model to start from.
const ADAPT: &str = include_str!("adapt.toml");

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
    /// A preset or a file that is not understood, a change that does not fit it, or a value out of range.
    #[error("{origin}: {reason}")]
    NotUnderstood {
        /// The preset, the file, or the `--set` with its value.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

impl Settings {
    /// A preset's, or a file's like one, with `table.key=value` changes.
    ///
    /// Errors: no such preset, not TOML, an unknown key, a wrong type or a value out of range.
    pub fn load(preset: &str, changes: &[String]) -> Result<Settings, SettingsError> {
        Settings::parse(&named(preset), &preset_text(preset)?, changes)
    }

    /// A preset's with a file's tables laid over it, which its `origin` names in errors, and then `changes`. Where the user named
    /// no preset, its model is `base`, if there is one, and steps for everyday text are smaller then.
    ///
    /// Errors: as [`Settings::load`].
    pub fn changed(
        preset: Preset<'_>,
        base: Option<&ModelConfig>,
        file: Option<(&str, Table)>,
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
        let parse = |text: &str| toml::from_str::<Table>(text).map_err(|e| toml_fault::told(text, &e));
        let origin = named(name);
        let mut table = parse(&preset_text(name)?).map_err(not_understood(&origin))?;
        for text in match (preset, base) {
            (Preset::Everyday, None) => &[EVERYDAY][..],
            (Preset::Everyday, Some(_)) => &[EVERYDAY, ADAPT],
            _ => &[],
        } {
            lay_over(&mut table, parse(text).expect("the program's own file is valid"));
        }
        if let (Preset::Usual(_) | Preset::Everyday, Some(base)) = (preset, base) {
            table.insert("model".to_owned(), Value::try_from(base).expect("numbers and names make TOML"));
        }
        let mut stages = Stages::new(&origin, table)?;
        if let Some((origin, tables)) = file {
            stages.change(origin.to_owned(), |table| {
                lay_over(table, tables);
                Ok(())
            })?;
        }
        stages.finish(changes)
    }

    /// As [`Settings::load`], from TOML at hand; `origin` names it in errors.
    ///
    /// Errors: as [`Settings::load`].
    pub fn parse(origin: &str, text: &str, changes: &[String]) -> Result<Settings, SettingsError> {
        let table = toml::from_str(text).map_err(|e| SettingsError::NotUnderstood {
            origin: origin.to_owned(),
            reason: toml_fault::told(text, &e),
        })?;
        Stages::new(origin, table)?.finish(changes)
    }

    /// Values out of range, whatever they were set by: the first of the model's, of the training's, of both together, and of decoding.
    fn faults(&self) -> [Option<String>; 4] {
        // Those of the text will be put in place.
        let vocabulary = 8;
        let model = ModelConfig { source_vocabulary: vocabulary, target_vocabulary: vocabulary, ..self.model.clone() };
        let search = self.decoding.search(self.decoding.beam).validate();
        [
            model.validate().err().map(|e| e.to_string()),
            self.training.validate().err().map(|e| e.to_string()),
            self.training.check_model(&model).err().map(|e| e.to_string()),
            search.err().map(|e| format!("decoding.{} = {}: {}", Decoding::key(e.name), e.value, e.expected)),
        ]
    }
}

/// A preset as it is changed. An error names what made it: the preset, the file or the `--set`.
struct Stages {
    table: Table,
    settings: Settings,
    /// Values out of range, each with what it is blamed on: what first made it so.
    faults: [Option<Fault>; 4],
}

/// A value out of range.
struct Fault {
    origin: String,
    reason: String,
}

impl Stages {
    fn new(origin: &str, table: Table) -> Result<Stages, SettingsError> {
        let not_understood = |reason: String| SettingsError::NotUnderstood { origin: origin.to_owned(), reason };
        let settings = read(&table).map_err(not_understood)?;
        let faults = settings.faults().map(|reason| reason.map(|reason| Fault { origin: origin.to_owned(), reason }));
        Ok(Stages { table, settings, faults })
    }

    /// Errors: an unknown key or a wrong type. Ranges are not told yet: one change may need another.
    fn change(
        &mut self,
        origin: String,
        change: impl FnOnce(&mut Table) -> Result<(), String>,
    ) -> Result<(), SettingsError> {
        let not_understood = |reason: String| SettingsError::NotUnderstood { origin: origin.clone(), reason };
        change(&mut self.table).map_err(not_understood)?;
        self.settings = read(&self.table).map_err(not_understood)?;
        for (fault, reason) in self.faults.iter_mut().zip(self.settings.faults()) {
            let before = fault.take();
            *fault = reason.map(|reason| match before {
                Some(before) if before.reason == reason => before,
                _ => Fault { origin: origin.clone(), reason },
            });
        }
        Ok(())
    }

    fn finish(mut self, changes: &[String]) -> Result<Settings, SettingsError> {
        for change in changes {
            self.change(format!("--set {change}"), |table| set(table, change))?;
        }
        match self.faults.into_iter().flatten().next() {
            Some(Fault { origin, reason }) => Err(SettingsError::NotUnderstood { origin, reason }),
            None => Ok(self.settings),
        }
    }
}

/// How a preset is called in errors: a file by its path alone.
fn named(preset: &str) -> String {
    if presets::text(preset).is_ok() { format!("preset {preset}") } else { preset.to_owned() }
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
    use crate::train::{ByValid, LengthPenalty};
    use lsra_model::{Embeddings, TapsDropout};

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
        for (value, penalty) in
            [("2", LengthPenalty::Fixed(2.0)), ("by-valid", LengthPenalty::Chosen(ByValid::ByValid))]
        {
            let settings = load(&[&format!("decoding.length_penalty={value}")]).unwrap();
            assert_eq!(settings.decoding.length_penalty, penalty);
        }
        assert_eq!((settings.watch.sentences, settings.watch.samples), (Some(7), 4));
        assert_eq!(load(&["model.taps_dropout_mode=\"shared\""]).unwrap().model.taps_dropout_mode, TapsDropout::Shared);
    }

    #[test]
    fn a_model_to_start_from_takes_the_place_of_any_preset_that_nobody_named() {
        let base = Settings::load("iwslt-240", &["model.dropout=0.05".to_owned()]).unwrap().model;
        let changes = ["model.taps_dropout=0.3".to_owned(), "training.warmup_updates=7".to_owned()];
        let changed = |preset| Settings::changed(preset, Some(&base), None, &changes).unwrap();
        let recipe = Settings::load("iwslt-160", &changes).unwrap();
        let (usual, everyday, named) =
            (changed(Preset::Usual("iwslt-160")), changed(Preset::Everyday), changed(Preset::Named("iwslt-160")));
        assert_eq!(usual.training, recipe.training);
        assert_ne!(everyday.training, recipe.training);
        // Smaller steps than those from random weights.
        let fresh = Settings::changed(Preset::Everyday, None, None, &changes).unwrap();
        assert!(everyday.training.lr < fresh.training.lr);
        let embeddings = [&fresh, &everyday].map(|settings| settings.model.embeddings);
        assert_eq!(embeddings, [Embeddings::SharedDecoder, Embeddings::Separate]);
        let file = "[training]\nlr = 0.25".parse().unwrap();
        let filed = Settings::changed(Preset::Everyday, Some(&base), Some(("x.toml", file)), &changes).unwrap();
        assert_eq!((filed.training.lr, filed.training.warmup_updates), (0.25, 7));
        for settings in [&usual, &everyday] {
            assert_eq!((settings.model.channels, settings.model.dropout), (base.channels, 0.05));
            assert_eq!((settings.model.taps_dropout, settings.training.warmup_updates), (0.3, 7));
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
            ("training.distil=0.5", "training.teacher"),
            ("training.distil_temperature=2", "training.teacher"),
            ("decoding.length_penalty=long", "a number or \"by-valid\""),
            ("training.distil_temperature=1e-38", "from 0.001"),
            ("training.period_updates=5", "training.schedule"),
            ("training.period_growth=2", "training.period_updates"),
            ("training.bpe_dropout=1.5", "training.bpe_dropout = 1.5"),
            ("watch.samples=-1", "in [watch]"),
            ("model.channels=\"wide\"", "channels"),
        ] {
            let error = load(&[change]).unwrap_err();
            assert!(error.contains(part), "{change}: {error}");
        }
        let without = ["model.dropout=0", "model.taps_dropout=0", "training.r_drop=5"];
        assert!(load(&without).unwrap_err().contains("model.dropout"), "{:?}", load(&without));
        let fault = |preset: &str, file: &str, changes: &[&str]| {
            let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
            let tables = toml::from_str(file).unwrap();
            Settings::changed(Preset::Named(preset), None, Some(("mine.toml", tables)), &changes)
                .unwrap_err()
                .to_string()
        };
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own.toml").display().to_string();
        let text = presets::text("iwslt-160").unwrap().replacen("\nlr = 0.0005", "\nlr = -1.0", 1);
        fs::write(&own, text).unwrap();
        // What is wrong, and who said so.
        for (preset, file, changes, origin) in [
            ("iwslt-160", "[training]\nlr = -1", &[][..], "mine.toml: "),
            ("iwslt-160", "[training]\nlrr = 1", &[], "mine.toml: "),
            ("iwslt-160", "[model]\nchannels = 3", &["training.seeds=1"], "--set training.seeds=1: "),
            ("iwslt-160", "[model]\nchannels = 3", &["training.lr=1e-3"], "mine.toml: "),
            ("iwslt-160", "", &["training.lr=1e-3", "decoding.beam=0"], "--set decoding.beam=0: "),
            (&own, "", &["training.warmup_updates=10"], &format!("{own}: ")),
        ] {
            let error = fault(preset, file, changes);
            assert!(error.starts_with(origin), "{error} should be of {origin}");
        }
        // What is mended is not told in place of what is not, whichever came first.
        let changes = ["model.channels=100", "training.lr=-1", "model.attention_channels=20"];
        let error = fault("iwslt-160", "", &changes);
        assert!(error.starts_with("--set training.lr=-1: ") && error.contains("training.lr = -1"), "{error}");
        // What a later change mends is no fault.
        let mended = Settings::load(&own, &["training.lr=1e-3".to_owned()]);
        assert_eq!(mended.unwrap().training.lr, 1e-3);
        assert!(Settings::load("no-such", &[]).unwrap_err().to_string().contains("iwslt-160"));
    }
}
