//! How probable given translations are.

use crate::beam::EOS;
use lsra_exec::Eager;
use lsra_kernels::trace;
use lsra_model::{Model, Tokens, decode, encode, remember};

/// Rows whose log-probabilities exist at a time: 64 x 8,000 words are 2 MB, and enough rows for a fast product.
const TILE: usize = 64;

/// The log-probability of each token of each target given its source, in nats; of all pairs together, on this thread.
/// Both sides are ids, `</s>` at the end. The same bits as the search finds for the same tokens.
///
/// Panics where a side is empty or longer than the model's positions.
pub(crate) fn log_probs(e: &mut Eager<'_>, model: &Model, pairs: &[(&[u32], &[u32])]) -> Vec<Vec<f32>> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let _step = trace::step("score", [pairs.len()]);
    let sources: Vec<&[u32]> = pairs.iter().map(|p| p.0).collect();
    let targets: Vec<&[u32]> = pairs.iter().map(|p| p.1).collect();
    let inputs: Vec<Vec<u32>> = targets.iter().map(|t| [&[EOS], &t[..t.len() - 1]].concat()).collect();

    let source = Tokens::from_sequences(&sources);
    let encoded = encode(e, model, &source);
    let memory = remember(e, model, &encoded, &source.sequences);
    let owners: Vec<usize> = (0..pairs.len()).collect();
    let x = decode(e, model, &Tokens::from_sequences(&inputs), &memory, &owners, None);

    let wanted = targets.concat();
    let mut found = Vec::with_capacity(wanted.len());
    for (i, tokens) in wanted.chunks(TILE).enumerate() {
        let rows = x.row_range(i * TILE..i * TILE + tokens.len());
        let tile = e.log_probs(&rows, &model.decoder.output);
        found.extend(tokens.iter().enumerate().map(|(r, &token)| tile.row(r)[token as usize]));
    }
    let mut found = found.into_iter();
    targets.iter().map(|t| found.by_ref().take(t.len()).collect()).collect()
}
