//! lsra-text.
#![forbid(unsafe_code)]
