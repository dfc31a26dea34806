//! lsra-exec.

