//! Presets against parameter counts measured on the original implementation.

use lsra_model::presets::{ALL, PresetFile, preset};
use lsra_model::{Model, ModelConfig};

fn params(name: &str) -> (usize, usize) {
    let model = Model::new(&preset(name).unwrap().model).unwrap();
    (model.params.values(), model.params.values_by_paper_rule())
}

#[test]
fn every_preset_makes_a_model() {
    for (name, text) in ALL {
        Model::new(&PresetFile::parse(text).unwrap_or_else(|e| panic!("{name}: {e}")).model).unwrap();
    }
}

#[test]
fn parameters_are_the_originals() {
    assert_eq!(params("iwslt-160"), (5_251_504, 2_774_704));
    assert_eq!(params("iwslt-240"), (9_143_984, 5_428_784));
    assert_eq!(params("iwslt-320"), (13_881_264, 8_927_664));
    assert_eq!(params("wmt-200"), (11_786_800, 2_884_400));
}

#[test]
fn unknown_keys_and_values_out_of_range_are_refused() {
    let config = preset("iwslt-160").unwrap().model;
    let refused = |change: &dyn Fn(&mut ModelConfig)| {
        let mut c = config.clone();
        change(&mut c);
        Model::new(&c).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(&|c| c.attention_heads = 3).contains("attention_heads"));
    assert!(refused(&|c| c.attention_channels = 90).contains("90 + 80 is not 160"));
    assert!(refused(&|c| c.dropout = 1.0).contains("below 1"));
    assert!(refused(&|c| c.encoder_kernels = vec![3]).contains("encoder_kernels"));
    assert!(refused(&|c| c.embeddings = lsra_model::Embeddings::AllShared).contains("target_vocabulary"));
    let text = toml::to_string(&config).unwrap();
    assert!(toml::from_str::<ModelConfig>(&format!("{text}\nwidth = 3\n")).is_err());
}

#[test]
fn parameter_names_are_unique() {
    for (name, _) in ALL {
        let model = Model::new(&preset(name).unwrap().model).unwrap();
        let mut names: Vec<_> = model.params.iter().map(|(_, s)| s.name.clone()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{name}");
    }
}

#[test]
fn dropout_counts_where_there_is_something_to_drop() {
    let config = preset("iwslt-160").unwrap().model;
    let none = ModelConfig { dropout: 0.0, attention_dropout: 0.0, taps_dropout: 0.0, ..config };
    assert!(!none.has_dropout());
    assert!(ModelConfig { dropout: 0.1, ..none.clone() }.has_dropout());
    let taps = ModelConfig { taps_dropout: 0.1, ..none };
    assert!(taps.has_dropout() && !ModelConfig { convolution_channels: 0, ..taps }.has_dropout());
}
