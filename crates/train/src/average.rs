//! The weights that a run ends with.

use crate::checkpoint::{CheckpointError, CheckpointFolder, Entry, read};
use crate::progress::Progress;
use lsra_exec::Weights;
use lsra_model::Params;
use lsra_tensor::Tensor;

/// Which weights a run ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinalWeights {
    /// Those of the validation with the lowest loss, after so many updates.
    Best(u64),
    /// The newest, after so many updates, where none of the others is there.
    Last(u64),
    /// The mean of those after so many updates each.
    MeanOf(Vec<u64>),
}

/// The mean of the last `count` checkpoints at ends of epochs, or the best one where `count` is 1. A run that ended within its first
/// epoch has none but its last. Of each the weights count that were validated there. Values are added up in f64, the oldest checkpoint first. None where no checkpoint has been validated.
///
/// Errors: a checkpoint cannot be read, or is not one of this model.
pub fn final_weights(
    folder: &CheckpointFolder,
    params: &Params,
    progress: &Progress,
    updates_per_epoch: u64,
    count: usize,
) -> Result<Option<(FinalWeights, Weights)>, CheckpointError> {
    // Later ones are what a run left that was taken up before them.
    let of_this_run = |e: &Entry| e.epoch.is_some() && e.updates <= progress.updates;
    let validated: Vec<Entry> = folder.entries()?.into_iter().filter(of_this_run).collect();
    if count == 1 {
        let best = progress.best().map(|b| b.updates);
        let Some(entry) = validated.iter().find(|e| Some(e.updates) == best) else { return Ok(None) };
        return Ok(Some((FinalWeights::Best(entry.updates), read(&entry.path)?.validated_weights(params)?)));
    }
    let mut epochs: Vec<Entry> = validated.iter().filter(|e| e.ends_epoch(updates_per_epoch)).cloned().collect();
    if epochs.is_empty() {
        epochs = validated;
    }
    let last = &epochs[epochs.len().saturating_sub(count)..];
    if last.is_empty() {
        return Ok(None);
    }
    let mut sums: Vec<Vec<f64>> = params.iter().map(|(_, s)| vec![0.0; s.len()]).collect();
    for entry in last {
        let weights = read(&entry.path)?.validated_weights(params)?;
        for (sum, tensor) in sums.iter_mut().zip(weights.iter()) {
            sum.iter_mut().zip(tensor.data()).for_each(|(sum, &w)| *sum += f64::from(w));
        }
    }
    let mean = |sum: &[f64]| sum.iter().map(|&x| (x / last.len() as f64) as f32).collect::<Vec<f32>>();
    let tensors = params.iter().zip(&sums).map(|((_, spec), sum)| {
        let (rows, columns) = spec.matrix();
        Tensor::from_slice(rows, columns, &mean(sum))
    });
    let weights = Weights::from_tensors(params, tensors.collect());
    Ok(Some((FinalWeights::MeanOf(last.iter().map(|e| e.updates).collect()), weights)))
}

/// Of the best checkpoint and the means of the last 2, 3, … `most`, each as [`final_weights`] has it, the first of the least `loss`.
///
/// Errors: as [`final_weights`].
pub fn best_final_weights(
    folder: &CheckpointFolder,
    params: &Params,
    progress: &Progress,
    updates_per_epoch: u64,
    most: usize,
    mut loss: impl FnMut(&FinalWeights, &Weights) -> f64,
) -> Result<Option<(FinalWeights, Weights)>, CheckpointError> {
    let mut best: Option<(f64, (FinalWeights, Weights))> = None;
    let mut before = None;
    for count in 1..=most {
        let Some(found) = final_weights(folder, params, progress, updates_per_epoch, count)? else { continue };
        if before.as_ref() == Some(&found.0) {
            // There are no more.
            break;
        }
        before = Some(found.0.clone());
        let loss = loss(&found.0, &found.1);
        if loss.is_finite() && best.as_ref().is_none_or(|(least, _)| loss < *least) {
            best = Some((loss, found));
        }
    }
    Ok(best.map(|(_, found)| found))
}
