//! From raw files to a prepared folder: formats, cleaning, splitting, resuming, and files that are not what they should be.

mod cleaning;
mod folders;
mod formats;
mod given;
mod iwslt14;
mod kit;
mod pieces;
mod resuming;
mod splitting;
mod tatoeba;
