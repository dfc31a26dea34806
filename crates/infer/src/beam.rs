//! Beam search for one sentence, model aside: what fairseq's `SequenceGenerator` does (Ott et al. 2019).
//!
//! At each step the 2 x beam best continuations of all hypotheses are looked at, because up to half of them may end the
//! sentence. Those that end it count where they are among the first `beam`; the best `beam` of the others go on. The
//! search is over when `beam` hypotheses have ended.

use crate::config::GeneratorConfig;
use crate::hypothesis::Hypothesis;
use crate::select::{Candidate, Top};
use crate::words::{Word, Words};
use std::mem::swap;

/// Never taken: batches are ragged, so nothing is ever padded.
const PAD: u32 = 1;
/// Begins and ends a sentence.
pub(crate) const EOS: u32 = 2;

/// A hypothesis that goes on: which one it continues, by place, and with which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Continuation {
    pub parent: usize,
    pub token: u32,
}

/// The search for one sentence's translations. It keeps its room from one sentence to the next.
#[derive(Default)]
pub(crate) struct Beam {
    max_len: usize,
    step: usize,
    active: Vec<Partial>,
    finished: Vec<Finished>,
    going_on: Vec<Continuation>,
    /// Room for the hypotheses of the next step.
    next: Vec<Partial>,
}

/// A hypothesis that has not ended.
#[derive(Clone, Copy, Default)]
struct Partial {
    /// None before the first.
    last: Option<Word>,
    sum: f32,
}

/// One that has.
struct Finished {
    last: Word,
    tokens: usize,
    score: f32,
}

/// What the beams of all sentences use in turn: every word that any of their hypotheses took, and room.
#[derive(Default)]
pub(crate) struct Shared {
    pub words: Words,
    top: Top,
    banned: Vec<u32>,
    tokens: Vec<u32>,
}

impl Beam {
    /// One hypothesis, empty. `max_len`: the most tokens before `</s>`.
    pub fn restart(&mut self, config: &GeneratorConfig, max_len: usize) {
        (self.max_len, self.step) = (max_len, 0);
        let Beam { active, next, finished, going_on, .. } = self;
        active.clear();
        next.clear();
        finished.clear();
        going_on.clear();
        // As many as there may be, once and for all.
        active.reserve(config.beam);
        next.reserve(config.beam);
        finished.reserve(config.beam);
        going_on.reserve(config.beam);
        active.push(Partial::default());
    }

    /// One step. log_probs: for each hypothesis that goes on, in the order they were returned, its words'. Returns the
    /// hypotheses that go on, best first; none when the search is over.
    pub fn advance<'r>(
        &mut self,
        config: &GeneratorConfig,
        shared: &mut Shared,
        log_probs: impl Fn(usize) -> &'r [f32],
    ) -> &[Continuation] {
        let beam = config.beam.min(log_probs(0).len() - 1);
        if self.step < self.max_len {
            shared.top.restart(2 * beam);
            for (parent, h) in self.active.iter().enumerate() {
                self.ban(config, shared, h);
                shared.top.scan(parent, h.sum, log_probs(parent), &shared.banned);
            }
        }
        // Bans may leave nothing at all: then what there is ends here.
        if self.step >= self.max_len || shared.top.candidates().is_empty() {
            self.end_all(shared, &log_probs);
        }
        self.step += 1;

        let Shared { words, top, .. } = shared;
        let candidates = top.candidates();
        let missing = beam - self.finished.len();
        for c in candidates.iter().take(beam).filter(|c| c.token == EOS).take(missing) {
            let last = words.push(self.active[c.parent].last, c.token, c.log_prob);
            let score = c.sum / (self.step as f32).powf(config.length_penalty);
            self.finished.push(Finished { last, tokens: self.step, score });
        }
        self.next.clear();
        self.going_on.clear();
        if self.finished.len() < beam {
            for c in candidates.iter().filter(|c| c.token != EOS).take(beam) {
                let last = words.push(self.active[c.parent].last, c.token, c.log_prob);
                self.next.push(Partial { last: Some(last), sum: c.sum });
                self.going_on.push(Continuation { parent: c.parent, token: c.token });
            }
        }
        swap(&mut self.active, &mut self.next);
        &self.going_on
    }

    /// The finished hypotheses, best first; of equal ones, the one that ended first.
    pub fn hypotheses(&mut self, words: &Words) -> Vec<Hypothesis> {
        self.finished.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
        self.finished.iter().map(|f| words.hypothesis(f.last, f.tokens, f.score)).collect()
    }

    /// Every hypothesis ending now, best first.
    fn end_all<'r>(&self, shared: &mut Shared, log_probs: impl Fn(usize) -> &'r [f32]) {
        shared.top.restart(self.active.len());
        for (parent, h) in self.active.iter().enumerate() {
            let log_prob = log_probs(parent)[EOS as usize];
            shared.top.insert(Candidate { sum: h.sum + log_prob, log_prob, parent, token: EOS });
        }
    }

    /// Lists what this hypothesis may not be followed by.
    fn ban(&self, config: &GeneratorConfig, shared: &mut Shared, h: &Partial) {
        let Shared { words, banned, tokens, .. } = shared;
        banned.clear();
        banned.push(PAD);
        if self.step < config.min_len {
            banned.push(EOS);
        }
        // Tokens that followed, before, what the last n-1 tokens are. `</s>` has no place in it: it begins and ends.
        if let Some(context) = config.no_repeat_ngram.checked_sub(1)
            && self.step >= context
        {
            tokens.clear();
            tokens.extend(words.back_from(h.last).map(|(token, _)| token));
            // From the last to the first: what follows an n-gram's first n-1 tokens stands before them.
            let last = &tokens[..context];
            banned.extend(tokens.windows(context + 1).filter(|w| w[1..] == *last).map(|w| w[0]));
        }
    }
}

#[cfg(test)]
mod tests;
