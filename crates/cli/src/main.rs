//! The `lsra` program.
fn main() {}
