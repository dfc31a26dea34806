//! lsra.
