//! lsra-train.
#![forbid(unsafe_code)]
