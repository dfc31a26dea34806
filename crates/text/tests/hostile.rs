//! Files that are almost what they should be: valid ones of each kind, cut, spliced, with huge counts and bytes that are no text.
//! Every reader answers with a value or a typed error, without a panic, and takes memory in proportion to the file.
//!
//! Memory is what a counting allocator sees, so the tests of this file take turns.

use lsra_text::demo::{DemoSizes, generate};
use lsra_text::prepare::{Preparation, PrepareConfig, Reason, Source, SourceOptions, run};
use lsra_text::{Bpe, Languages, PieceCount, TextError, Vocabulary};
use proptest::prelude::*;
use proptest::sample::Index;
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; what is counted beside it touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Held by the test that measures.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Bytes that were allocated at once while `work` ran, beyond those before it.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = work();
    (result, MOST.load(Relaxed).saturating_sub(before))
}

/// What befalls a file.
#[derive(Clone, Debug)]
enum Mutation {
    /// It ends early.
    Truncate(Index),
    /// Some bytes become these.
    Replace(Index, Vec<u8>),
    /// These come in between.
    Insert(Index, Vec<u8>),
    /// A line comes twice, elsewhere.
    CopyLine(Index, Index),
    /// A line goes.
    DropLine(Index),
    /// A column of a line goes, or comes twice.
    DropColumn(Index),
    DoubleColumn(Index),
    /// A number becomes a huge one.
    HugeNumber(Index),
    /// A piece of the file, a thousand times over.
    Swell(Index, Index),
}

/// Bytes that mean something to one reader or another.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"\0",
        b"\r",
        b"\n\n",
        b"\t",
        b"\t\t",
        b" ",
        b"\xFF",
        b"\xC3",
        b"\xED\xA0\x80",
        b"\xEF\xBB\xBF",
        b"\x1F\x8B",
        b"</w>",
        b"@@",
        b"\xE2\x96\x81",
        b"<unk>",
        b"</s>",
        b"#version: 0.1\n",
        b"-1",
        b"1e999",
        b"{",
        b"[[[[",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"\xF0\x9F\x98\x80",
        b"\xC2\x85",
        b"\xE2\x80\xA8",
    ];
    prop_oneof![prop::sample::select(known).prop_map(<[u8]>::to_vec), prop::collection::vec(any::<u8>(), 1..6),]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Mutation::Truncate),
        (index(), token()).prop_map(|(at, bytes)| Mutation::Replace(at, bytes)),
        (index(), token()).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (index(), index()).prop_map(|(from, to)| Mutation::CopyLine(from, to)),
        index().prop_map(Mutation::DropLine),
        index().prop_map(Mutation::DropColumn),
        index().prop_map(Mutation::DoubleColumn),
        index().prop_map(Mutation::HugeNumber),
        (index(), index()).prop_map(|(from, to)| Mutation::Swell(from, to)),
    ]
}

fn at(index: &Index, length: usize) -> usize {
    index.index(length + 1)
}

fn mutate(mut bytes: Vec<u8>, mutation: &Mutation) -> Vec<u8> {
    let length = bytes.len();
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return bytes;
    }
    match mutation {
        Mutation::Truncate(to) => bytes.truncate(at(to, length)),
        Mutation::Replace(from, with) => {
            let from = at(from, length);
            bytes.splice(from..(from + with.len()).min(length), with.iter().copied());
        }
        Mutation::Insert(before, with) => {
            let before = at(before, length);
            bytes.splice(before..before, with.iter().copied());
        }
        Mutation::CopyLine(from, to) => {
            let line = from.get(&lines).clone();
            lines.insert(at(to, lines.len()), line);
            bytes = lines.concat();
        }
        Mutation::DropLine(which) => {
            lines.remove(which.index(lines.len()));
            bytes = lines.concat();
        }
        Mutation::DropColumn(which) | Mutation::DoubleColumn(which) => {
            let at = which.index(lines.len());
            let line = &mut lines[at];
            let column = line.iter().position(|b| matches!(b, b'\t' | b' ' | b',')).map_or(line.len(), |i| i + 1);
            let first: Vec<u8> = line.drain(..column).collect();
            if matches!(mutation, Mutation::DoubleColumn(_)) {
                *line = [&first[..], &first, line].concat();
            }
            bytes = lines.concat();
        }
        Mutation::HugeNumber(from) => {
            let from = at(from, length);
            if let Some(digit) = bytes[from..].iter().position(u8::is_ascii_digit) {
                bytes.splice(from + digit..from + digit + 1, b"99999999999999999999999".iter().copied());
            }
        }
        Mutation::Swell(from, to) => {
            let (a, b) = (at(from, length), at(to, length));
            let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 64));
            let swollen = bytes[a..b].repeat(1000);
            bytes.splice(a..b, swollen);
        }
    }
    bytes
}

fn mutated(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(mutation(), 1..5).prop_map(move |m| m.iter().fold(valid.clone(), mutate))
}

fn raw_bpe() -> Bpe {
    let texts = generate(DemoSizes { train: 60, valid: 0, test: 0 }, 3).train;
    let lines: Vec<String> = texts.source.into_iter().chain(texts.target).collect();
    let mut characters = BTreeMap::new();
    lines.iter().flat_map(|l| l.chars()).for_each(|c| *characters.entry(c).or_insert(0) += 1);
    Bpe::learn_raw(&characters, lines.iter(), PieceCount::Vocabulary(120))
}

fn codes() -> Vec<u8> {
    b"#version: 0.2\ne n</w>\nc h\ni n\nn d</w>\nu nd</w>\ne r</w>\ni e</w>\nd ie</w>\n".to_vec()
}

