//! Executors: the ways to run a model, and the weights they run on.
#![deny(unsafe_code)]

pub mod atomic;
pub mod eager;
pub mod file;
pub mod macs;
mod map;
pub mod packed;
pub mod probe;
pub mod reference;
pub mod tensors;
pub mod weights;

pub use eager::{Eager, EagerKeys, EagerState, Workspace};
pub use file::{FileError, ModelFile, weights_from_safetensors};
pub use macs::Macs;
pub use packed::{Directions, Packed};
pub use probe::Probe;
pub use reference::Reference;
pub use weights::Weights;
