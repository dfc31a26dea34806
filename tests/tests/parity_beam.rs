//! Beam search against the original's generator, sentence by sentence: there is no padding here, so each sentence's
//! reference is the original's run on it alone.

use lsra_exec::{Weights, weights_from_safetensors};
use lsra_infer::{GeneratorConfig, Hypothesis, translate_corpus};
use lsra_kernels::Isa;
use lsra_model::Model;
use lsra_tests::golden::{self, Golden};
use lsra_text::{Bleu, Bpe, Vocabulary};
use serde_json::Value;
use std::path::Path;

/// The README's tolerance for scores.
const SCORE: f32 = 1e-4;

fn load(folder: &Path) -> (Model, Weights) {
    let model = golden::model(folder);
    let path = folder.join("model.safetensors");
    let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
    (model, weights)
}

/// A configuration from the original generator's options; fairseq's defaults for those not given.
fn config(settings: &Value) -> GeneratorConfig {
    let number = |key: &str| settings[key].as_f64();
    let normalized = settings["normalize_scores"].as_bool().unwrap_or(true);
    GeneratorConfig {
        beam: number("beam_size").unwrap() as usize,
        length_penalty: if normalized { number("len_penalty").unwrap_or(1.0) as f32 } else { 0.0 },
        max_len_a: number("max_len_a").unwrap(),
        max_len_b: number("max_len_b").unwrap() as usize,
        min_len: number("min_len").unwrap_or(1.0) as usize,
        no_repeat_ngram: number("no_repeat_ngram_size").unwrap_or(0.0) as usize,
    }
}

/// `order`: whether neighbouring scores are far enough apart for their order to be compared.
fn assert_same(found: &[Hypothesis], expected: &Value, order: Order, what: &str) {
    let expected: Vec<Hypothesis> = expected.as_array().unwrap().iter().map(hypothesis).collect();
    assert_eq!(found.len(), expected.len(), "{what}: hypotheses");
    for (i, e) in expected.iter().enumerate() {
        let f = match order {
            Order::Compared => &found[i],
            Order::Free => found
                .iter()
                .find(|f| f.tokens == e.tokens)
                .unwrap_or_else(|| panic!("{what}: no hypothesis {:?}", e.tokens)),
        };
        assert_eq!(f.tokens, e.tokens, "{what}: hypothesis {i}");
        golden::assert_close(&[f.score], &[e.score], SCORE, &format!("{what}: score {i}"));
        golden::assert_close(&f.log_probs, &e.log_probs, SCORE, &format!("{what}: log-probabilities {i}"));
    }
}

#[derive(Clone, Copy)]
enum Order {
    Compared,
    Free,
}

fn hypothesis(v: &Value) -> Hypothesis {
    Hypothesis {
        tokens: v["tokens"].as_array().unwrap().iter().map(|t| t.as_u64().unwrap() as u32).collect(),
        score: v["score"].as_f64().unwrap() as f32,
        log_probs: v["positional_scores"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap() as f32).collect(),
    }
}

/// Every setting on these sentences, each alone, on every tier of this CPU.
fn compare(name: &str, sources: &[Vec<u32>], settings: &Value, expected: impl Fn(&str, usize) -> Value) {
    let Some(folder) = golden::folder(name) else { return };
    let (model, weights) = load(&folder);
    for isa in Isa::available() {
        for (setting, values) in settings.as_object().unwrap() {
            let found = translate_corpus(isa, &model, &weights, sources, &config(values), 1);
            let order = if setting == "beam4_cnndm_like" { Order::Free } else { Order::Compared };
            for (i, hypotheses) in found.iter().enumerate() {
                let what = format!("{name}, {isa:?}, {setting}, sentence {i}");
                assert_same(hypotheses, &expected(setting, i), order, &what);
            }
        }
    }
}

#[test]
fn a_batch_without_padding() {
    let name = "mt_light_embed160";
    let Some(folder) = golden::folder(name) else { return };
    let batch = Golden::open(&folder.join("batch0.safetensors"));
    let width = batch.shape("src_tokens")[1];
    let sources: Vec<Vec<u32>> = batch.ids("src_tokens").chunks(width).map(<[u32]>::to_vec).collect();
    let beam = golden::json(&folder.join("beam.json"));
    compare(name, &sources, &beam["settings"], |setting, i| {
        beam["outputs"]["batch0"][setting]["hypotheses"][i].clone()
    });
}

