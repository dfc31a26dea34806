//! Archives that end early, lie or swell.

use crate::archives::{archive, entry, files};
use lsra::fetch::{FetchError, Limits, unpack};
use lsra_text::prepare::iwslt14::raw_files;
use std::fs;
use std::path::Path;
use tar::EntryType;

fn unpacked(bytes: &[u8], limits: Limits, to: &Path) -> Result<(), FetchError> {
    let file = to.join("a.tgz");
    fs::write(&file, bytes).unwrap();
    let inner = to.join("inner");
    fs::create_dir_all(&inner).unwrap();
    let result = unpack(&file, "de-en", &raw_files(), &inner, limits);
    // Whatever it holds, nothing lies elsewhere.
    assert_eq!(fs::read_dir(to).unwrap().count(), 2);
    for found in fs::read_dir(&inner).unwrap() {
        let found = found.unwrap();
        assert!(
            raw_files().contains(&found.file_name().into_string().unwrap()) && found.file_type().unwrap().is_file()
        );
    }
    result
}

#[test]
fn the_files_that_are_wanted_come_out_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(30);
    // Zeros may fill a file up, as to the end of a tape's block.
    let padded = [archive(&files, |_| ()), vec![0; 9000]].concat();
    unpacked(&padded, Limits::default(), folder.path()).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("inner")).unwrap().count(), 12);
    for (name, content) in files {
        assert_eq!(fs::read_to_string(folder.path().join("inner").join(&name)).unwrap(), content, "{name}");
    }
}

#[test]
fn what_may_do_harm_is_refused() {
    for (kind, name, part) in [
        (EntryType::Regular, "de-en/../../evil", "leads out"),
        (EntryType::Regular, "../evil", "leads out"),
        (EntryType::Directory, "de-en/..", "leads out"),
        (EntryType::Regular, "/tmp/evil", "absolute"),
        (EntryType::Symlink, "de-en/train.tags.de-en.de", "link"),
        (EntryType::Link, "de-en/hard", "link"),
        (EntryType::GNULongLink, "././@LongLink", "link"),
        (EntryType::Fifo, "de-en/pipe", "neither"),
        (EntryType::Char, "de-en/device", "neither"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(&files(30)[1..], |b| entry(b, kind, name, b""));
        let error = unpacked(&bytes, Limits::default(), folder.path()).unwrap_err();
        assert!(matches!(error, FetchError::Unsafe { .. }) && error.to_string().contains(part), "{name}: {error}");
    }
}

/// What a terminal would take for an order.
#[test]
fn names_of_entries_are_shown_and_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = archive(&files(30)[1..], |b| entry(b, EntryType::Fifo, "de-en/\u{1b}[2Jgone", b""));
    let told = unpacked(&bytes, Limits::default(), folder.path()).unwrap_err().to_string();
    assert!(told.contains("[2Jgone") && !told.contains('\u{1b}'), "{told:?}");
}

#[test]
fn what_swells_is_not_unpacked() {
    let swell = |limits: Limits, kind: EntryType, count: usize, size: usize| {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(&files(30)[1..], |b| {
            (0..count).for_each(|n| entry(b, kind, &format!("de-en/{n}"), &vec![0; size]))
        });
        unpacked(&bytes, limits, folder.path()).unwrap_err()
    };
    let small = Limits { bytes: 1 << 20, entries: 100 };
    // A file nobody wants, and a name as long as a file.
    for kind in [EntryType::Regular, EntryType::GNULongName, EntryType::XHeader] {
        let error = swell(small, kind, 1, 8 << 20);
        assert!(matches!(&error, FetchError::Bomb { most, .. } if most.contains("bytes")), "{kind:?}: {error}");
    }
    let error = swell(small, EntryType::Regular, 200, 0);
    assert!(matches!(&error, FetchError::Bomb { most, .. } if most.contains("entries")), "{error}");
}

#[test]
fn what_is_not_whole_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = archive(&files(30), |_| ());
    for length in [whole.len() / 2, whole.len() - 9, 20] {
        let error = unpacked(&whole[..length], Limits::default(), folder.path()).unwrap_err();
        assert!(matches!(error, FetchError::Damaged { .. } | FetchError::Incomplete { .. }), "{length}: {error}");
    }
    let error = unpacked(b"<html>", Limits::default(), folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::Damaged { .. }), "{error}");
    let error = unpacked(&archive(&files(30)[1..], |_| ()), Limits::default(), folder.path()).unwrap_err();
    assert!(
        matches!(&error, FetchError::Incomplete { missing, .. } if missing == "de-en/train.tags.de-en.de"),
        "{error}"
    );
}
