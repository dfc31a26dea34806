//! Optimiser steps over a parameter's values.

mod adam;
mod nesterov;

pub use adam::{AdamStep, adam};
pub use nesterov::{NesterovStep, nesterov};
