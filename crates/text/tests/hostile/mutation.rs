//! What happens to files.

use proptest::prelude::*;
use proptest::sample::Index;

/// What befalls a file.
#[derive(Clone, Debug)]
pub enum Mutation {
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

pub fn mutation() -> impl Strategy<Value = Mutation> {
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

pub fn mutate(mut bytes: Vec<u8>, mutation: &Mutation) -> Vec<u8> {
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