fn dictionary() -> Vec<u8> {
    "▁ein 21\n, 17\n▁das 9\nhaus@@ 4\nü 2\nmadeupword0000 0\n".into()
}

fn corpus(name: &str) -> Vec<u8> {
    let texts = generate(DemoSizes { train: 40, valid: 0, test: 0 }, 5).train;
    let pairs = texts.source.iter().zip(&texts.target);
    let text: String = match name {
        "tsv" => pairs.map(|(s, t)| format!("{s}\t{t}\t{}\n", s.len())).collect(),
        _ => pairs.map(|(s, t)| serde_json::json!({ "de": s, "en": t, "n": 12 }).to_string() + "\n").collect(),
    };
    text.into_bytes()
}

/// What a file may cost: the readers hold it, its lines and what they make of them, a few dozen bytes for each of its own.
fn allowed(bytes: &[u8]) -> usize {
    (1 << 16) + 100 * bytes.len()
}

fn in_file<T>(bytes: &[u8], read: impl FnOnce(&std::path::Path) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read(file.path())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn dictionaries(bytes in mutated(dictionary())) {
        let _turn = turn();
        let (result, peak) = peak(|| in_file(&bytes, Vocabulary::from_file));
        prop_assert!(peak <= allowed(&bytes), "{peak} bytes for {}", bytes.len());
        if let Ok(vocabulary) = result {
            // What was understood can be used and stored.
            let text = vocabulary.to_bytes();
            prop_assert_eq!(Vocabulary::from_bytes("a file", &text).unwrap(), vocabulary);
        }
    }

    #[test]
    fn codes_of_merges(bytes in mutated(codes())) {
        let _turn = turn();
        // The model keeps a cache of words, of one size whatever the file's.
        let (result, peak) = peak(|| in_file(&bytes, Bpe::from_codes));
        prop_assert!(peak <= allowed(&bytes) + (16 << 20), "{peak} bytes for {}", bytes.len());
        if let Ok(bpe) = result {
            let line = "und das ein die ch </w> \u{E000} @@";
            prop_assert_eq!(Bpe::join(&bpe.cut(line)), line);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tokenisers(raw: bool, changes in prop::collection::vec(mutation(), 1..4)) {
        let _turn = turn();
        let valid = if raw { raw_bpe().to_json() } else { in_file(&codes(), Bpe::from_codes).unwrap().to_json() };
        let bytes = changes.iter().fold(valid, mutate);
        let (result, peak) = peak(|| Bpe::from_json("a file", &bytes));
        prop_assert!(peak <= allowed(&bytes) + (16 << 20), "{peak} bytes for {}", bytes.len());
        match result {
            Ok(bpe) => {
                let line = "ein haus, 42 ü";
                prop_assert_eq!(bpe.spelling().join(&bpe.cut(line)), line);
            }
            Err(error) => prop_assert!(matches!(error, TextError::BadTokenizer { .. }), "{}", error),
        }
    }

    #[test]
    fn corpora(table: bool, changes in prop::collection::vec(mutation(), 1..5), most in 16usize..2000) {
        let _turn = turn();
        let name = if table { "tsv" } else { "jsonl" };
        let bytes = changes.iter().fold(corpus(name), mutate);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("a.{name}"));
        fs::write(&file, &bytes).unwrap();
        let languages = Languages { source: "de".into(), target: "en".into() };
        let job = Preparation {
            source: Source::of(&[file], &SourceOptions::default(), &languages).unwrap(),
            languages,
            config: PrepareConfig { max_line_bytes: most, vocabulary: Some(60), keep: vec![Reason::Ratio], ..PrepareConfig::default() },
            out: folder.path().join("out"),
        };
        let (result, peak) = peak(|| run(&job, &mut |_| ()));
        // Two profiles of 4 MiB, twelve open files, the tokeniser's cache.
        prop_assert!(peak <= allowed(&bytes) + (48 << 20), "{peak} bytes for {}", bytes.len());
        match result {
            Ok(report) => {
                let dropped: u64 = report.dropped.iter().map(|d| d.count).sum();
                prop_assert_eq!(report.read, dropped + report.kept() as u64);
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
    }
}

/// A line that never ends, and a small file that unpacks to a large one.
#[test]
fn lines_of_any_length_take_no_more_memory() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let languages = Languages { source: "de".into(), target: "en".into() };
    let mut plain = vec![b'a'; 64 << 20];
    plain.extend(b"\tx\n");
    plain.extend(corpus("tsv"));
    let packed = ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    assert!(packed.len() < plain.len() / 100);
    for (name, bytes) in [("a.tsv", &plain), ("b.tsv.zst", &packed)] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let job = Preparation {
            source: Source::of(&[file], &SourceOptions::default(), &languages).unwrap(),
            languages: languages.clone(),
            config: PrepareConfig { vocabulary: Some(60), ..PrepareConfig::default() },
            out: folder.path().join(format!("out-{name}")),
        };
        let (report, peak) = peak(|| run(&job, &mut |_| ()).unwrap());
        assert_eq!(report.read, 41);
        assert!(peak < 48 << 20, "{name}: {peak} bytes");
    }
}

/// What is no dictionary at all, as a film, is not read whole.
#[cfg(unix)]
#[test]
fn an_endless_file_is_refused() {
    let _turn = turn();
    let (result, peak) = peak(|| Vocabulary::from_file(std::path::Path::new("/dev/zero")));
    let error = result.unwrap_err();
    assert!(matches!(error, TextError::TooLarge { .. }), "{error}");
    assert!(peak <= 1 << 30, "{peak} bytes");
}
