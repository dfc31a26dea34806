//! Why an archive cannot be had.

use lsra_text::TextError;
use std::io;

/// Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or none that lasts.
    #[error(
        "{url}: cannot be fetched ({reason}); run this again to go on, or fetch it elsewhere and put it at {place}, or name a \
         copy with --archive; meanwhile `cargo xtask demo` trains without a network, and `lsra prepare` takes text of your own"
    )]
    NoConnection {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
        /// Where the file is looked for.
        place: String,
    },
    /// The server has no such file.
    #[error("{url}: the server answers {status}; name another place with --archive, or put the file at {place}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Where the file is looked for.
        place: String,
    },
    /// An address that leads to another, and so on.
    #[error(
        "{url}: leads from address to address too often; name another place with --archive, or put the file at {place}"
    )]
    Redirects {
        /// What was asked for.
        url: String,
        /// Where the file is looked for.
        place: String,
    },
    /// A file that cannot be the one that is meant.
    #[error("{url}: has {bytes} bytes, and at most {most} are fetched; check the address")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// As the server says, or as many as came.
        bytes: u64,
        /// The most.
        most: u64,
    },
    /// Other bytes than at the first download.
    #[error(
        "{origin}: is not the file that was recorded at the first download ({found}; {expected} is expected by {record}); {again}, \
         or remove the record if the new file is to be trusted"
    )]
    Changed {
        /// The address or the file.
        origin: String,
        /// Its size and digest.
        found: String,
        /// Those recorded.
        expected: String,
        /// Where they are recorded.
        record: String,
        /// How to fetch it again.
        again: String,
    },
    /// What is named is no archive.
    #[error("{file}: {reason}; name an archive, or an address that begins with http:// or https://, with --archive")]
    NoArchive {
        /// As it was given.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A record that is none.
    #[error("{file}: is no record of a download ({reason}); remove it")]
    BadRecord {
        /// The record.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// An archive that cannot be read to its end.
    #[error("{file}: the archive ends early or is damaged ({cause})")]
    Damaged {
        /// The archive.
        file: String,
        /// The reader's reason.
        cause: io::Error,
    },
    /// An entry that no such archive has, and that may do harm.
    #[error("{file}: the archive holds {entry}, {reason}; it is not unpacked")]
    Unsafe {
        /// The archive.
        file: String,
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Far more than such an archive holds.
    #[error("{file}: the archive unpacks to more than {most}; it is not the one that is meant")]
    Bomb {
        /// The archive.
        file: String,
        /// So many bytes or entries.
        most: String,
    },
    /// An archive of something else.
    #[error("{file}: the archive lacks {missing}; fairseq's de-en.tgz is expected")]
    Incomplete {
        /// The archive.
        file: String,
        /// The first file that is not there.
        missing: String,
    },
    /// An archive of text that is no corpus.
    #[error("{file}: its text is not what is expected ({fault})")]
    Text {
        /// The archive.
        file: String,
        /// What is wrong, in which of its files.
        fault: Box<TextError>,
    },
    /// An archive that cannot be used, and what to do.
    #[error("{fault}; {advice}")]
    Refused {
        /// What is wrong with it.
        fault: Box<FetchError>,
        /// How to get another.
        advice: String,
    },
    /// A file that cannot be written.
    #[error(
        "{file}: cannot be written ({cause}); check that its folder exists, that you may write there, and the disk's room"
    )]
    Unwritable {
        /// The file.
        file: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// A file that cannot be read.
    #[error("{file}: cannot be read ({cause})")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        cause: io::Error,
    },
}

impl FetchError {
    /// Whether another archive would help.
    pub(super) fn is_of_the_archive(&self) -> bool {
        use FetchError::{Bomb, Damaged, Incomplete, Text, Unsafe};
        matches!(self, Damaged { .. } | Incomplete { .. } | Text { .. } | Unsafe { .. } | Bomb { .. })
    }
}
