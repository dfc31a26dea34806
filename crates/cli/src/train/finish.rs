//! The end of a training: final weights, scores, one model file.

use super::decoding::{Decoding, LengthPenalty};
use super::job::{Job, Trained};
use super::translations::{Translations, reference};
use crate::Error;
use crate::tell::tell;
use crate::text_model::{
    DECODING, LONGEST_SOURCE, LOWERCASED, SOURCE_DICTIONARY, SOURCE_LANGUAGE, SOURCE_TOKENIZER, TARGET_DICTIONARY,
    TARGET_LANGUAGE, TARGET_TOKENIZER, TEXT, TOKENIZER,
};
use lsra_exec::{ModelFile, Weights};
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::gemm::Precision;
use lsra_model::Model;
use lsra_text::{Bleu, Corpus, Prepared, TextPair};
use lsra_train::checkpoint::CheckpointError;
use lsra_train::{FinalWeights, Run, Trainer, TrainingConfig, Validation, best_final_weights, final_weights};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The model's file in the run's folder.
pub(super) const MODEL: &str = "model.safetensors";

/// Tokenised BLEU of one part of the corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitScores {
    /// Of greedy search.
    pub greedy: Bleu,
    /// Of beam search as the preset decodes.
    pub beam: Bleu,
}

/// Tokenised BLEU as `multi-bleu` counts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// What was validated on.
    pub valid: SplitScores,
    /// What was held out.
    pub test: SplitScores,
}

/// Averages or picks weights, scores them and writes `model.safetensors`.
///
/// Errors: a checkpoint cannot be read, or a file not be written.
pub(super) fn finish(job: &Job, text: &Prepared, trainer: &Trainer<'_>, run: &mut Run) -> Result<Trained, Error> {
    let model = trainer.model();
    let (chosen, weights) = choose(trainer, run)?;
    tell!("scoring {}", describe(&chosen));
    trainer.rest();
    let translator = Translator::new(job.isa, model, &weights, Precision::F32);
    let positions = model.config.max_positions;
    let scorer = Scorer { translations: Translations { text, translator, positions, threads: job.threads } };
    let decoding = scorer.choose_penalty(&job.settings.decoding);
    let scores = Scores {
        valid: scorer.split("valid", &text.valid, &text.texts.valid, &decoding),
        test: scorer.split("test", &text.test, &text.texts.test, &decoding),
    };
    let line = json!({ "event": "scores", "weights": describe(&chosen), "decoding": decoding, "bleu": scores.json() });
    run.metrics.line(&line)?;

    let file = job.out.join(MODEL);
    let model = model_file(text, model, weights, card(job, text, trainer, &chosen, &decoding, &scores));
    model.save(&file)?;
    tell!("model: {}", file.display());
    Ok(Trained { model, file, scores })
}

/// The weights that the settings ask for, or the last ones where no checkpoint has any.
///
/// Errors: a checkpoint cannot be read.
fn choose(trainer: &Trainer<'_>, run: &Run) -> Result<(FinalWeights, Weights), CheckpointError> {
    let (params, progress, per_epoch) = (&trainer.model().params, trainer.progress(), trainer.updates_per_epoch());
    let TrainingConfig { average_checkpoints: count, average_by_valid, .. } = *trainer.config();
    let found = if average_by_valid {
        best_final_weights(&run.checkpoints, params, progress, per_epoch, count, |weights, values| {
            let loss = trainer.losses_on_valid(values).loss();
            tell!("valid loss {loss:.3}: {}", describe(weights));
            loss
        })?
    } else {
        final_weights(&run.checkpoints, params, progress, per_epoch, count)?
    };
    let last = || (FinalWeights::Last(progress.updates), trainer.validated_weights().to_owned_copy());
    Ok(found.unwrap_or_else(last))
}

struct Scorer<'a> {
    translations: Translations<'a>,
}

impl Scorer<'_> {
    /// How the model is to translate, its length penalty chosen where the settings leave it to valid: the first of those that score best.
    fn choose_penalty(&self, asked: &Decoding) -> Decoding {
        let LengthPenalty::Chosen(_) = asked.length_penalty else { return asked.clone() };
        let with = |p| Decoding { length_penalty: LengthPenalty::Fixed(p), ..asked.clone() };
        if asked.beam == 1 {
            // One hypothesis is the best at any penalty.
            return with(1.0);
        }
        let text = self.translations.text;
        with(LengthPenalty::best(|p| {
            let bleu = self.bleu(&text.valid, &text.texts.valid, &with(p).search(asked.beam)).score();
            tell!("valid, beam {}, length penalty {p}: BLEU {bleu:.2}", asked.beam);
            bleu
        }))
    }

    fn split(&self, name: &str, corpus: &Corpus, lines: &TextPair, decoding: &Decoding) -> SplitScores {
        let score = |beam: usize| {
            let bleu = self.bleu(corpus, lines, &decoding.search(beam));
            let search = if beam == 1 { "greedy".to_owned() } else { format!("beam {beam}") };
            tell!("{name}, {search}: {bleu}");
            bleu
        };
        let greedy = score(1);
        let beam = if decoding.beam == 1 { greedy.clone() } else { score(decoding.beam) };
        SplitScores { greedy, beam }
    }

    fn bleu(&self, corpus: &Corpus, lines: &TextPair, search: &GeneratorConfig) -> Bleu {
        let text = self.translations.text;
        let references: Vec<String> = lines.target.iter().map(|line| reference(text, line)).collect();
        Bleu::of_text(&self.translations.of_all(corpus, search), &references, text.target_spelling())
    }
}

