//! Translating sentences: what is set aside, the search, and what is put into its results.

use super::align::Aligned;
use super::keep::{Kept, Request};
use super::numbers::restore_numbers;
use super::options::{Handling, Keep, Part, Unit, Unknown};
use super::stand_ins::{StandIns, put_back};
use crate::text_model::TextModel;
use lsra_infer::{Attention, GeneratorConfig, Hypothesis, Translator, alignment_layer};
use lsra_text::{EOS, UNK};
use std::collections::HashMap;

/// Translates sentences as an option says.
pub(super) struct Sentences<'a> {
    pub(super) model: &'a TextModel,
    pub(super) translator: &'a Translator<'a>,
    pub(super) handling: &'a Handling,
    pub(super) search: GeneratorConfig,
    pub(super) threads: usize,
    /// Translations of each.
    pub(super) n_best: usize,
    pub(super) details: Details,
    pub(super) names: StandIns,
}

/// What is kept of a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Details {
    /// Its text.
    Text,
    /// Its tokens and their log-probabilities too.
    Tokens,
}

/// A sentence and its translations, best first.
pub(super) struct Translated<'t> {
    pub(super) source: &'t str,
    /// The white space after it.
    pub(super) space: &'t str,
    /// What the model got; nothing where it was not asked.
    pub(super) given: String,
    pub(super) texts: Vec<String>,
    /// Where details are wanted, what the search found of each; of what was not asked, no tokens.
    pub(super) found: Vec<Found>,
}

/// What the search found.
pub(super) struct Found {
    pub(super) hypothesis: Hypothesis,
    pub(super) pieces: Vec<String>,
}

impl Found {
    /// Of what was not asked for: no tokens, and as certain as what is given.
    fn nothing() -> Found {
        let hypothesis = Hypothesis { tokens: Vec::new(), score: 0.0, log_probs: Vec::new() };
        Found { hypothesis, pieces: Vec::new() }
    }
}

/// A sentence on its way.
struct Job<'t> {
    request: Request<'t>,
    ids: Vec<u32>,
    hypotheses: Vec<Hypothesis>,
}

