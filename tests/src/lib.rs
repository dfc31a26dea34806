//! What end-to-end tests share; the tests themselves are under `tests/`.

pub mod golden;
pub mod runs;
pub mod small;
pub mod tiny;
