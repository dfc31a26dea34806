//! `lsra text`: Moses's rules, a line for a line.

use crate::program::{Workshop, argument, assert_refused, feed};

#[test]
fn lines_are_cut_joined_and_normalised() {
    let w = Workshop::new();
    let rules = |arguments: &[&str], input: &str| feed(w.plain(&[&["text"], arguments].concat()), input);
    let raw = "\"Dr. Who\" isn't well-known.\n\n[x] & 5,000\n";
    let tokens = "&quot; Dr. Who &quot; isn &apos;t well-known .\n\n&#91; x &#93; &amp; 5,000\n";
    assert_eq!(rules(&["tokenise", "--language", "en"], raw), tokens);
    assert_eq!(
        rules(&["tokenise", "--language", "en", "--no-escapes", "--split-hyphens"], raw),
        "\" Dr. Who \" isn 't well @-@ known .\n\n[ x ] & 5,000\n"
    );
    assert_eq!(rules(&["detokenise", "--language", "en"], tokens), raw);
    assert_eq!(rules(&["normalise", "--language", "de"], "„Ja“ – 5\u{a0}%\n"), "\"Ja\" - 5%\n");
    assert_eq!(rules(&["normalise", "--language", "fr", "--perl-quotes"], "l’ ’\n"), "l\" \"\n");
}

#[test]
fn files_are_read_and_written() {
    let w = Workshop::new();
    let (input, output) = (w.file("input", "C'est ça.\n"), argument(&w.path("output")));
    let arguments = ["text", "tokenise", "--language", "fr", "--no-escapes", "--input", &input, "--output", &output];
    assert!(w.plain(&arguments).status().unwrap().success());
    assert_eq!(std::fs::read_to_string(output).unwrap(), "C' est ça .\n");
    let none = w.plain(&["text", "normalise", "--language", "fr", "--input", "none"]).output().unwrap();
    assert_refused(&none, &["none", "no such file"]);
    let unknown = w.plain(&["text", "normalise", "--language", "nl"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("use de, en or fr"));
}
