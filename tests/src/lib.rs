//! End-to-end tests across crates; the tests themselves are under `tests/`.