impl Scores {
    fn json(&self) -> Value {
        let split = |s: &SplitScores| json!({ "greedy": rounded(&s.greedy), "beam": rounded(&s.beam) });
        json!({ "valid": split(&self.valid), "test": split(&self.test) })
    }
}

/// To the hundredths that BLEU is told in.
pub(super) fn rounded(bleu: &Bleu) -> f64 {
    (bleu.score() * 100.0).round() / 100.0
}

fn describe(chosen: &FinalWeights) -> String {
    match chosen {
        FinalWeights::Best(updates) => format!("the best checkpoint, after update {updates}"),
        FinalWeights::Last(updates) => format!("the weights after update {updates}: no checkpoint of the best is left"),
        FinalWeights::MeanOf(updates) if updates.len() == 1 => {
            format!("the checkpoint after update {}", updates[0])
        }
        FinalWeights::MeanOf(updates) => {
            let updates: Vec<String> = updates.iter().map(u64::to_string).collect();
            format!("the mean of the checkpoints after updates {}", updates.join(", "))
        }
    }
}

/// Whether a model of this text knows no capital letter.
pub(super) fn is_lowercased(text: &Prepared) -> bool {
    let TextPair { source, target } = &text.texts.train;
    let lowercase = |line: &String| !line.chars().any(char::is_uppercase);
    source.iter().all(lowercase) && target.iter().all(lowercase)
}

/// In tokens; what a model has learnt from before it has not forgotten at once.
fn longest_source(job: &Job, text: &Prepared) -> Option<usize> {
    let here = text.train.source.iter().map(Vec::len).max();
    let before = job.from.as_ref().and_then(|base| base.model.longest_trained());
    here.max(before)
}

/// What the model says of itself.
fn card(
    job: &Job,
    text: &Prepared,
    trainer: &Trainer<'_>,
    chosen: &FinalWeights,
    decoding: &Decoding,
    scores: &Scores,
) -> Map<String, Value> {
    let validation = |v: &Validation| json!({ "epoch": v.epoch, "updates": v.updates, "loss": v.valid.loss(), "nll": v.valid.nll_bits() });
    let progress = trainer.progress();
    // Nothing of where a teacher lay, as of a model that it started from.
    let training = TrainingConfig { teacher: None, ..trainer.config().clone() };
    let card = json!({
        "name": job.name,
        SOURCE_LANGUAGE: job.languages.source,
        TARGET_LANGUAGE: job.languages.target,
        // A model that started from another knows what that one knew.
        LOWERCASED: job.from.as_ref().map_or_else(|| is_lowercased(text), |base| base.model.is_lowercased()),
        LONGEST_SOURCE: longest_source(job, text),
        TEXT: text.form,
        "pieces": text.target_spelling(),
        DECODING: decoding,
        "corpus": job.corpus,
        "weights": describe(chosen),
        "updates": progress.updates,
        "validations": progress.validations.iter().map(validation).collect::<Vec<_>>(),
        "training": lsra_train::as_written(&training),
        "seed": job.seed,
        "isa": job.isa.tier().name(),
        "bleu": scores.json(),
    });
    match card {
        Value::Object(mut card) => {
            if let Some(base) = &job.from {
                card.insert("from".to_owned(), base.on_card(trainer.identity().from));
            }
            if let Some(weights) = trainer.identity().teacher {
                card.insert("teacher".to_owned(), json!({ "weights": format!("{weights:016x}") }));
            }
            card
        }
        _ => unreachable!("an object is written above"),
    }
}

fn model_file(text: &Prepared, model: &Model, weights: Weights, card: Map<String, Value>) -> ModelFile {
    let mut blobs = BTreeMap::from([
        (SOURCE_DICTIONARY.to_owned(), text.source_vocabulary.to_bytes()),
        (TARGET_DICTIONARY.to_owned(), text.target_vocabulary.to_bytes()),
    ]);
    if let (Some(source), Some(target)) = (&text.source_bpe, &text.target_bpe) {
        let (source, target) = (source.to_json(), target.to_json());
        if source == target {
            blobs.insert(TOKENIZER.to_owned(), source);
        } else {
            blobs.insert(SOURCE_TOKENIZER.to_owned(), source);
            blobs.insert(TARGET_TOKENIZER.to_owned(), target);
        }
    }
    ModelFile { model: model.clone(), weights, card, blobs }
}
