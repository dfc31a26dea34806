//! Downloads that go on where they broke off.
//!
//! Bytes go to a `.partial` file; beside it stands what they are the beginning of: the address and the server's mark of the
//! version (a strong ETag, or the time of the last change). Going on asks for the rest of that version (Range, If-Range); a
//! server that has another by now, or knows no ranges, sends all, and the file begins anew. It has its name when it is whole.

use super::{FetchError, record};
use indicatif::{ProgressBar, ProgressStyle};
use lsra_exec::atomic;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

/// So often a download that broke off is tried again at once, counted anew when more came than ever before.
const TRIES: usize = 3;

/// Without a byte for so long a connection counts as broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a partial file is the beginning of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    url: String,
    /// What If-Range takes.
    mark: Option<String>,
    /// The whole file's bytes, where the server says.
    bytes: Option<u64>,
}

struct Download<'a> {
    url: &'a str,
    place: &'a Path,
    partial: PathBuf,
    note: PathBuf,
    agent: Agent,
    most: u64,
}

/// Why it did not come whole.
enum Broken {
    /// It may come yet.
    Off(String),
    /// It will not.
    Fault(FetchError),
}

impl From<FetchError> for Broken {
    fn from(error: FetchError) -> Broken {
        Broken::Fault(error)
    }
}

