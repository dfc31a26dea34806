//! Files in memory as they lie on the disk.
#![allow(unsafe_code, reason = "a mapped file is as safe as whoever else writes it")]

use lsra_tensor::Holder;
use memmap2::Mmap;
use std::fs::File;
use std::io;

/// A file's bytes. Pages are read when they are touched, and given back when they are released.
///
/// Whoever replaces a file that is mapped by renaming another onto it, as [`crate::atomic`] does, changes nothing here, on systems that allow it at all. Whoever writes into
/// it or cuts it short meanwhile changes what is read here, or ends this process: as with every program that maps its files.
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Errors: the file cannot be mapped; a folder, a pipe, an empty file on some systems.
    pub fn new(file: &File) -> io::Result<Mapped> {
        // SAFETY: nobody in this process writes into a file that lies at its place; of others see above.
        unsafe { Mmap::map(file) }.map(Mapped)
    }
}

impl Holder for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn release(&self) {
        #[cfg(unix)]
        {
            // All of it, since a page that is touched brings others around it with it.
            // SAFETY: the mapping is of a file and never written, so that pages come back as they were.
            let advised = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // Advice that is not taken costs memory, nothing else.
            let _ = advised;
        }
    }
}
