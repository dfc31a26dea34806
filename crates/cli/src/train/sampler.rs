//! What a model says while it learns: BLEU on some of valid, and translations of a few sentences, the same every time.

use super::decoding::Decoding;
use super::finish::rounded;
use super::translations::{Translations, reference, source};
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::gemm::Precision;
use lsra_text::{Bleu, Prepared};
use lsra_train::{Trainer, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;

/// The most sentences that BLEU is counted on unless a user says: enough to see a curve rise, and half a second on two cores.
const SENTENCES: usize = 500;

/// Pairs of train for each of those. Of 5,000 pairs of IWSLT'14, on one core, an epoch took 14 s and the BLEU of 250 sentences from 0.2 s to 0.5 s, the longer
/// the less the model had learnt: a thirtieth at most.
const TRAIN_PAIRS: usize = 20;

/// Source tokens, `</s>` counted, of sentences that are good to show.
const SHOWN_TOKENS: std::ops::RangeInclusive<usize> = 6..=40;

/// Letters of a text that are recorded.
const LETTERS: usize = 1000;

/// The `[watch]` table: what is shown of a model while it learns. Nothing that is learnt depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Sentences of valid whose BLEU, by greedy search, is counted after each epoch; 0 counts none. Unless given, 500, or a twentieth of
    /// the training pairs where that is less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentences: Option<usize>,
    /// Sentences of valid whose translations are recorded each time.
    pub samples: usize,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { sentences: None, samples: 4 }
    }
}

/// The sentences, chosen once.
pub(super) struct Sampler<'a> {
    text: &'a Prepared,
    search: GeneratorConfig,
    threads: usize,
    /// Numbers of sentences of valid, all that are translated, in order.
    chosen: Vec<usize>,
    /// How many of them BLEU is counted on: all or none.
    scored: bool,
    /// Places in `chosen` of those that are recorded.
    shown: Vec<usize>,
}

impl<'a> Sampler<'a> {
    /// Sentences that a model of so many positions can read, spread evenly over valid.
    pub(super) fn new(
        text: &'a Prepared,
        watch: &Watch,
        decoding: &Decoding,
        positions: usize,
        threads: usize,
    ) -> Sampler<'a> {
        let length = |i: &usize| text.valid.source[*i].len();
        let fits: Vec<usize> = (0..text.valid.len()).filter(|i| length(i) <= positions).collect();
        let most = watch.sentences.unwrap_or_else(|| SENTENCES.min(text.train.len() / TRAIN_PAIRS).max(watch.samples));
        let scored = spread(&fits, most);
        let pool = if scored.is_empty() { &fits } else { &scored };
        let good: Vec<usize> = pool.iter().copied().filter(|i| SHOWN_TOKENS.contains(&length(i))).collect();
        let shown = spread(if good.len() < watch.samples { pool } else { &good }, watch.samples);
        let chosen = if scored.is_empty() { shown.clone() } else { scored.clone() };
        Sampler {
            text,
            // A model that has learnt little never ends a sentence by itself.
            search: GeneratorConfig { max_len_a: 2.0, max_len_b: decoding.max_length.min(10), ..decoding.search(1) },
            threads,
            shown: shown.iter().filter_map(|i| chosen.binary_search(i).ok()).collect(),
            scored: !scored.is_empty(),
            chosen,
        }
    }

    /// A line for the log about the weights that were just validated; none where nothing was asked for.
    pub(super) fn sample(&self, trainer: &Trainer<'_>, validation: &Validation) -> Option<Value> {
        if self.chosen.is_empty() {
            return None;
        }
        let start = Instant::now();
        let (model, lines) = (trainer.model(), &self.text.texts.valid);
        let translator = Translator::new(trainer.isa(), model, trainer.validated_weights(), Precision::F32);
        let translations =
            Translations { text: self.text, translator, positions: model.config.max_positions, threads: self.threads };
        let sources: Vec<&Vec<u32>> = self.chosen.iter().map(|&i| &self.text.valid.source[i]).collect();
        let outputs = translations.of(&sources, &self.search);
        let references: Vec<String> = self.chosen.iter().map(|&i| reference(self.text, &lines.target[i])).collect();
        let shown = self.shown.iter().map(|&place| {
            json!({
                "source": cut(&source(self.text, &lines.source[self.chosen[place]])),
                "reference": cut(&references[place]),
                "translation": cut(&outputs[place]),
            })
        });
        let mut line = json!({
            "event": "sample",
            "updates": validation.updates,
            "epoch": validation.epoch,
            "translations": shown.collect::<Vec<Value>>(),
        });
        if self.scored {
            let bleu = Bleu::of_text(&outputs, &references, self.text.target_spelling());
            line["bleu"] = json!(rounded(&bleu));
            line["sentences"] = json!(outputs.len());
        }
        line["seconds"] = json!(start.elapsed().as_secs_f64());
        Some(line)
    }
}

/// At most `most` of these, evenly, in order.
fn spread(from: &[usize], most: usize) -> Vec<usize> {
    let count = from.len().min(most);
    (0..count).map(|i| from[i * from.len() / count]).collect()
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(LETTERS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsra_text::demo::{DemoSizes, generate};

    fn sampler(text: &Prepared, sentences: Option<usize>, samples: usize) -> Sampler<'_> {
        Sampler::new(text, &Watch { sentences, samples }, &Decoding::default(), 64, 1)
    }

    #[test]
    fn sentences_are_few_the_same_and_spread_over_valid() {
        let sizes = DemoSizes { train: 600, valid: 100, test: 1 };
        let text = Prepared::from_texts(generate(sizes, 1), None, None, None);
        let usual = sampler(&text, None, 4);
        assert_eq!((usual.chosen.len(), usual.scored, usual.shown.len()), (30, true, 4));
        assert!(usual.chosen.is_sorted_by(|a, b| a < b) && usual.chosen[29] >= 90, "{:?}", usual.chosen);
        assert_eq!((usual.chosen.clone(), usual.shown.clone()), {
            let again = sampler(&text, None, 4);
            (again.chosen, again.shown)
        });
        assert!(usual.shown.iter().all(|&p| SHOWN_TOKENS.contains(&text.valid.source[usual.chosen[p]].len())));
        assert_eq!(sampler(&text, Some(1000), 4).chosen.len(), 100, "no more than there are");
        let shown = sampler(&text, Some(0), 3);
        assert_eq!((shown.chosen.len(), shown.scored, shown.shown), (3, false, vec![0, 1, 2]));
        let scored = sampler(&text, Some(7), 0);
        assert_eq!((scored.chosen.len(), scored.shown.len()), (7, 0));
        assert!(sampler(&text, Some(0), 0).chosen.is_empty());
        let short = Sampler::new(&text, &Watch::default(), &Decoding::default(), 5, 1);
        assert!(short.chosen.iter().all(|&i| text.valid.source[i].len() <= 5), "others cannot be read");
    }
}
