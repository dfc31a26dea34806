//! lsra-infer.
#![forbid(unsafe_code)]