#[test]
fn sentences_alone() {
    let name = "mt_light_embed160";
    let Some(folder) = golden::folder(name) else { return };
    let alone = Golden::open(&folder.join("alone.safetensors"));
    let beam = &golden::json(&folder.join("alone.json"))["beam"];
    let names = (0..).map(|i| format!("{i}/src_tokens")).take_while(|name| alone.has(name));
    let sources: Vec<Vec<u32>> = names.map(|name| alone.ids(&name)).collect();
    assert!(!sources.is_empty());
    compare(name, &sources, &beam["settings"], |setting, i| beam["outputs"][setting][i]["hypotheses"].clone());
}

/// What the original's generation script printed for one sentence.
#[derive(Default)]
struct Printed {
    reference: String,
    /// Score and words.
    hypotheses: Vec<(f32, String)>,
    /// Of each hypothesis, to four decimals.
    log_probs: Vec<Vec<f32>>,
}

/// The sentences of a script's output, by number, and its last line.
fn printed(path: &Path, sentences: usize) -> (Vec<Printed>, String) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut all: Vec<Printed> = (0..sentences).map(|_| Printed::default()).collect();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let Some((kind, number)) = fields[0].split_once('-') else { continue };
        let Some(sentence) = number.parse::<usize>().ok().map(|i| &mut all[i]) else { continue };
        match kind {
            "T" => sentence.reference = fields[1].to_owned(),
            "H" => sentence.hypotheses.push((fields[1].parse().unwrap(), fields[2].to_owned())),
            "P" => sentence.log_probs.push(fields[1].split(' ').map(|p| p.parse().unwrap()).collect()),
            _ => {}
        }
    }
    (all, text.lines().last().unwrap().to_owned())
}

/// A trained model's translations of its test set, at batch size 1, as the original printed them. Returns our best ones,
/// the references and the original's last line.
fn compare_printed(file: &str, config: &GeneratorConfig, n_best: usize) -> Option<(Vec<String>, Vec<String>, String)> {
    let folder = golden::folder("pt_light")?;
    let expected = folder.join("expected");
    let mut options = golden::json(&expected.join("args.json"));
    options["src_vocab"] =
        Golden::open(&expected.join("model.safetensors")).shape("encoder.embed_tokens.weight")[0].into();
    options["tgt_vocab"] =
        Golden::open(&expected.join("model.safetensors")).shape("decoder.embed_tokens.weight")[0].into();
    let model = Model::new(&golden::config(&options)).unwrap();
    let path = expected.join("model.safetensors");
    let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
    let english = Vocabulary::from_file(&folder.join("data-bin/dict.en.txt")).unwrap();
    let lines = golden::json(&expected.join("encoded_test.json"));
    let sources: Vec<Vec<u32>> = lines["lines"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["lang"] == "de")
        .map(|l| l["ids"].as_array().unwrap().iter().map(|t| t.as_u64().unwrap() as u32).collect())
        .collect();

    let (expected, last) = printed(&expected.join(file), sources.len());
    let found = translate_corpus(Isa::best(), &model, &weights, &sources, config, 2);
    let words = |h: &Hypothesis| Bpe::join(&english.decode(&h.tokens));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(expected.hypotheses.len(), n_best, "sentence {i} as printed");
        for (n, (score, text)) in expected.hypotheses.iter().enumerate() {
            let what = format!("{file}, sentence {i}, hypothesis {n}");
            assert_eq!(&words(&found[n]), text, "{what}");
            golden::assert_close(&[found[n].score], &[*score], SCORE, &what);
            // Half a unit of the last printed decimal beyond the tolerance.
            golden::assert_close(&found[n].log_probs, &expected.log_probs[n], SCORE + 0.5e-4, &what);
        }
    }
    let best = found.iter().map(|h| words(&h[0])).collect();
    Some((best, expected.into_iter().map(|p| p.reference).collect(), last))
}

#[test]
fn a_trained_model_translates_its_test_set() {
    let config = GeneratorConfig { beam: 4, ..GeneratorConfig::default() };
    let Some((found, references, last)) = compare_printed("alone_generate_beam4.txt", &config, 1) else { return };
    // The script's own BLEU: the same counts, spelled a little differently.
    let bleu = Bleu::of(&found, &references).to_string();
    assert!(last.ends_with(&bleu), "{last:?} does not end with {bleu:?}");
}

#[test]
fn n_best_with_every_option() {
    let config = GeneratorConfig {
        beam: 5,
        max_len_a: 1.2,
        max_len_b: 2,
        min_len: 3,
        no_repeat_ngram: 2,
        ..GeneratorConfig::default()
    };
    compare_printed("alone_generate_beam5_nbest3_a1.2_b2_norepeat2_minlen3_sacrebleu.txt", &config, 3);
}
