//! lsra-exec.
