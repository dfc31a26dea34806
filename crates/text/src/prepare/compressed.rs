//! Files as bytes, whether compressed or not. What a file is, its first bytes tell, not its name.

use crate::TextError;
use crate::files::SENTENCES;
use flate2::bufread::MultiGzDecoder;
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

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gz,
    Zstd,
}

/// A file to be read from its start. A byte order mark is skipped.
///
/// Errors: missing, unreadable, empty, or UTF-16.
pub(super) fn open(path: &Path) -> Result<(Box<dyn BufRead + Send>, Packing), TextError> {
    let file = || path.display().to_string();
    let unreadable = |cause| TextError::Unreadable { file: file(), cause };
    let raw = File::open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => TextError::Missing { file: file(), expected: SENTENCES },
        _ => unreadable(cause),
    })?;
    let mut raw = BufReader::with_capacity(BUFFER, raw);
    let start = raw.fill_buf().map_err(unreadable)?;
    let (mut reader, packing): (Box<dyn BufRead + Send>, _) = if start.starts_with(&GZ) {
        (Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw))), Packing::Gz)
    } else if start.starts_with(&ZSTD) {
        (Box::new(BufReader::with_capacity(BUFFER, Frames::new(raw))), Packing::Zstd)
    } else {
        (Box::new(raw), Packing::Plain)
    };
    let start = reader.fill_buf().map_err(|cause| fault(path, packing, 1, cause))?;
    if start.is_empty() {
        return Err(TextError::Empty { file: file(), expected: SENTENCES });
    }
    if UTF16.iter().any(|mark| start.starts_with(mark)) {
        return Err(TextError::Utf16 { file: file() });
    }
    if start.starts_with("\u{FEFF}".as_bytes()) {
        reader.consume("\u{FEFF}".len());
    }
    Ok((reader, packing))
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