impl Sentences<'_> {
    /// Translations of sentences, in order.
    pub(super) fn translate<'t>(&self, units: &[Unit<'t>]) -> Vec<Translated<'t>> {
        let job = |unit: &Unit<'t>| {
            let request = Request::new(unit.text, self.model, self.handling, &self.names);
            Job { request, ids: Vec::new(), hypotheses: Vec::new() }
        };
        let mut jobs: Vec<Job<'t>> = units.iter().map(job).collect();
        self.search(jobs.iter_mut());
        for attempt in 1.. {
            let mut garbled: Vec<&mut Job<'t>> = jobs.iter_mut().filter(|job| self.lost_stand_in(job)).collect();
            if garbled.is_empty() {
                break;
            }
            garbled.iter_mut().for_each(|job| job.request.stand_in(self.model, self.handling, &self.names, attempt));
            self.search(garbled.into_iter());
        }

        let attention = self.attention(&jobs);
        let finished = units.iter().zip(jobs).enumerate();
        finished.map(|(i, (unit, job))| self.finish(unit, job, |n| attention.get(&(i, n)))).collect()
    }

    /// Finds hypotheses of what there is to translate.
    fn search<'j, 't: 'j>(&self, jobs: impl Iterator<Item = &'j mut Job<'t>>) {
        let mut asked: Vec<&mut Job<'t>> = Vec::new();
        for job in jobs {
            job.ids = self.model.encode_source(&job.request.given, self.handling.form);
            // A sentence that just fits may not, once names stand in it: what is beyond is lost, and not the whole run.
            if job.ids.len() > self.model.max_positions() {
                job.ids.truncate(self.model.max_positions() - 1);
                job.ids.push(EOS);
            }
            // More than `</s>`.
            if job.ids.len() > 1 {
                asked.push(job);
            }
        }
        let sources: Vec<Vec<u32>> = asked.iter().map(|job| job.ids.clone()).collect();
        let found = self.translator.translate(&sources, &self.search, self.threads);
        for (job, mut hypotheses) in asked.into_iter().zip(found) {
            hypotheses.truncate(self.n_best);
            job.hypotheses = hypotheses;
        }
    }

    /// Whether a translation has a stand-in not at all, or twice.
    fn lost_stand_in(&self, job: &Job<'_>) -> bool {
        job.request.spans.iter().any(|kept| kept.stand_in.is_some())
            && job.hypotheses.iter().any(|h| with_spans(&self.model.text(h), &job.request.spans).is_none())
    }

    /// What the translations that ask for it looked at, by sentence and hypothesis.
    fn attention(&self, jobs: &[Job<'_>]) -> HashMap<(usize, usize), Attention> {
        let (mut keys, mut sources, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for (i, job) in jobs.iter().enumerate() {
            let unplaced = job.request.has_unplaced();
            for (n, h) in job.hypotheses.iter().enumerate() {
                if unplaced || self.copies() && h.tokens.contains(&UNK) {
                    keys.push((i, n));
                    sources.push(job.ids.clone());
                    targets.push(h.tokens.clone());
                }
            }
        }
        if keys.is_empty() {
            return HashMap::new();
        }
        let layer = alignment_layer(&self.model.model);
        let found = self.translator.attention(layer, &sources, &targets, self.threads);
        keys.into_iter().zip(found).collect()
    }

    fn copies(&self) -> bool {
        self.handling.unknown == Unknown::Copy
    }

    fn finish<'t, 'w>(
        &self,
        unit: &Unit<'t>,
        job: Job<'t>,
        attention: impl Fn(usize) -> Option<&'w Attention>,
    ) -> Translated<'t> {
        let Job { request, hypotheses, .. } = job;
        let text = |(n, h): (usize, &Hypothesis)| self.text(unit, &request, h, attention(n));
        let mut texts: Vec<String> = hypotheses.iter().enumerate().map(text).collect();
        if texts.is_empty() {
            // Nothing that a model could translate is its own translation.
            texts.push(request.ends.concat());
        }
        let found = match self.details {
            Details::Text => Vec::new(),
            Details::Tokens if hypotheses.is_empty() => vec![Found::nothing()],
            Details::Tokens => hypotheses.into_iter().map(|h| self.found(h)).collect(),
        };
        Translated { source: unit.text, space: unit.space, given: request.given, texts, found }
    }

    fn found(&self, hypothesis: Hypothesis) -> Found {
        let pieces = self.model.pieces(&hypothesis.tokens).into_iter().map(str::to_owned).collect();
        Found { hypothesis, pieces }
    }

    fn text(&self, unit: &Unit<'_>, request: &Request<'_>, h: &Hypothesis, attention: Option<&Attention>) -> String {
        let mut text = match attention {
            None => request.capitals.apply(&self.model.text(h)),
            Some(attention) => {
                let aligned = Aligned::new(self.model, &request.given, self.handling.form, h, attention);
                let mut words = aligned.words(self.copies());
                request.capitalise(&mut words);
                if request.has_unplaced() {
                    aligned.with_spans(words, request)
                } else {
                    words.into_iter().map(|w| w.0).collect()
                }
                .join(" ")
            }
        };
        text = with_spans(&text, &request.spans).unwrap_or(text);
        if self.handling.keep == Keep::Spans {
            text = restore_numbers(request.core, text, self.handling.languages);
        }
        if unit.part == Part::GoesOn && !unit.text.ends_with(is_stop) {
            // What looks like a sentence to the model gets a stop that the source does not have.
            text.truncate(text.trim_end_matches(['.', ' ']).len());
        }
        let [before, after] = request.ends.each_ref().map(AsRef::as_ref);
        [before, text.as_str(), after].concat()
    }
}

/// The text with all spans back in their places; none where one has no place of its own.
fn with_spans(text: &str, spans: &[Kept<'_>]) -> Option<String> {
    let mut text = text.to_owned();
    for kept in spans {
        if let Some(name) = kept.stand_in {
            text = put_back(&text, name, kept.text)?;
        }
    }
    Some(text)
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}
