//! lsra-model.
#![forbid(unsafe_code)]
