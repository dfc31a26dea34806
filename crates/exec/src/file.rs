//! Model files: one safetensors file that any reader opens.
//!
//! Metadata `lsra.format`, `lsra.config` (the configuration as JSON) and `lsra.card` (what the model is, as JSON); weights under their parameters'
//! names and shapes, F32; other files, such as a tokeniser, as U8 tensors `lsra.blob.NAME`.
//!
//! A file is mapped, not read: matrices stay where they lie in it. What is packed is read once, page by page, and the pages are given back;
//! rows of an embedding table are looked up in the file, so that of a table those pages are in memory whose words occur. Vectors, which are
//! small and lie everywhere between, are copied.

use crate::map::Mapped;
use crate::{Weights, tensors};
use lsra_model::{Model, ModelConfig, Params};
use lsra_tensor::{Holder, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What this version writes and reads.
const FORMAT: &str = "1";
/// What the format of a training's checkpoints begins with, which users take for models.
const CHECKPOINT: &str = "checkpoint";
const BLOB: &str = "lsra.blob.";

/// A model with its weights and what belongs to it.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// Its structure.
    pub model: Model,
    /// Its parameters' values.
    pub weights: Weights,
    /// What it is: name, languages, how it was trained, what it scored.
    pub card: Map<String, Value>,
    /// Files that go with it, by name.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

/// What is wrong with a model file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("{path}: cannot be {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// "read" or "written".
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Not safetensors, or cut off.
    #[error("{path}: not a whole safetensors file ({why}); if it was downloaded or copied, do that again")]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// The reader's words.
        why: String,
    },
    /// Safetensors, but not a model of ours.
    #[error("{path}: a safetensors file, but not an lsra model: {why}; give a file that training saved")]
    AnotherKind {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        why: String,
    },
    /// What a training goes on from.
    #[error(
        "{path}: a checkpoint of a training, not a model; {}",
        match model {
            Some(model) => format!("the training's model is {}", model.display()),
            None => "a training that ends writes its model as model.safetensors in its --out; --resume goes on with it".to_owned(),
        }
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The model that the same training wrote, if it has.
        model: Option<PathBuf>,
    },
    /// The configuration makes no model.
    #[error("{path}: its configuration: {why}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A parameter without a tensor.
    #[error(
        "{path}: tensor {name} is missing; expected F32 {expected:?}: the weights are not those of its configuration"
    )]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor of another shape or type.
    #[error(
        "{path}: tensor {name} is {found}; expected F32 {expected:?}: the weights are not those of its configuration"
    )]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What the file has.
        found: String,
        /// The shape that the model needs.
        expected: Vec<usize>,
    },
}

