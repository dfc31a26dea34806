//! From a model's file to the first token of a translation.

use super::model::{config, sentences, with_weights};
use crate::{Case, Plan, Unit};
use lsra_exec::ModelFile;
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use std::path::PathBuf;

pub(super) fn plans() -> Vec<Plan> {
    Precision::ALL.map(|p| Plan::new(format!("load/iwslt-160/{p}/first-token"), move |isa| first_token(isa, p))).into()
}

/// The file, deleted at the end.
struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        // A temporary file that stays does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn first_token(isa: Isa, precision: Precision) -> Case {
    let config = config("iwslt-160");
    let (model, weights) = with_weights(&config);
    let path = std::env::temp_dir().join(format!("lsra-bench-{}-{precision}.safetensors", std::process::id()));
    let whole = ModelFile { model, weights, card: Default::default(), blobs: Default::default() };
    whole.save(&path).expect("a temporary file");
    let file = Written(path);
    let source = sentences(1, 30, config.source_vocabulary, 3);
    let search = GeneratorConfig { beam: 1, max_len_a: 0.0, max_len_b: 1, ..GeneratorConfig::default() };
    let written = file;
    let run = move || {
        let file = ModelFile::load(&written.0).expect("the file just written");
        let best = Translator::new(isa, &file.model, &file.weights, precision).translate(&source, &search, 1);
        assert_eq!(best.len(), 1, "translations of one sentence");
    };
    Case::new(Unit::Milliseconds { each_of: 1.0 }, Vec::new(), run)
}
