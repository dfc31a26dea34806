//! lsra-tensor.

