//! Beam search with a model: many sentences step together, each with its own beam.

use crate::beam::{Beam, EOS};
use crate::{GeneratorConfig, Hypothesis};
use lsra_exec::Eager;
use lsra_kernels::trace;
use lsra_model::forward::begin;
use lsra_model::{Model, Sequences, Tokens, decode, encode, remember};

/// Translates sentences together, on this thread. sources: ids, `</s>` at the end. Returns each one's hypotheses, best first.
///
/// Panics where a source is empty or longer than the model's positions.
pub(crate) fn generate(
    e: &mut Eager<'_>,
    model: &Model,
    sources: &[&[u32]],
    config: &GeneratorConfig,
) -> Vec<Vec<Hypothesis>> {
    if sources.is_empty() {
        return Vec::new();
    }
    let tokens = Tokens::from_sequences(sources);
    let memory = {
        let _span = trace::step("encode", [sources.len(), tokens.ids.len()]);
        let encoded = encode(e, model, &tokens);
        remember(e, model, &encoded, &tokens.sequences)
    };

    let max_positions = model.decoder.embedding.max_positions;
    let beam = |s: &&[u32]| Beam::new(config, config.max_len(s.len(), max_positions));
    let mut beams: Vec<Beam> = sources.iter().map(beam).collect();
    let mut past = begin(e, model, sources.len());
    // Of every row that is decoded: its newest token, and whose hypothesis it is. Rows of a sentence stand together.
    let mut ids = vec![EOS; sources.len()];
    let mut owners: Vec<usize> = (0..sources.len()).collect();
    while !ids.is_empty() {
        let _step = trace::step("token", [ids.len()]);
        let step = Tokens { sequences: Sequences::from_lengths(ids.iter().map(|_| 1)), ids };
        let log_probs = {
            let _span = trace::phase("decode", [owners.len()]);
            let x = decode(e, model, &step, &memory, &owners, Some(&mut past));
            e.log_probs(&x, &model.decoder.output)
        };

        let _span = trace::phase("select", [owners.len()]);
        let (mut next_ids, mut next_owners, mut parents) = (Vec::new(), Vec::new(), Vec::new());
        let mut first = 0;
        for group in owners.chunk_by(|a, b| a == b) {
            for c in beams[group[0]].advance(|i| log_probs.row(first + i)) {
                next_ids.push(c.token);
                next_owners.push(group[0]);
                parents.push(first + c.parent);
            }
            first += group.len();
        }
        // A sentence that is done has no row any more.
        past.history.reorder(&parents);
        (ids, owners) = (next_ids, next_owners);
    }
    beams.into_iter().map(Beam::into_hypotheses).collect()
}
