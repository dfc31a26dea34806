//! Beam search with a model: many sentences step together, each with its own beam.

use crate::beam::{Beam, EOS, Shared};
use crate::{GeneratorConfig, Hypothesis};
use lsra_exec::{Eager, EagerKeys, EagerState};
use lsra_kernels::trace;
use lsra_model::forward::begin;
use lsra_model::{DecoderPast, Memory, Model, Tokens, decode, encode, remember};
use std::mem::swap;

/// What searching takes, kept from one batch to the next: after a batch of as many sentences and tokens, no step asks for memory.
#[derive(Default)]
pub(crate) struct Generator {
    past: Option<DecoderPast<EagerState>>,
    beams: Vec<Beam>,
    shared: Shared,
    rows: Rows,
    /// Room for those of the next step.
    next: Rows,
    parents: Vec<usize>,
}

/// What is decoded in a step. Rows of a sentence stand together.
#[derive(Default)]
struct Rows {
    /// Of each row, its newest token.
    step: Tokens,
    /// And whose hypothesis it is.
    owners: Vec<usize>,
}

impl Rows {
    fn clear(&mut self) {
        self.step.ids.clear();
        self.owners.clear();
    }

    fn push(&mut self, token: u32, owner: usize) {
        self.step.ids.push(token);
        self.owners.push(owner);
    }
}

impl Generator {
    /// Translates sentences together, on this thread. sources: ids, `</s>` at the end. Returns each one's hypotheses, best first.
    ///
    /// Panics where a source is empty or longer than the model's positions.
    pub fn generate(
        &mut self,
        e: &mut Eager<'_>,
        model: &Model,
        sources: &[&[u32]],
        config: &GeneratorConfig,
    ) -> Vec<Vec<Hypothesis>> {
        if sources.is_empty() {
            return Vec::new();
        }
        let tokens = Tokens::from_sequences(sources);
        e.reserve(tokens.ids.len().max(sources.len() * config.beam));
        e.expect_steps(Some(config.beam));
        let memory = {
            let _span = trace::step("encode", [sources.len(), tokens.ids.len()]);
            let encoded = encode(e, model, &tokens);
            remember(e, model, &encoded, &tokens.sequences)
        };

        self.restart(e, model, sources, config);
        while !self.rows.owners.is_empty() {
            self.step(e, model, &memory, config);
        }
        e.expect_steps(None);
        self.beams[..sources.len()].iter_mut().map(|beam| beam.hypotheses(&self.shared.words)).collect()
    }

    fn restart(&mut self, e: &mut Eager<'_>, model: &Model, sources: &[&[u32]], config: &GeneratorConfig) {
        let past = self.past.get_or_insert_with(|| begin(e, model, 0));
        past.history.restart(sources.len());
        past.layers.iter_mut().flatten().for_each(EagerState::clear);

        self.shared.words.clear();
        self.beams.resize_with(sources.len().max(self.beams.len()), Beam::default);
        self.rows.clear();
        let max_positions = model.decoder.embedding.max_positions;
        for (owner, (source, beam)) in sources.iter().zip(&mut self.beams).enumerate() {
            beam.restart(config, config.max_len(source.len(), max_positions));
            self.rows.push(EOS, owner);
        }
    }

    fn step(&mut self, e: &mut Eager<'_>, model: &Model, memory: &Memory<EagerKeys>, config: &GeneratorConfig) {
        let Rows { step, owners } = &mut self.rows;
        let _step = trace::step("token", [owners.len()]);
        step.sequences.refill(owners.iter().map(|_| 1));
        let past = self.past.as_mut().expect("a search has begun");
        let log_probs = {
            let _span = trace::phase("decode", [owners.len()]);
            let x = decode(e, model, step, memory, owners, Some(past));
            e.log_probs(&x, &model.decoder.output)
        };

        let _span = trace::phase("select", [owners.len()]);
        self.next.clear();
        self.parents.clear();
        let mut first = 0;
        for group in owners.chunk_by(|a, b| a == b) {
            let owner = group[0];
            for c in self.beams[owner].advance(config, &mut self.shared, |i| log_probs.row(first + i)) {
                self.next.push(c.token, owner);
                self.parents.push(first + c.parent);
            }
            first += group.len();
        }
        // A sentence that is done has no row any more.
        past.history.reorder(&self.parents);
        swap(&mut self.rows, &mut self.next);
    }
}