impl ModelFile {
    /// Writes the file whole or not at all.
    ///
    /// Errors: the folder cannot be written, or the disk is full; what was there before is then still there.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), action: "written", source };
        crate::atomic::replace(path, |f| self.write(f)).map_err(io)
    }

    /// Errors: the file cannot be read, is cut off or of another kind, its configuration makes no model, or a tensor is missing or of
    /// another shape.
    pub fn load(path: &Path) -> Result<ModelFile, FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), action: "read", source };
        let mut opened = File::open(path).map_err(io)?;
        // What cannot be mapped, such as a pipe, may still be read; opened a second time it would have lost its writer.
        let Ok(mapped) = Mapped::new(&opened) else {
            let mut bytes = Vec::new();
            opened.read_to_end(&mut bytes).map_err(io)?;
            return ModelFile::from_bytes(path, &bytes);
        };
        let holder: Arc<dyn Holder> = Arc::new(mapped);
        let file = ModelFile::read(path, holder.bytes(), Some(&holder));
        // The header and what was copied.
        holder.release();
        file
    }

    /// As [`ModelFile::load`], from memory, of which it keeps nothing; `path` is what errors name.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<ModelFile, FileError> {
        ModelFile::read(path, bytes, None)
    }

    fn read(path: &Path, bytes: &[u8], holder: Option<&Arc<dyn Holder>>) -> Result<ModelFile, FileError> {
        let tensors = parse(path, bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| not_safetensors(path, e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| {
            let why = || format!("its metadata has no {key}");
            metadata.get(key).ok_or_else(|| FileError::AnotherKind { path: path.to_owned(), why: why() })
        };
        let format = entry("lsra.format")?;
        if format.starts_with(CHECKPOINT) {
            // `RUN/checkpoints/NAME`, beside `RUN/model.safetensors`.
            let run = path.parent().and_then(Path::parent);
            let model = run.map(|run| run.join("model.safetensors")).filter(|model| model.is_file());
            return Err(FileError::Checkpoint { path: path.to_owned(), model });
        }
        if format != FORMAT {
            let why = format!("its format is {format}, this version reads {FORMAT}");
            return Err(FileError::AnotherKind { path: path.to_owned(), why });
        }
        let wrong = |why: String| FileError::Config { path: path.to_owned(), why };
        let config: ModelConfig = serde_json::from_str(entry("lsra.config")?).map_err(|e| wrong(e.to_string()))?;
        let model = Model::new(&config).map_err(|e| wrong(e.to_string()))?;
        let card = serde_json::from_str(entry("lsra.card")?).map_err(|e| wrong(format!("its card: {e}")))?;
        let weights = read_weights(path, &model.params, &tensors, bytes, holder)?;
        let blobs = tensors
            .iter()
            .filter_map(|(name, t)| Some((name.strip_prefix(BLOB)?.to_owned(), t.data().to_vec())))
            .collect();
        Ok(ModelFile { model, weights, card, blobs })
    }

    fn write(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let config = serde_json::to_string(&self.model.config).expect("a configuration is JSON");
        let card = serde_json::to_string(&self.card).expect("a card is JSON");
        let metadata = [("lsra.format", FORMAT.to_owned()), ("lsra.config", config), ("lsra.card", card)];
        let mut all: Vec<(String, Bytes<'_>)> = Vec::new();
        for ((_, spec), tensor) in self.model.params.iter().zip(self.weights.iter()) {
            all.push((spec.name.clone(), Bytes::of_f32(spec.shape.clone(), tensor.data())));
        }
        for (name, blob) in &self.blobs {
            let view = Bytes { dtype: Dtype::U8, shape: vec![blob.len()], data: Cow::Borrowed(blob) };
            all.push((format!("{BLOB}{name}"), view));
        }
        tensors::write(to, &metadata, &all)
    }
}

/// Weights from any safetensors file that has the parameters' names.
///
/// Errors: as [`ModelFile::load`] of tensors; `path` is what errors name.
pub fn weights_from_safetensors(path: &Path, params: &Params, bytes: &[u8]) -> Result<Weights, FileError> {
    read_weights(path, params, &parse(path, bytes)?, bytes, None)
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, FileError> {
    SafeTensors::deserialize(bytes).map_err(|e| not_safetensors(path, e))
}

fn not_safetensors(path: &Path, e: safetensors::SafeTensorError) -> FileError {
    FileError::NotSafetensors { path: path.to_owned(), why: e.to_string() }
}

/// The parameters' values among the tensors of a file's `bytes`; matrices stay where the holder of these bytes has them.
fn read_weights(
    path: &Path,
    params: &Params,
    tensors: &SafeTensors<'_>,
    bytes: &[u8],
    holder: Option<&Arc<dyn Holder>>,
) -> Result<Weights, FileError> {
    let mut values = Vec::with_capacity(params.len());
    for (_, spec) in params.iter() {
        let view = tensors.tensor(&spec.name).map_err(|_| FileError::MissingTensor {
            path: path.to_owned(),
            name: spec.name.clone(),
            expected: spec.shape.clone(),
        })?;
        if view.dtype() != Dtype::F32 || view.shape() != spec.shape {
            return Err(FileError::WrongTensor {
                path: path.to_owned(),
                name: spec.name.clone(),
                found: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: spec.shape.clone(),
            });
        }
        let (rows, columns) = spec.matrix();
        let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
        let place = start..start + view.data().len();
        let kept = holder.filter(|_| spec.shape.len() == 2);
        let mapped = kept.and_then(|holder| Tensor::foreign(holder, place, rows, columns));
        values.push(mapped.unwrap_or_else(|| copied(view.data(), rows, columns)));
    }
    Ok(Weights::from_tensors(params, values))
}

fn copied(data: &[u8], rows: usize, columns: usize) -> Tensor {
    let mut tensor = Tensor::unfilled(rows, columns);
    let (chunks, _) = data.as_chunks();
    for (to, bytes) in tensor.data_mut().iter_mut().zip(chunks) {
        *to = f32::from_le_bytes(*bytes);
    }
    tensor
}

/// A tensor as safetensors writes it.
struct Bytes<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Cow<'a, [u8]>,
}

impl<'a> Bytes<'a> {
    /// The file is little-endian, as are most machines: there the bytes go out as they lie.
    fn of_f32(shape: Vec<usize>, values: &'a [f32]) -> Bytes<'a> {
        let data = if cfg!(target_endian = "little") {
            Cow::Borrowed(bytemuck::cast_slice(values))
        } else {
            Cow::Owned(values.iter().flat_map(|x| x.to_le_bytes()).collect())
        };
        Bytes { dtype: Dtype::F32, shape, data }
    }
}

impl safetensors::View for Bytes<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }
    fn data_len(&self) -> usize {
        self.data.len()
    }
}
