//! Archives as fairseq's, of sentences of our own, and as nobody honest has them.

use flate2::Compression;
use flate2::write::GzEncoder;
use lsra_text::demo::{DemoSizes, generate};
use std::io::Write;
use tar::{Builder, EntryType, Header};

const PARTS: [&str; 5] = ["TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012"];

/// An entry whose name is written as it is, whatever a builder would say of it.
pub fn entry(builder: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The files of a corpus: talks of the demo's grammar.
pub fn files(sentences: usize) -> Vec<(String, String)> {
    let texts = generate(DemoSizes { train: sentences, valid: 0, test: 15 }, 5);
    let mut files = Vec::new();
    for (language, train, test) in
        [("de", texts.train.source, texts.test.source), ("en", texts.train.target, texts.test.target)]
    {
        let about = "<url>x</url>\n<keywords>a</keywords>\n<talkid>1</talkid>\n<title>42</title>\n<description>Ok .</description>\n";
        files.push((format!("train.tags.de-en.{language}"), format!("{about}{}\n", train.join("\n"))));
        for (n, part) in PARTS.iter().enumerate() {
            let segments = test[3 * n..3 * n + 3].iter().map(|line| format!("<seg id=\"{n}\"> {line} </seg>\n"));
            let text = format!("<?xml version=\"1.0\"?>\n<mteval>\n{}</mteval>\n", segments.collect::<String>());
            files.push((format!("IWSLT14.{part}.de-en.{language}.xml"), text));
        }
    }
    files
}

/// The archive with these entries after its folder, and what is `added`.
pub fn archive(files: &[(String, String)], added: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    // As other programs write them: a note for all, one for the next entry, a path with a dot, files nobody needs.
    entry(&mut builder, EntryType::XGlobalHeader, "pax_global_header", b"19 comment=whatever\n");
    entry(&mut builder, EntryType::Directory, "./de-en/", b"");
    entry(&mut builder, EntryType::Regular, "de-en/README", b"hello");
    for (n, (name, content)) in files.iter().enumerate() {
        if n == 0 {
            entry(&mut builder, EntryType::XHeader, "PaxHeader/x", b"20 atime=1234567890\n");
        }
        let dot = if n % 2 == 0 { "./" } else { "" };
        entry(&mut builder, EntryType::Regular, &format!("{dot}de-en/{name}"), content.as_bytes());
    }
    added(&mut builder);
    gz(&builder.into_inner().unwrap())
}
