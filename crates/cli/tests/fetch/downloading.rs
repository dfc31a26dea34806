//! Downloads that come whole, break off, or are something else.

use crate::archives::gz;
use crate::server::{Answers, Length, Server};
use lsra::fetch::{Archive, FetchError, MOST_BYTES, Origin, Record};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Something to fetch that begins as an archive does, of lines that do not repeat.
fn content() -> Vec<u8> {
    gz(&(0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<_>>())
}

struct Bench {
    folder: TempDir,
    server: Server,
}

impl Bench {
    fn new(answers: Answers) -> Bench {
        Bench { folder: TempDir::new().unwrap(), server: Server::new(answers) }
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("de-en.tgz")
    }

    /// Fetches what proves to be whole.
    fn fetch(&self) -> Result<Record, FetchError> {
        let archive = self.archive(MOST_BYTES)?;
        assert_eq!(archive.file, self.place());
        archive.trust()?;
        Ok(archive.record)
    }

    fn archive(&self, most: u64) -> Result<Archive, FetchError> {
        Origin::of(&self.server.url).archive(&self.place(), most)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn assert_whole(&self, content: &[u8]) {
        assert!(fs::read(self.place()).unwrap() == content);
        assert_eq!(self.names(), ["de-en.tgz", "de-en.tgz.record.json"]);
    }
}

fn is_off(error: &FetchError, place: &Path) -> bool {
    let told = error.to_string();
    let parts = [&place.display().to_string(), "--archive", "cargo xtask demo", "lsra prepare"];
    matches!(error, FetchError::NoConnection { .. }) && parts.iter().all(|p| told.contains(p))
}

#[test]
fn a_file_comes_whole_and_once() {
    let bench = Bench::new(Answers::of(&content()));
    let record = bench.fetch().unwrap();
    bench.assert_whole(&content());
    assert_eq!((record.bytes, record.sha256.len()), (content().len() as u64, 64));
    assert_eq!(bench.fetch().unwrap(), record);
    assert_eq!(bench.server.requests().len(), 1);
    assert!(!bench.server.requests()[0].contains("range"));
    // Changed on the disk since.
    fs::write(bench.place(), b"other").unwrap();
    assert!(matches!(bench.fetch(), Err(FetchError::Changed { .. })));
}

/// Later downloads must not be held to something that turns out to be broken.
#[test]
fn what_has_not_proved_whole_is_not_recorded() {
    let bench = Bench::new(Answers::of(&content()));
    bench.archive(MOST_BYTES).unwrap().trust().unwrap();
    bench.assert_whole(&content());
    let damaged = || FetchError::Damaged { file: "x".to_owned(), cause: std::io::ErrorKind::UnexpectedEof.into() };
    // Recorded before: it stays, and both are named.
    fs::remove_file(bench.place()).unwrap();
    let told = bench.archive(MOST_BYTES).unwrap().refuse(damaged()).to_string();
    assert!(told.contains("record.json") && told.contains("remove"), "{told}");
    bench.assert_whole(&content());

    let bench = Bench::new(Answers::of(&content()));
    let archive = bench.archive(MOST_BYTES).unwrap();
    assert_eq!(bench.names(), ["de-en.tgz"]);
    // It may have come from elsewhere: it is the user's to remove, whatever address is named by now.
    let told = Origin::of("http://localhost/mirror.tgz").archive(&bench.place(), MOST_BYTES).unwrap();
    let told = told.refuse(damaged()).to_string();
    assert!(told.contains("remove it, and the next run fetches http://localhost/mirror.tgz"), "{told}");
    assert_eq!(bench.names(), ["de-en.tgz"]);
    let told = archive.refuse(damaged()).to_string();
    assert!(told.contains("the next run fetches it anew"), "{told}");
    assert_eq!(bench.names(), [] as [&str; 0]);
    // Nothing is wrong with the archive where the disk is full.
    let archive = bench.archive(MOST_BYTES).unwrap();
    let full = FetchError::Unwritable { file: "x".to_owned(), cause: std::io::ErrorKind::StorageFull.into() };
    assert!(matches!(archive.refuse(full), FetchError::Unwritable { .. }));
    assert_eq!(bench.names(), ["de-en.tgz"]);
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    for length in [Length::Announced, Length::Unsaid] {
        let bench = Bench::new(Answers { length, ..Answers::of(&content()) });
        let error = bench.archive(content().len() as u64 - 1).unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
        assert_eq!(bench.server.requests().len(), 1);
        assert_eq!(bench.names(), [] as [&str; 0]);
        bench.archive(content().len() as u64).unwrap();
    }
}

#[test]
fn an_address_that_leads_nowhere_is_not_tried_again() {
    let bench = Bench::new(Answers { status: "302 Found", ..Answers::of(b"") });
    let error = bench.fetch().unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, FetchError::Redirects { .. }) && !told.contains("run this again"), "{told}");
    assert!(bench.server.requests().len() < 20, "once");
}

#[test]
fn the_checksum_is_sha_256() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("abc");
    fs::write(&file, "abc").unwrap();
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Record::of(&file).unwrap(), Record { bytes: 3, sha256: expected.to_owned() });
}

#[test]
fn what_broke_off_goes_on_where_it_was() {
    let bench = Bench::new(Answers { cuts: vec![1000, 500], ..Answers::of(&content()) });
    bench.fetch().unwrap();
    bench.assert_whole(&content());
    let requests = bench.server.requests();
    assert!(requests.len() == 3 && requests[1].contains("range: bytes=1000-"), "{requests:?}");
    assert!(requests[2].contains("range: bytes=1500-") && requests[2].contains("if-range: \"v1\""), "{requests:?}");
}

