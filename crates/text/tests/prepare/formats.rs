//! Each format, with what people do to it.

use crate::kit::{Bench, count, pairs, tsv};
use flate2::Compression;
use flate2::write::GzEncoder;
use lsra_text::prepare::{Format, PrepareConfig, Reason, Source, SourceOptions};
use lsra_text::{Languages, TextError};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use std::path::PathBuf;

fn sides() -> (String, String) {
    pairs(40).iter().fold(Default::default(), |(s, t), (a, b)| (s + a + "\n", t + b + "\n"))
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn expected() -> Vec<(String, String)> {
    let mut all = pairs(40);
    all.sort();
    all
}

#[test]
fn the_same_pairs_come_out_of_every_format() {
    let (source, target) = sides();
    let table = tsv(&pairs(40));
    let objects: String = pairs(40)
        .iter()
        .map(|(s, t)| serde_json::json!({ "id": 7, "de": s, "translation": { "en": t } }).to_string() + "\r\n")
        .collect();
    let wide: String = pairs(40).iter().map(|(s, t)| format!("9\t{t}\tCC-BY\t{s}\tmore\n")).collect();
    let windows = format!("\u{FEFF}{}", table.replace('\n', "\r\n"));
    // Without an end to the last line, and of several members or frames.
    let (start, rest) = source.trim_end().split_at(300);
    let members = [gz(start.as_bytes()), gz(rest.as_bytes())].concat();
    let frames = [zst(start.as_bytes()), b"\x50\x2A\x4D\x18\x03\0\0\0abc".to_vec(), zst(rest.as_bytes())].concat();
    let plain = SourceOptions::default();
    let columns = SourceOptions { columns: Some([4, 2]), ..plain.clone() };
    let fields = SourceOptions { fields: Some(["de".into(), "translation.en".into()]), ..plain.clone() };
    let named = SourceOptions { format: Some(Format::Tsv), ..plain.clone() };
    let (first, second) = table.split_at(table.match_indices('\n').nth(9).unwrap().0 + 1);
    for (files, options) in [
        (vec![("a.de", source.as_bytes().to_vec()), ("a.en", target.as_bytes().to_vec())], &plain),
        (vec![("a.de.gz", [members.clone(), vec![0; 700]].concat()), ("a.en", target.as_bytes().to_vec())], &plain),
        (vec![("a.de.gz", members), ("a.en", target.as_bytes().to_vec())], &plain),
        (vec![("a.de.zst", frames), ("a.en.gz", gz(target.as_bytes()))], &plain),
        // Frames without data may come first.
        (vec![("a.tsv.zst", [b"\x5F\x2A\x4D\x18\x05\0\0\0hello".to_vec(), zst(table.as_bytes())].concat())], &plain),
        // By its first bytes, whatever its name says.
        (vec![("a.de.gz", source.as_bytes().to_vec()), ("a.en", zst(target.as_bytes()))], &plain),
        (vec![("a.tsv", table.as_bytes().to_vec())], &plain),
        (vec![("a.tsv", first.as_bytes().to_vec()), ("b.tsv.zst", zst(second.as_bytes()))], &plain),
        (vec![("a.tsv.gz", gz(windows.as_bytes()))], &plain),
        (vec![("a.txt", table.as_bytes().to_vec())], &named),
        (vec![("a.tsv", wide.into_bytes())], &columns),
        (vec![("a.jsonl", objects.into_bytes())], &fields),
    ] {
        let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        let bench = Bench::of(&borrowed, options).unwrap();
        let report = bench.run().unwrap();
        let names: Vec<&str> = files.iter().map(|f| f.0).collect();
        assert_eq!(report.read, 40, "{names:?}");
        assert_eq!(bench.kept(), expected(), "{names:?}: {:?}", report.dropped);
    }
}

#[test]
fn lines_that_are_no_pairs_are_counted() {
    let config =
        |bench: &mut Bench| bench.job.config = PrepareConfig { max_line_bytes: 300, ..bench.job.config.clone() };
    let mut table = tsv(&pairs(40)).into_bytes();
    table.extend(b"only one\n\nna\xFFja\tnone\n\xC3\tcut off\n");
    table.extend(format!("{}\tlong\n", "a".repeat(400)).bytes());
    let mut bench = Bench::new("a.tsv", table);
    config(&mut bench);
    let report = bench.run().unwrap();
    assert_eq!(report.read, 45);
    let counts = [Reason::Malformed, Reason::InvalidUtf8, Reason::OverLongLine].map(|r| count(&report, r));
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(bench.kept(), expected());
    let place = &report.dropped.iter().find(|d| d.reason == Reason::OverLongLine).unwrap().examples[0].place;
    assert_eq!(place, "a.tsv:45");

    let mut objects: String =
        pairs(40).iter().map(|(s, t)| serde_json::json!({ "de": s, "en": t }).to_string() + "\n").collect();
    objects += "{\"de\":\"ja\"}\n{\"de\":\"ja\",\"en\":3}\n[1]\nnull\n{\"de\":\"ja\",\n\n";
    objects += &format!("{}\n", "[".repeat(250));
    let mut bench = Bench::new("a.jsonl", objects);
    config(&mut bench);
    let report = bench.run().unwrap();
    assert_eq!(count(&report, Reason::Malformed), 7);
    assert_eq!(bench.kept(), expected());
}

#[test]
fn a_line_of_just_the_most_bytes_is_read() {
    let side = "ab ".repeat(20);
    let line = format!("{}\t{}", side.trim(), &side[..40]);
    for (most, kept) in [(line.len(), true), (line.len() - 1, false)] {
        for end in ["\n", "\r\n", ""] {
            let mut bench = Bench::new("a.tsv", format!("{}{line}{end}", tsv(&pairs(40)[..9])));
            bench.job.config = PrepareConfig {
                max_line_bytes: most,
                keep: vec![Reason::Language, Reason::Ratio],
                ..bench.job.config.clone()
            };
            let report = bench.run().unwrap();
            let long = tsv(&pairs(40)[..9]).lines().filter(|l| l.len() > most).count() as u64;
            assert_eq!(count(&report, Reason::OverLongLine), long + u64::from(!kept), "{most} {end:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let (source, target) = sides();
    let table = tsv(&pairs(40));
    let three = "eins\nzwei\ndrei\n";
    let refuse = |files: &[(&str, &[u8])], parts: &[&str]| {
        let error = Bench::of(files, &SourceOptions::default()).and_then(|b| b.run().map(|_| ())).unwrap_err();
        let told = error.to_string();
        assert!(parts.iter().all(|p| told.contains(p)) && !told.contains('\n'), "{told:?} should say {parts:?}");
        error
    };
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0".as_slice();
    refuse(&[("a.tsv.zip", zip)], &["a.tsv.zip", "zip archive", "gzip or zstd"]);
    refuse(&[("a.tsv", b"BZh91AY&SY\x9c".as_slice())], &["a.tsv", "bzip2", "gzip or zstd"]);
    refuse(&[("a.tsv", b"\xFD7zXZ\0\0\x04".as_slice())], &["a.tsv", "xz", "gzip or zstd"]);
    let error =
        refuse(&[("a.de", source.as_bytes()), ("a.en", three.as_bytes())], &["a.de has 40 lines", "a.en has 3"]);
    assert!(matches!(error, TextError::SidesDiffer { source_lines: 40, target_lines: 3, .. }));
    refuse(&[("a.de", three.as_bytes()), ("a.en", target.as_bytes())], &["a.de has 3 lines", "a.en has 40"]);
    refuse(&[("a.de", b""), ("a.en", target.as_bytes())], &["a.de", "is empty"]);
    refuse(&[("a.de", "\u{FEFF}".as_bytes()), ("a.en", target.as_bytes())], &["a.de", "is empty"]);
    refuse(&[("a.de", &gz(b"")), ("a.en", target.as_bytes())], &["a.de", "is empty"]);
    refuse(&[("a.tsv", b"\xFF\xFEa\0")], &["a.tsv", "UTF-16", "UTF-8"]);
    refuse(
        &[("a.tsv", b"no tab\nnone here\n")],
        &["train: none of the 2 pairs is left", "columns or fields missing", "columns 1 and 2", "--columns"],
    );
    refuse(&[("a.jsonl", b"{\"src\":\"ja\",\"tgt\":\"yes\"}\n")], &["fields de and en", "--fields"]);
    // Of an array over many lines the last object alone is one.
    let array = format!("[\n{}{{\"de\":\"ja\",\"en\":\"yes\"}}\n]\n", "{\"de\":\"ja\",\"en\":\"yes\"},\n".repeat(9));
    refuse(
        &[("a.jsonl", array.as_bytes())],
        &["too few", "11 of the 12 pairs read", "columns or fields missing", "jq -c"],
    );
    refuse(&[("a.tsv", b"gr\xFC\xDFe\tgreetings\n")], &["invalid UTF-8", "iconv"]);
    refuse(&[("a.tsv", b"ja\tyes\n")], &["of 1 pairs", "too few", "--valid and --test"]);
    refuse(&[("a.txt", table.as_bytes())], &["a.txt", "tsv or jsonl"]);
    refuse(&[("a.de", b"x\n"), ("a.en", b"x\n"), ("a.fr", b"x\n")], &["two files"]);
    refuse(&[("a.tsv", b"x\ty\n"), ("a.jsonl", b"{}\n")], &["different formats"]);
    for packed in [gz(table.as_bytes()), zst(table.as_bytes())] {
        for length in [packed.len() / 2, packed.len() - 5, 8] {
            let error = refuse(&[("a.tsv", &packed[..length])], &["a.tsv", "end early or are damaged"]);
            assert!(matches!(error, TextError::Damaged { .. }));
        }
        let garbage = [&packed[..], b"\0\0\0garbage"].concat();
        let error = refuse(&[("a.tsv", &garbage)], &["a.tsv", "end early or are damaged"]);
        assert!(matches!(error, TextError::Damaged { .. }));
        let mut changed = packed.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x55;
        let error = Bench::new("a.tsv", &changed).run().map(|_| ()).unwrap_err();
        assert!(matches!(error, TextError::Damaged { .. }), "{error}");
    }
    let columns = SourceOptions { columns: Some([1, 2]), ..SourceOptions::default() };
    let fields = SourceOptions { fields: Some(["a".into(), "b".into()]), ..SourceOptions::default() };
    for (name, options, setting) in
        [("a.jsonl", &columns, "columns"), ("a.tsv", &fields, "fields"), ("a.txt", &columns, "two files")]
    {
        let error = Bench::of(&[(name, table.as_bytes())], options).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(setting), "{error}");
    }
    let two = Bench::of(&[("a.de", source.as_bytes()), ("a.en", target.as_bytes())], &columns).map(|_| ());
    assert!(two.unwrap_err().to_string().contains("columns = 1,2"));
    let mut bench = Bench::new("a.tsv", &table);
    bench.job.source.files[0] = bench.folder.path().join("none.tsv");
    assert!(matches!(bench.run().unwrap_err(), TextError::Missing { .. }));
    bench.job.source.files[0] = bench.folder.path().to_owned();
    assert!(matches!(bench.run().unwrap_err(), TextError::Unreadable { .. }));
}

/// Opening a pipe would wait for whoever writes to it.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_unopened() {
    let mut bench = Bench::new("a.tsv", tsv(&pairs(40)));
    let pipe = bench.folder.path().join("pipe.tsv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for file in [pipe, "/dev/zero".into()] {
        bench.job.source.files[0] = file;
        let error = bench.run().unwrap_err();
        assert!(matches!(error, TextError::NotAFile { .. }), "{error}");
    }
}

#[test]
fn a_text_may_begin_with_letters_that_a_packer_begins_with() {
    let bench = Bench::new("a.tsv", format!("BZh. steht hier\tBZh. stands here\n{}", tsv(&pairs(40))));
    assert_eq!(bench.run().unwrap().read, 41);
    // The program's own files hold text from their first byte, whatever the raw file began with.
    let all: String = ["a", "b"].iter().map(|n| format!(" BZh91AY&SY is {n}\tBZh91AY&SY ist {n}\n")).collect();
    let config = |bench: &mut Bench| bench.job.config.keep = vec![Reason::Language];
    let mut bench = Bench::new("a.tsv", all + &tsv(&pairs(40)));
    config(&mut bench);
    assert_eq!(bench.run().unwrap().read, 42);
    assert_eq!(bench.kept().len(), 42);
}

#[test]
fn endings_that_are_formats_are_no_languages() {
    let named = |names: [&str; 2]| Source::languages(&names.map(PathBuf::from));
    assert_eq!(named(["a.tsv", "b.tab"]), None);
    assert_eq!(named(["a.de.gz", "a.en"]), Some(Languages { source: "de".into(), target: "en".into() }));
}

/// The sides are told by the files' endings, whatever order a shell has put them in.
#[test]
fn two_files_that_are_named_by_their_languages_are_taken_the_right_way_round() {
    let of = |names: [&str; 2], source: &str, target: &str| {
        let languages = Languages { source: source.to_owned(), target: target.to_owned() };
        Source::of(&names.map(PathBuf::from), &SourceOptions::default(), &languages)
    };
    let order = |names: [&str; 2], source: &str, target: &str| {
        let files = of(names, source, target).unwrap().files;
        [files[0].display().to_string(), files[1].display().to_string()]
    };
    assert_eq!(order(["v.de", "v.en"], "en", "de"), ["v.en", "v.de"]);
    assert_eq!(order(["v.de.gz", "v.en.zst"], "en", "de"), ["v.en.zst", "v.de.gz"]);
    assert_eq!(order(["v.de", "v.en"], "de", "en"), ["v.de", "v.en"]);
    for names in [["b.txt", "a.txt"], ["v.fr", "v.it"], ["v.de", "v.txt"], ["v.src", "v.en"]] {
        assert_eq!(order(names, "de", "en"), names, "as they come");
    }
    // One of them says that it is the other side, and the other says nothing.
    for names in [["v.en", "v.txt"], ["v.txt", "v.de"], ["a/v.de", "b/v.de"]] {
        let told = of(names, "de", "en").unwrap_err().to_string();
        assert!(told.contains(names[0]) && told.contains("other side"), "{told}");
    }
}