/// Fetches a file of at most so many bytes to `place`, whose folder exists.
///
/// Errors: no connection, no such file, one that is too large or another than the one recorded, or no room.
pub(super) fn download(url: &str, place: &Path, most: u64) -> Result<(), FetchError> {
    let partial = atomic::partial(place);
    let mut note = partial.clone().into_os_string();
    note.push(".json");
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("lsra/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(PATIENCE / 3))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .new_agent();
    Download { url, place, partial, note: note.into(), agent, most }.run()
}

impl Download<'_> {
    fn run(&self) -> Result<(), FetchError> {
        let (mut tries, mut furthest) = (TRIES, self.length());
        loop {
            match self.attempt() {
                Ok(()) => return self.finish(),
                Err(Broken::Fault(fault)) => return Err(fault),
                Err(Broken::Off(reason)) => {
                    // Further than ever, that is: one that begins anew each time would never end.
                    tries = if self.length() > furthest { TRIES } else { tries - 1 };
                    furthest = furthest.max(self.length());
                    if tries == 0 {
                        let (url, place) = (self.url.to_owned(), self.place.display().to_string());
                        return Err(FetchError::NoConnection { url, reason, place });
                    }
                }
            }
        }
    }

    /// Bytes that are there.
    fn length(&self) -> u64 {
        fs::metadata(&self.partial).map_or(0, |m| m.len())
    }

    /// What is there, where one can go on from it.
    fn begun(&self) -> Option<(Version, u64)> {
        let version: Version = serde_json::from_slice(&fs::read(&self.note).ok()?).ok()?;
        let length = self.length();
        (version.url == self.url && version.mark.is_some() && length > 0).then_some((version, length))
    }

    /// Fetches all, or all that is missing.
    fn attempt(&self) -> Result<(), Broken> {
        let begun = self.begun();
        let mut request = self.agent.get(self.url);
        if let Some((version, length)) = &begun {
            let mark = version.mark.as_deref().expect("a version to go on with has a mark");
            request = request.header("Range", format!("bytes={length}-")).header("If-Range", mark);
        }
        let response = request.call().map_err(|e| self.no_answer(&e))?;
        let version = self.version(&response);
        match (response.status(), begun) {
            (StatusCode::OK, _) => self.receive(response, &version, 0),
            (StatusCode::PARTIAL_CONTENT, Some((old, length))) => {
                // What the rest is a part of, and that it is the rest.
                let whole = content_range(&response).filter(|(first, _)| *first == length).and_then(|(_, whole)| whole);
                let other = version.mark.is_some() && old.mark != version.mark;
                if other || whole.is_none() || old.bytes.is_some() && old.bytes != whole {
                    return self.begin_anew("the rest that the server sends is none of what is there");
                }
                self.receive(response, &Version { bytes: whole, ..old }, length)
            }
            // Nothing is left to send: it broke off just before it had its name; or it never was this file.
            (StatusCode::RANGE_NOT_SATISFIABLE, Some((old, length))) => {
                if old.bytes == Some(length) {
                    return Ok(());
                }
                self.begin_anew("what is there is longer than what the server has")
            }
            (status, _) if status.is_server_error() => Err(Broken::Off(format!("the server answers {status}"))),
            (status, _) => {
                let (url, place) = (self.url.to_owned(), self.place.display().to_string());
                Err(FetchError::Status { url, status: status.as_u16(), place }.into())
            }
        }
    }

    /// Why nothing was answered, and whether it would be another time.
    fn no_answer(&self, error: &ureq::Error) -> Broken {
        let url = self.url.to_owned();
        match error {
            ureq::Error::TooManyRedirects => {
                FetchError::Redirects { url, place: self.place.display().to_string() }.into()
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                FetchError::NoArchive { file: url, reason: "is no address" }.into()
            }
            other => Broken::Off(other.to_string()),
        }
    }

    fn version(&self, response: &Response<Body>) -> Version {
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        // A weak one stands for what means the same, not for the same bytes.
        let mark = header("etag").filter(|tag| !tag.starts_with("W/")).or_else(|| header("last-modified"));
        Version { url: self.url.to_owned(), mark, bytes: header("content-length").and_then(|n| n.parse().ok()) }
    }

    fn begin_anew(&self, reason: &str) -> Result<(), Broken> {
        self.discard()?;
        Err(Broken::Off(reason.to_owned()))
    }

    /// Removes what has come.
    fn discard(&self) -> Result<(), FetchError> {
        remove(&self.partial)?;
        remove(&self.note)
    }

    /// Writes what comes after the first `from` bytes.
    fn receive(&self, response: Response<Body>, version: &Version, from: u64) -> Result<(), Broken> {
        let too_large = |bytes| FetchError::TooLarge { url: self.url.to_owned(), bytes, most: self.most };
        if let Some(bytes) = version.bytes.filter(|n| *n > self.most) {
            return Err(too_large(bytes).into());
        }
        let unwritable = |file: &Path| {
            let file = file.display().to_string();
            move |cause| FetchError::Unwritable { file, cause }
        };
        let file = if from == 0 {
            // The note of another version must not stand beside bytes of this one.
            remove(&self.note)?;
            File::create(&self.partial)
        } else {
            OpenOptions::new().append(true).open(&self.partial)
        };
        let mut file = file.map_err(unwritable(&self.partial))?;
        let note = serde_json::to_vec(version).expect("texts and a number");
        atomic::replace(&self.note, |f| f.write_all(&note)).map_err(unwritable(&self.note))?;

        let bar = bar(version.bytes, from);
        // One byte more than may come shows that there is more; the reader's own limit would look like a broken connection.
        let mut reader = response.into_body().into_with_config().limit(self.most.saturating_add(1)).reader();
        let mut buffer = vec![0; 1 << 16];
        let mut there = from;
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Broken::Off(format!("the connection broke off after {there} bytes: {e}"))),
            };
            there += read as u64;
            if there > self.most {
                self.discard()?;
                return Err(too_large(there).into());
            }
            file.write_all(&buffer[..read]).map_err(unwritable(&self.partial))?;
            bar.set_position(there);
        }
        file.sync_all().map_err(unwritable(&self.partial))?;
        bar.finish_and_clear();
        match version.bytes {
            Some(bytes) if bytes != there => {
                Err(Broken::Off(format!("{there} bytes came of the {bytes} that the server has announced")))
            }
            _ => Ok(()),
        }
    }

    /// Holds the file to its record and gives it its name.
    fn finish(&self) -> Result<(), FetchError> {
        let mut start = [0; 2];
        let gzip = File::open(&self.partial).and_then(|mut f| f.read_exact(&mut start)).is_ok() && start == GZIP;
        if !gzip {
            // A page of a hotel's network, say: it must not become what later downloads are held to.
            self.discard()?;
            return Err(FetchError::NoArchive { file: self.url.to_owned(), reason: "it is no gzip file" });
        }
        if let Err(error) = record::check(&self.partial, self.place, self.url, "run this again to fetch it again") {
            if matches!(error, FetchError::Changed { .. }) {
                // Nothing good can come of going on with it.
                self.discard()?;
            }
            return Err(error);
        }
        fs::rename(&self.partial, self.place)
            .map_err(|cause| FetchError::Unwritable { file: self.place.display().to_string(), cause })?;
        remove(&self.note)
    }
}

/// What a `.tgz` begins with.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// The first byte and the whole's number of `bytes 7-99/100`.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let range = response.headers().get("content-range")?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, whole) = range.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, whole.parse().ok()))
}

fn remove(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::Unwritable { file: path.display().to_string(), cause })
        }
        _ => Ok(()),
    }
}

fn bar(bytes: Option<u64>, from: u64) -> ProgressBar {
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_position(from);
    let style = ProgressStyle::with_template("{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left");
    bar.with_style(style.expect("a valid template"))
}
