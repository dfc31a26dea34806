//! Corpora from their publishers: downloads that break, archives that lie, and a training from nothing but an address.

mod archives;
mod downloading;
mod server;
mod training;
mod unpacking;
