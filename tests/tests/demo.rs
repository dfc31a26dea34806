//! The demo from end to end, though cut short: what it learns in its full time stands in `bench-results/`.

use lsra::demo::{DemoArgs, run};
use lsra::text_model::{Form, TextModel};
use lsra::trace::UpdateTraceArgs;
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_text::UNK;
use serde_json::Value;
use std::fs;

#[test]
fn a_demo_leaves_a_model_that_translates() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let settings = vec!["training.max_updates=120".to_owned(), "training.max_tokens=512".to_owned()];
    run(&DemoArgs { out: Some(out.clone()), seed: 1, threads: Some(2), settings, trace: UpdateTraceArgs::default() })
        .unwrap();

    let log = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let losses: Vec<f64> =
        lines.iter().filter(|l| l["event"] == "update").map(|l| l["loss"].as_f64().unwrap()).collect();
    assert_eq!(losses.len(), 120);
    assert!(losses[119] < 0.8 * losses[0], "from {} to {} bits", losses[0], losses[119]);
    assert!(lines.last().unwrap()["bleu"]["test"]["beam"].is_f64());

    let model = TextModel::load(&out.join("model.safetensors")).unwrap();
    let source = model.encode_source("heute ist Montag , der dritte mai .", Form::Words);
    assert!(!source.contains(&UNK), "capitals are lowered, and all pieces are known: {source:?}");
    let translator = Translator::new(Isa::best(), &model.model, &model.weights, Precision::F32);
    let found = translator.translate(&[source], &GeneratorConfig::default(), 1);
    assert!(!model.text(&found[0][0]).is_empty());
}