#[test]
fn a_later_run_goes_on_too() {
    let bench = Bench::new(Answers { cuts: vec![2000, 0, 0, 0], ..Answers::of(&content()) });
    let error = bench.fetch().unwrap_err();
    assert!(is_off(&error, &bench.place()), "{error}");
    assert_eq!(bench.names(), ["de-en.tgz.partial", "de-en.tgz.partial.json"]);
    bench.fetch().unwrap();
    bench.assert_whole(&content());
    assert!(bench.server.requests().last().unwrap().contains("range: bytes=2000-"));
}

#[test]
fn what_was_whole_but_for_its_name_needs_no_more_bytes() {
    let bench = Bench::new(Answers { cuts: vec![2000, 0, 0, 0], ..Answers::of(&content()) });
    bench.fetch().unwrap_err();
    fs::write(bench.folder.path().join("de-en.tgz.partial"), content()).unwrap();
    bench.fetch().unwrap();
    bench.assert_whole(&content());
}

#[test]
fn without_ranges_or_marks_it_begins_anew() {
    for (ranges, etag) in [(false, Some("\"v1\"".to_owned())), (true, None), (true, Some("W/\"weak\"".to_owned()))] {
        let bench = Bench::new(Answers { cuts: vec![1000], ranges, etag: etag.clone(), ..Answers::of(&content()) });
        bench.fetch().unwrap();
        bench.assert_whole(&content());
        let requests = bench.server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].contains("range: bytes"), !ranges, "a weak mark is none: {etag:?}");
    }
}

#[test]
fn another_version_begins_anew() {
    let bench = Bench::new(Answers { cuts: vec![1000, 0, 0, 0], ..Answers::of(&content()) });
    bench.fetch().unwrap_err();
    let other = gz(&content());
    bench.server.change(|a| (a.content, a.etag) = (other.clone(), Some("\"v2\"".to_owned())));
    bench.fetch().unwrap();
    bench.assert_whole(&other);
}

#[test]
fn a_longer_beginning_than_the_file_begins_anew() {
    let bench = Bench::new(Answers { cuts: vec![1000, 0, 0, 0], ..Answers::of(&content()) });
    bench.fetch().unwrap_err();
    fs::write(bench.folder.path().join("de-en.tgz.partial"), vec![1; content().len() + 7]).unwrap();
    bench.fetch().unwrap();
    bench.assert_whole(&content());
}

#[test]
fn a_wrong_length_is_no_whole_file() {
    for ranges in [true, false] {
        let length = content().len() as u64;
        let bench = Bench::new(Answers { length: Length::Wrong(length + 10), ranges, ..Answers::of(&content()) });
        let error = bench.fetch().unwrap_err();
        assert!(matches!(error, FetchError::NoConnection { .. }), "{error}");
        assert!(!bench.place().exists());
    }
    let bench = Bench::new(Answers { length: Length::Wrong(1 << 40), ..Answers::of(&content()) });
    assert!(matches!(bench.fetch(), Err(FetchError::TooLarge { .. })));
}

#[test]
fn another_checksum_than_the_first_is_refused() {
    let bench = Bench::new(Answers::of(&content()));
    bench.fetch().unwrap();
    fs::remove_file(bench.place()).unwrap();
    let other = gz(b"something else");
    bench.server.change(|a| a.content = other.clone());
    let error = bench.fetch().unwrap_err();
    assert!(matches!(&error, FetchError::Changed { .. }) && error.to_string().contains("record.json"), "{error}");
    assert_eq!(bench.names(), ["de-en.tgz.record.json"]);
    // Whoever trusts it removes the record.
    fs::remove_file(bench.folder.path().join("de-en.tgz.record.json")).unwrap();
    bench.fetch().unwrap();
    bench.assert_whole(&other);
}

#[test]
fn what_is_no_archive_is_not_kept() {
    let bench = Bench::new(Answers::of(b"<html>log in to the network</html>"));
    assert!(matches!(bench.fetch(), Err(FetchError::NoArchive { .. })));
    assert_eq!(bench.names(), [] as [&str; 0]);
    bench.server.change(|a| a.status = "404 Not Found");
    let error = bench.fetch().unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 404, .. }), "{error}");
    bench.server.change(|a| a.status = "503 Service Unavailable");
    let error = bench.fetch().unwrap_err();
    assert!(is_off(&error, &bench.place()), "{error}");
}

#[test]
fn without_a_network_the_message_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("de-en.tgz");
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Origin::of(&format!("http://127.0.0.1:{port}/x.tgz")).archive(&place, MOST_BYTES).unwrap_err();
    assert!(is_off(&error, &place), "{error}");
    // Put there by hand it is taken, and held to from then on.
    fs::write(&place, content()).unwrap();
    let archive = Origin::of("https://localhost/none.tgz").archive(&place, MOST_BYTES).unwrap();
    assert_eq!(archive.record.bytes, content().len() as u64);
    archive.trust().unwrap();
    assert!(folder.path().join("de-en.tgz.record.json").is_file());
    let error = Origin::of("none.tgz").archive(&place, MOST_BYTES).unwrap_err();
    assert!(error.to_string().contains("none.tgz: no such file"), "{error}");
}
