//! lsra-exec.

pub mod macs;

pub use macs::Macs;
