//! The words of hypotheses, each with the one before it: hypotheses that part share what they have in common.

use crate::hypothesis::Hypothesis;
use std::iter::successors;

/// A word's place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u32);

/// Every word that was taken, in the order of taking.
#[derive(Default)]
pub(crate) struct Words {
    taken: Vec<Taken>,
}

struct Taken {
    before: Option<Word>,
    token: u32,
    log_prob: f32,
}

impl Words {
    /// Forgets all words, and keeps their room.
    pub fn clear(&mut self) {
        self.taken.clear();
    }

    /// Appends a word to what ends with `before`.
    pub fn push(&mut self, before: Option<Word>, token: u32, log_prob: f32) -> Word {
        self.taken.push(Taken { before, token, log_prob });
        Word(self.taken.len() as u32 - 1)
    }

    /// Tokens and log-probabilities from the last word back to the first.
    pub fn back_from(&self, last: Option<Word>) -> impl Iterator<Item = (u32, f32)> {
        let taken = |word: Word| &self.taken[word.0 as usize];
        successors(last.map(taken), move |t| t.before.map(taken)).map(|t| (t.token, t.log_prob))
    }

    /// What ends with this word, `tokens` tokens in all.
    pub fn hypothesis(&self, last: Word, tokens: usize, score: f32) -> Hypothesis {
        let mut found = Hypothesis { tokens: vec![0; tokens], score, log_probs: vec![0.0; tokens] };
        let places = found.tokens.iter_mut().zip(&mut found.log_probs).rev();
        for ((token, log_prob), taken) in places.zip(self.back_from(Some(last))) {
            (*token, *log_prob) = taken;
        }
        found
    }
}
