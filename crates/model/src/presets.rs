//! The paper's models, as TOML that a user can copy and change.

use crate::config::{ConfigError, ModelConfig};
use serde::Deserialize;

/// A preset file: a model and how to train and decode with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetFile {
    /// One line on what it is.
    pub about: String,
    /// What the paper says of it, where it does.
    pub paper: Option<PaperFigures>,
    /// Its dimensions.
    pub model: ModelConfig,
    /// How to train it; the trainer reads it.
    #[serde(default)]
    pub training: toml::Table,
    /// How to decode with it; the decoder reads it.
    #[serde(default)]
    pub decoding: toml::Table,
    /// What training shows of itself; whoever shows it reads it.
    #[serde(default)]
    pub watch: toml::Table,
}

/// The paper's own figures.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperFigures {
    /// Parameters by the paper's rule.
    pub params: Option<f64>,
    /// Multiply-adds by the paper's rule, at 30 source and 30 target tokens unless `source_len` and `target_len` say otherwise.
    pub macs: Option<f64>,
    /// Source tokens that `macs` is for.
    pub source_len: Option<usize>,
    /// Target tokens that `macs` is for.
    pub target_len: Option<usize>,
}

impl PresetFile {
    /// Errors: not TOML, an unknown key, a wrong type, or a value out of range.
    pub fn parse(text: &str) -> Result<PresetFile, ConfigError> {
        let file: PresetFile = toml::from_str(text)?;
        file.model.validate()?;
        Ok(file)
    }
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../presets/", $name, ".toml")))),*]
    };
}

/// Every preset: its name and its TOML.
pub const ALL: &[(&str, &str)] = presets![
    "iwslt-160",
    "iwslt-240",
    "iwslt-320",
    "wmt-200",
    "wmt-408",
    "wmt-496",
    "cnndm-496",
    "transformer-128-ffn2",
    "transformer-192-ffn2",
    "transformer-240-ffn2",
    "transformer-128",
    "transformer-256",
    "transformer-320",
    "transformer-base",
];

/// The TOML of a preset.
///
/// Errors: no preset has that name.
pub fn text(name: &str) -> Result<&'static str, ConfigError> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text).ok_or_else(|| ConfigError::UnknownPreset {
        name: name.to_owned(),
        known: ALL.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", "),
    })
}

/// A preset, parsed.
///
/// Errors: no preset has that name.
pub fn preset(name: &str) -> Result<PresetFile, ConfigError> {
    PresetFile::parse(text(name)?)
}
