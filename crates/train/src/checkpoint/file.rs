//! Writing and reading one checkpoint.

use super::{CheckpointError, Identity};
use crate::optimizer::Moments;
use crate::progress::Progress;
use lsra_exec::{Weights, atomic, tensors};
use lsra_model::{ParamSpec, Params};
use lsra_tensor::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const FORMAT_KEY: &str = "lsra.format";
const FORMAT: &str = "checkpoint 1";
const STATE_KEY: &str = "lsra.state";
const WEIGHTS: &str = "weights";
const EMA: &str = "ema";

/// What a checkpoint holds beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Which run it is of.
    pub identity: Identity,
    /// Where that was.
    pub progress: Progress,
}

/// Writes a checkpoint whole, or leaves what is there.
///
/// Errors: the file cannot be written.
pub fn write(
    path: &Path,
    saved: &Saved,
    params: &Params,
    weights: &Weights,
    ema: Option<&Weights>,
    moments: &[Moments],
) -> Result<(), CheckpointError> {
    let state = serde_json::to_string(saved).expect("numbers and names make JSON");
    let metadata = [(FORMAT_KEY, FORMAT.to_owned()), (STATE_KEY, state)];
    let mut all = Vec::new();
    for (kind, weights) in [(WEIGHTS, Some(weights)), (EMA, ema)] {
        for ((_, spec), tensor) in params.iter().zip(weights.iter().flat_map(|w| w.iter())) {
            all.push((format!("{kind}.{}", spec.name), view(spec, tensor.data())));
        }
    }
    for m in moments {
        for ((_, spec), values) in params.iter().zip(&m.values) {
            all.push((format!("{}.{}", m.name, spec.name), view(spec, values)));
        }
    }
    // As they lie: a copy of all would be three times the model.
    atomic::replace(path, |f| tensors::write(f, &metadata, &all))
        .map_err(|cause| CheckpointError::Unwritable { path: path.display().to_string(), cause })
}

fn view<'a>(spec: &ParamSpec, values: &'a [f32]) -> TensorView<'a> {
    let bytes = bytemuck::cast_slice(values);
    TensorView::new(Dtype::F32, spec.shape.clone(), bytes).expect("a parameter has as many values as its shape")
}

/// A checkpoint that has been read.
pub struct CheckpointFile {
    path: PathBuf,
    bytes: Vec<u8>,
    saved: Saved,
}

/// Reads a checkpoint.
///
/// Errors: not there, not readable, cut short, or of another kind.
pub fn read(path: &Path) -> Result<CheckpointFile, CheckpointError> {
    let name = || path.display().to_string();
    let bytes = fs::read(path).map_err(|cause| CheckpointError::Unreadable { path: name(), cause })?;
    let saved = state(&bytes).map_err(|reason| CheckpointError::NotACheckpoint { path: name(), reason })?;
    Ok(CheckpointFile { path: path.to_owned(), bytes, saved })
}

/// Errors: why these bytes are no whole checkpoint.
fn state(bytes: &[u8]) -> Result<Saved, String> {
    // This also checks that the file is as long as its header says.
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let metadata = header.metadata().as_ref().ok_or("it has no metadata")?;
    match metadata.get(FORMAT_KEY) {
        Some(format) if format == FORMAT => (),
        Some(format) => return Err(format!("its format is {format:?}, expected {FORMAT:?}")),
        None => return Err(format!("its metadata lacks {FORMAT_KEY:?}")),
    }
    let state = metadata.get(STATE_KEY).ok_or_else(|| format!("its metadata lacks {STATE_KEY:?}"))?;
    serde_json::from_str(state).map_err(|e| e.to_string())
}

impl CheckpointFile {
    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds beside its tensors.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// The weights that the next update changes.
    ///
    /// Errors: a tensor is missing or has another shape.
    pub fn weights(&self, params: &Params) -> Result<Weights, CheckpointError> {
        self.weights_of(WEIGHTS, params)
    }

    /// Their exponential mean over updates, where its run keeps one.
    ///
    /// Errors: as [`CheckpointFile::weights`].
    pub fn ema(&self, params: &Params) -> Result<Option<Weights>, CheckpointError> {
        (self.saved.identity.training.ema > 0.0).then(|| self.weights_of(EMA, params)).transpose()
    }

    /// The weights that its run validates: the mean over updates, where there is one.
    ///
    /// Errors: as [`CheckpointFile::weights`].
    pub fn validated_weights(&self, params: &Params) -> Result<Weights, CheckpointError> {
        self.ema(params)?.map_or_else(|| self.weights(params), Ok)
    }

    fn weights_of(&self, kind: &str, params: &Params) -> Result<Weights, CheckpointError> {
        let file = self.tensors();
        let tensors: Result<Vec<Tensor>, CheckpointError> = params
            .iter()
            .map(|(_, spec)| {
                let (rows, columns) = spec.matrix();
                Ok(Tensor::from_slice(rows, columns, &self.values(&file, kind, spec)?))
            })
            .collect();
        Ok(Weights::from_tensors(params, tensors?))
    }

    /// Fills an optimiser's moments.
    ///
    /// Errors: as [`CheckpointFile::weights`].
    pub fn moments(&self, params: &Params, moments: &mut [Moments]) -> Result<(), CheckpointError> {
        let file = self.tensors();
        for m in moments {
            for ((_, spec), values) in params.iter().zip(&mut m.values) {
                *values = self.values(&file, m.name, spec)?;
            }
        }
        Ok(())
    }

    /// The header is as long as there are tensors, so it is read once for all of them.
    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("the file was checked when it was read")
    }

    fn values(&self, file: &SafeTensors<'_>, kind: &str, spec: &ParamSpec) -> Result<Vec<f32>, CheckpointError> {
        let tensor = format!("{kind}.{}", spec.name);
        let wrong = |found: String| CheckpointError::Tensor {
            path: self.path.display().to_string(),
            tensor: tensor.clone(),
            found,
            expected: format!("{:?} of F32", spec.shape),
        };
        let view = file.tensor(&tensor).map_err(|_| wrong("missing".to_owned()))?;
        if view.shape() != spec.shape || view.dtype() != Dtype::F32 {
            return Err(wrong(format!("{:?} of {:?}", view.shape(), view.dtype())));
        }
        // A file's bytes need not be aligned.
        Ok(view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}
