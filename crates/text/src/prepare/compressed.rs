//! Files as bytes, whether compressed or not. What a file is, its first bytes tell, not its name.

use crate::TextError;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Read at a time from the disk.
const BUFFER: usize = 1 << 17;

/// The most that a zstd frame may ask to look back at: 128 MiB, as `zstd -d` allows without further options.
const ZSTD_WINDOW: u64 = 1 << 27;

const GZ: [u8; 2] = [0x1F, 0x8B];
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const UTF16: [[u8; 2]; 2] = [[0xFF, 0xFE], [0xFE, 0xFF]];

/// Frames that hold no data for a reader begin with one of sixteen marks; data may follow them.
const SKIPPABLE: std::ops::RangeInclusive<u8> = 0x50..=0x5F;
const SKIPPABLE_REST: [u8; 3] = [0x2A, 0x4D, 0x18];

/// What is not read, by its first bytes.
const OTHERS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"BZh", "packed with bzip2"),
    (b"\xFD7zXZ\0", "packed with xz"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"\x04\x22\x4D\x18", "packed with lz4"),
    (b"\x1F\x9D", "packed with compress"),
    (b"Rar!\x1A\x07", "a rar archive"),
];

/// What follows the mark and the level of bzip2: a text may well begin with `BZh`.
const BZIP2: &[u8] = b"1AY&SY";

/// What is to be in it.
const PAIRS_OR_SENTENCES: &str = "a sentence or a pair of sentences a line";

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gz,
    Zstd,
}

/// A file to be read from its start. A byte order mark is skipped.
///
/// Errors: missing, unreadable, empty, no regular file, packed in a way that is not read, or UTF-16.
pub(super) fn open(path: &Path) -> Result<(Box<dyn BufRead + Send>, Packing), TextError> {
    let file = || path.display().to_string();
    let unreadable = |cause| TextError::Unreadable { file: file(), cause };
    // Before it is opened, which waits for a pipe's other end.
    if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return Err(TextError::NotAFile { file: file() });
    }
    let mut raw = open_raw(path)?;
    let start = raw.fill_buf().map_err(unreadable)?;
    if let Some(format) = other_packing(start) {
        return Err(TextError::OtherPacking { file: file(), format });
    }
    let (mut reader, packing): (Box<dyn BufRead + Send>, _) = if start.starts_with(&GZ) {
        (Box::new(BufReader::with_capacity(BUFFER, Members::new(raw))), Packing::Gz)
    } else if start.starts_with(&ZSTD) || is_skippable(start) {
        (Box::new(BufReader::with_capacity(BUFFER, Frames::new(raw))), Packing::Zstd)
    } else {
        (Box::new(raw), Packing::Plain)
    };
    let start = reader.fill_buf().map_err(|cause| fault(path, packing, 1, cause))?;
    if UTF16.iter().any(|mark| start.starts_with(mark)) {
        return Err(TextError::Utf16 { file: file() });
    }
    if start.starts_with("\u{FEFF}".as_bytes()) {
        reader.consume("\u{FEFF}".len());
    }
    let start = reader.fill_buf().map_err(|cause| fault(path, packing, 1, cause))?;
    if start.is_empty() {
        return Err(TextError::Empty { file: file(), expected: PAIRS_OR_SENTENCES });
    }
    Ok((reader, packing))
}

/// A file as its bytes stand.
///
/// Errors: missing, unreadable or empty.
pub(super) fn open_plain(path: &Path) -> Result<Box<dyn BufRead + Send>, TextError> {
    let file = || path.display().to_string();
    let mut raw = open_raw(path)?;
    if raw.fill_buf().map_err(|cause| TextError::Unreadable { file: file(), cause })?.is_empty() {
        return Err(TextError::Empty { file: file(), expected: PAIRS_OR_SENTENCES });
    }
    Ok(Box::new(raw))
}

fn open_raw(path: &Path) -> Result<BufReader<File>, TextError> {
    let file = path.display().to_string();
    let raw = File::open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => TextError::Missing { file, expected: PAIRS_OR_SENTENCES },
        _ => TextError::Unreadable { file, cause },
    })?;
    Ok(BufReader::with_capacity(BUFFER, raw))
}

fn is_skippable(start: &[u8]) -> bool {
    start.first().is_some_and(|b| SKIPPABLE.contains(b)) && start[1..].starts_with(&SKIPPABLE_REST)
}

/// How a file is packed that begins so, where that is not read.
fn other_packing(start: &[u8]) -> Option<&'static str> {
    let (mark, name) = OTHERS.into_iter().find(|(mark, _)| start.starts_with(mark))?;
    let bzip2 = mark == b"BZh";
    (!bzip2 || start.get(4..).is_some_and(|rest| rest.starts_with(BZIP2))).then_some(name)
}

/// What is wrong when reading fails within a line.
pub(super) fn fault(path: &Path, packing: Packing, line: u64, cause: io::Error) -> TextError {
    let file = path.display().to_string();
    let format = match packing {
        Packing::Plain => return TextError::Unreadable { file, cause },
        Packing::Gz => "gzip",
        Packing::Zstd => "zstd",
    };
    TextError::Damaged { file, format, line, cause }
}

/// The members of a gzip file, one after the other. Zeros may fill it up, as to the end of a tape's block; gzip passes over them.
pub struct Members<R: BufRead> {
    /// None once there are no more.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    /// From the first on.
    pub fn new(reader: R) -> Members<R> {
        Members { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(to)?;
            if read > 0 || to.is_empty() {
                return Ok(read);
            }
            let rest = member.get_mut();
            match rest.fill_buf()?.first() {
                None => self.member = None,
                Some(0) => {
                    only_zeros(rest)?;
                    self.member = None;
                }
                Some(_) => self.member = self.member.take().map(|member| GzDecoder::new(member.into_inner())),
            }
        }
        Ok(0)
    }
}

/// Reads to the end. Errors: there is something else.
fn only_zeros(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        let length = bytes.len();
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the zeros after its data"));
        }
        if length == 0 {
            return Ok(());
        }
        reader.consume(length);
    }
}

/// The frames of a zstd file, one after the other.
struct Frames<R: BufRead> {
    reader: R,
    decoder: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Within,
    Ended,
}

impl<R: BufRead> Frames<R> {
    fn new(reader: R) -> Frames<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        Frames { reader, decoder, state: State::Between }
    }

    /// Reads the header of a frame, or skips one that holds no data.
    fn begin(&mut self) -> io::Result<State> {
        if self.reader.fill_buf()?.is_empty() {
            return Ok(State::Ended);
        }
        match self.decoder.init(&mut self.reader) {
            Ok(()) => Ok(State::Within),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())?;
                if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(State::Between) }
            }
            Err(e) => Err(io::Error::other(e.to_string())),
        }
    }

    /// Some of the frame's bytes; none at its end.
    fn within(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let decoder = &mut self.decoder;
        while decoder.can_collect() == 0 && !decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            decoder.decode_blocks(&mut self.reader, one).map_err(|e| io::Error::other(e.to_string()))?;
        }
        let read = decoder.read(to)?;
        if read == 0
            && let (Some(stored), Some(found)) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
            && stored != found
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
        }
        Ok(read)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while !to.is_empty() {
            match self.state {
                State::Ended => break,
                State::Between => self.state = self.begin()?,
                State::Within => match self.within(to)? {
                    0 => self.state = State::Between,
                    read => return Ok(read),
                },
            }
        }
        Ok(0)
    }
}
