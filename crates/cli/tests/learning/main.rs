//! Models that start from others, and models that teach others.

mod adapting;
mod kit;
mod teaching;
