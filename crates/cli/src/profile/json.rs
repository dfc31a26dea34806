//! A profile as JSON: a list of objects, one a preset.

use super::{Budget, Profile};
use lsra_exec::macs::Part;
use serde::Serialize;

#[derive(Serialize)]
struct Preset<'a> {
    preset: &'a str,
    params_paper_rule: u64,
    params_total: u64,
    macs_paper_rule: u64,
    macs_total: u64,
    src_len: usize,
    tgt_len: usize,
    within_500m: bool,
    within_100m: bool,
    layers: Vec<Layer<'a>>,
}

/// Truly counted: the layers of a preset sum to `params_total` and `macs_total`.
#[derive(Serialize)]
struct Layer<'a> {
    path: &'a str,
    kind: &'static str,
    params: usize,
    macs: u64,
}

impl<'a> From<&'a Part> for Layer<'a> {
    fn from(part: &'a Part) -> Layer<'a> {
        Layer { path: &part.path, kind: part.kind.name(), params: part.params, macs: part.macs }
    }
}

/// The list, indented, with a line end.
pub fn render(profiles: &[Profile]) -> String {
    let list: Vec<Preset> = profiles
        .iter()
        .map(|p| Preset {
            preset: &p.preset,
            params_paper_rule: p.params_paper_rule,
            params_total: p.params_total,
            macs_paper_rule: p.macs_paper_rule,
            macs_total: p.macs_total,
            src_len: p.source_len,
            tgt_len: p.target_len,
            within_500m: Budget::MOBILE.holds(p),
            within_100m: Budget::TINY.holds(p),
            layers: p.parts.iter().map(Layer::from).collect(),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&list).expect("numbers and text make JSON");
    text.push('\n');
    text
}
