//! Beam search for one sentence, model aside: what fairseq's `SequenceGenerator` does (Ott et al. 2019).
//!
//! At each step the 2 x beam best continuations of all hypotheses are looked at, because up to half of them may end the
//! sentence. Those that end it count where they are among the first `beam`; the best `beam` of the others go on. The
//! search is over when `beam` hypotheses have ended.

use crate::config::GeneratorConfig;
use crate::hypothesis::Hypothesis;
use crate::select::{self, Candidate};

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

/// The search for one sentence's translations.
pub(crate) struct Beam<'a> {
    config: &'a GeneratorConfig,
    max_len: usize,
    active: Vec<Partial>,
    finished: Vec<Hypothesis>,
}

/// A hypothesis that has not ended.
#[derive(Clone, Default)]
struct Partial {
    tokens: Vec<u32>,
    log_probs: Vec<f32>,
    sum: f32,
}

impl<'a> Beam<'a> {
    /// One hypothesis, empty. `max_len`: the most tokens before `</s>`.
    pub fn new(config: &'a GeneratorConfig, max_len: usize) -> Beam<'a> {
        Beam { config, max_len, active: vec![Partial::default()], finished: Vec::new() }
    }

    /// One step. log_probs: for each hypothesis that goes on, in the order they were returned, its words'. Returns the hypotheses that go on, best first; none when the search is over.
    pub fn advance<'r>(&mut self, log_probs: impl Fn(usize) -> &'r [f32]) -> Vec<Continuation> {
        let step = self.active[0].tokens.len();
        let words = log_probs(0).len();
        let beam = self.config.beam.min(words - 1);
        let candidates = if step >= self.max_len {
            self.endings(&log_probs)
        } else {
            let banned: Vec<Vec<u32>> = self.active.iter().map(|h| self.banned(h)).collect();
            let rows = self.active.iter().zip(&banned).enumerate();
            let rows = rows.map(|(i, (h, banned))| (h.sum, log_probs(i), banned.as_slice()));
            select::best(rows, 2 * beam)
        };
        // Bans may leave nothing at all: then what there is ends here.
        let candidates = if candidates.is_empty() { self.endings(&log_probs) } else { candidates };

        let ending = candidates.iter().take(beam).filter(|c| c.token == EOS);
        let ended: Vec<Hypothesis> = ending.map(|c| self.end(c)).collect();
        self.finished.extend(ended.into_iter().take(beam - self.finished.len()));
        let going_on: Vec<Candidate> = if self.finished.len() == beam {
            Vec::new()
        } else {
            candidates.into_iter().filter(|c| c.token != EOS).take(beam).collect()
        };
        self.active = going_on.iter().map(|c| self.active[c.parent].followed_by(c)).collect();
        going_on.iter().map(|c| Continuation { parent: c.parent, token: c.token }).collect()
    }

    /// The finished hypotheses, best first; of equal ones, the one that ended first.
    pub fn into_hypotheses(mut self) -> Vec<Hypothesis> {
        self.finished.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
        self.finished
    }

    /// Every hypothesis ending now, best first.
    fn endings<'r>(&self, log_probs: impl Fn(usize) -> &'r [f32]) -> Vec<Candidate> {
        let ending = |(parent, h): (usize, &Partial)| {
            let log_prob = log_probs(parent)[EOS as usize];
            Candidate { sum: h.sum + log_prob, log_prob, parent, token: EOS }
        };
        let mut endings: Vec<Candidate> = self.active.iter().enumerate().map(ending).collect();
        endings.sort_by(|a, b| b.sum.partial_cmp(&a.sum).unwrap_or(std::cmp::Ordering::Equal));
        endings
    }

    fn end(&self, last: &Candidate) -> Hypothesis {
        let Partial { tokens, log_probs, sum } = self.active[last.parent].followed_by(last);
        let score = sum / (tokens.len() as f32).powf(self.config.length_penalty);
        Hypothesis { tokens, score, log_probs }
    }

    /// What this hypothesis may not be followed by.
    fn banned(&self, h: &Partial) -> Vec<u32> {
        let mut banned = vec![PAD];
        if h.tokens.len() < self.config.min_len {
            banned.push(EOS);
        }
        // Tokens that followed, before, what the last n-1 tokens are. `</s>` has no place in it: it begins and ends.
        if let Some(context) = self.config.no_repeat_ngram.checked_sub(1)
            && let Some(start) = h.tokens.len().checked_sub(context)
        {
            let last = &h.tokens[start..];
            banned.extend(h.tokens.windows(context + 1).filter(|w| w[..context] == *last).map(|w| w[context]));
        }
        banned
    }
}

impl Partial {
    fn followed_by(&self, c: &Candidate) -> Partial {
        let mut longer = self.clone();
        longer.tokens.push(c.token);
        longer.log_probs.push(c.log_prob);
        longer.sum = c.sum;
        longer
    }
}

#[cfg(test)]
mod tests;
