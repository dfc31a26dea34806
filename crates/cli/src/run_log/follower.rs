//! Reading a file while somebody writes it.

use super::{FILE, Record, RunLogError};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes of the longest line that is looked at. A run's settings, its longest line, take some thousand.
const LONGEST_LINE: usize = 1 << 20;

/// Bytes read at a time.
const PIECE: usize = 1 << 16;

/// Bytes before the place reached by which the file is known again.
const MARK: usize = 256;

/// A run's log and what it has said so far.
///
/// A resumed run replaces its log by one without the lines beyond its checkpoint. So before reading on, a follower looks whether the
/// bytes before its place are those that it read; if not, it reads all anew.
pub struct Follower {
    path: PathBuf,
    record: Record,
    /// Bytes read.
    place: u64,
    /// The last of them, at most [`MARK`].
    mark: Vec<u8>,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    /// Whether that line is too long to be kept.
    overlong: bool,
}

impl Follower {
    /// A follower of a run's folder that has read what is there.
    ///
    /// Errors: no such folder, no log in it, or one that cannot be read or of which no line is understood.
    pub fn open(folder: &Path) -> Result<Follower, RunLogError> {
        let named = || folder.display().to_string();
        if !folder.exists() {
            return Err(RunLogError::NoFolder { folder: named() });
        }
        if !folder.join(FILE).exists() {
            return Err(RunLogError::NoLog { folder: named() });
        }
        let mut follower = Follower::new(folder);
        follower.poll()?;
        let record = &follower.record;
        if record.is_empty() && record.not_understood > 0 {
            let (path, lines) = (follower.path.display().to_string(), record.not_understood);
            return Err(RunLogError::NothingUnderstood { path, lines });
        }
        Ok(follower)
    }

    /// A follower that has read nothing yet; the log need not be there.
    pub fn new(folder: &Path) -> Follower {
        Follower {
            path: folder.join(FILE),
            record: Record::default(),
            place: 0,
            mark: Vec::new(),
            rest: Vec::new(),
            overlong: false,
        }
    }

    /// What the log has said so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The same, where nothing more will be read.
    pub fn into_record(self) -> Record {
        self.record
    }

    /// How long ago the log was written to, where the system tells.
    pub fn age(&self) -> Option<Duration> {
        let changed = self.path.metadata().and_then(|m| m.modified()).ok();
        changed.and_then(|t| SystemTime::now().duration_since(t).ok())
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is new. Returns whether anything was.
    ///
    /// Errors: the log cannot be read.
    pub fn poll(&mut self) -> Result<bool, RunLogError> {
        self.read_on().map_err(|cause| RunLogError::Unreadable { path: self.path.display().to_string(), cause })
    }

    fn read_on(&mut self) -> io::Result<bool> {
        let mut file = File::open(&self.path)?;
        let again = !self.is_known(&mut file)?;
        if again {
            file.rewind()?;
            *self = Follower { path: std::mem::take(&mut self.path), ..Follower::new(Path::new("")) };
        }
        let mut piece = vec![0; PIECE];
        let mut grown = false;
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(grown || again),
                Ok(n) => {
                    grown = true;
                    self.take(&piece[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether the file has what was read of it; leaves it at the place reached.
    fn is_known(&self, file: &mut File) -> io::Result<bool> {
        if self.place == 0 {
            return Ok(true);
        }
        if file.metadata()?.len() < self.place {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.place - self.mark.len() as u64))?;
        let mut there = vec![0; self.mark.len()];
        file.read_exact(&mut there)?;
        Ok(there == self.mark)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.place += bytes.len() as u64;
        let last = &bytes[bytes.len().saturating_sub(MARK)..];
        self.mark.extend(last);
        self.mark.drain(..self.mark.len().saturating_sub(MARK));
        for part in bytes.split_inclusive(|&b| b == b'\n') {
            let (part, ends) = part.strip_suffix(b"\n").map_or((part, false), |p| (p, true));
            if self.rest.len() + part.len() > LONGEST_LINE {
                self.overlong = true;
                self.rest.clear();
            } else if !self.overlong {
                self.rest.extend(part);
            }
            if ends {
                if self.overlong {
                    self.record.not_understood += 1;
                } else {
                    self.record.add(&self.rest);
                }
                self.rest.clear();
                self.overlong = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    fn update(n: u64) -> String {
        format!("{{\"event\":\"update\",\"loss\":{n}.5,\"updates\":{n}}}\n")
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert!(matches!(Follower::open(folder.path()), Err(RunLogError::NoLog { .. })));
        assert!(matches!(Follower::open(&folder.path().join("none")), Err(RunLogError::NoFolder { .. })));
        fs::write(&path, "{\"event\":\"start\"}\n".to_owned() + &update(1) + "{\"event\":\"upd").unwrap();
        let mut follower = Follower::open(folder.path()).unwrap();
        assert_eq!((follower.record().updates.len(), follower.record().not_understood), (1, 0));
        assert!(!follower.poll().unwrap(), "nothing is new");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"ate\",\"updates\":2}").unwrap();
        assert!(follower.poll().unwrap());
        assert_eq!(follower.record().updates.len(), 1, "its end is not there yet");
        file.write_all(b"\n").unwrap();
        follower.poll().unwrap();
        assert_eq!(follower.record().updates.len(), 2);
    }

    #[test]
    fn a_log_that_was_replaced_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let lines = |range: std::ops::RangeInclusive<u64>| range.map(update).collect::<String>();
        fs::write(&path, lines(1..=40)).unwrap();
        let mut follower = Follower::open(folder.path()).unwrap();
        // Shorter; then longer, with other bytes before the place reached.
        for there in [lines(1..=20), lines(1..=10) + "{\"event\":\"resume\"}\n" + &lines(11..=33)] {
            fs::write(&path, &there).unwrap();
            assert!(follower.poll().unwrap());
            let updates = there.matches("update\"").count();
            assert_eq!(follower.record().updates.len(), updates);
        }
        assert_eq!(follower.record().resumed, 1);
        fs::remove_file(&path).unwrap();
        assert!(matches!(follower.poll(), Err(RunLogError::Unreadable { .. })));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut follower = Follower::new(Path::new(""));
        for _ in 0..100 {
            follower.take(&[b'x'; PIECE]);
            assert!(follower.rest.len() <= LONGEST_LINE);
        }
        follower.take(b"\n");
        follower.take(update(3).as_bytes());
        assert_eq!((follower.record().not_understood, follower.record().updates.len()), (1, 1));
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "a text\nof two lines\n").unwrap();
        assert!(matches!(Follower::open(folder.path()), Err(RunLogError::NothingUnderstood { lines: 2, .. })));
        // Nothing yet is no fault: the run is beginning.
        fs::write(folder.path().join(FILE), "").unwrap();
        assert!(Follower::open(folder.path()).unwrap().record().is_empty());
    }
}
