//! BPE against subword-nmt's procedure, written out.

use lsra_text::prepare::TextForm;
use lsra_text::{Bpe, PieceCount, Spelling, TextError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;

/// subword-nmt's `encode`: as long as a pair of neighbours is in the codes, join the earliest learnt one wherever it stands.
fn reference(version: &str, codes: &[(String, String)], line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for word in line.split(' ').filter(|w| !w.is_empty()) {
        let mut symbols: Vec<String> = word.chars().map(String::from).collect();
        match version {
            "0.1" => symbols.push("</w>".into()),
            _ => symbols.last_mut().unwrap().push_str("</w>"),
        }
        let rank = |pair: &[String]| codes.iter().position(|(a, b)| *a == pair[0] && *b == pair[1]);
        while let Some(best) = symbols.windows(2).filter_map(rank).min() {
            let (left, right) = &codes[best];
            let mut joined: Vec<String> = Vec::new();
            let mut at = 0;
            while at < symbols.len() {
                if at + 1 < symbols.len() && symbols[at] == *left && symbols[at + 1] == *right {
                    joined.push(format!("{left}{right}"));
                    at += 2;
                } else {
                    joined.push(symbols[at].clone());
                    at += 1;
                }
            }
            symbols = joined;
        }
        let unmarked = symbols.last().unwrap().strip_suffix("</w>").unwrap().to_owned();
        symbols.pop();
        if !unmarked.is_empty() {
            symbols.push(unmarked);
        }
        let (last, others) = symbols.split_last().unwrap();
        pieces.extend(others.iter().map(|s| format!("{s}@@")));
        pieces.push(last.clone());
    }
    pieces
}

fn codes_file(version: &str, codes: &[(String, String)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "#version: {version}").unwrap();
    codes.iter().for_each(|(a, b)| writeln!(file, "{a} {b}").unwrap());
    file
}

/// Codes as they are learnt: a merge joins characters and the results of merges before it.
fn learnable_codes(version: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..24).prop_map(move |picks| {
        let mut inner: Vec<String> = ["a", "b", "ü", "ß"].map(String::from).into();
        let mut last: Vec<String> = match version {
            "0.1" => vec!["</w>".into()],
            _ => inner.iter().map(|s| format!("{s}</w>")).collect(),
        };
        let mut codes = Vec::new();
        for (left, right) in picks {
            let left = left.get(&inner).clone();
            let right = right.index(inner.len() + last.len());
            let right = if right < inner.len() { inner[right].clone() } else { last[right - inner.len()].clone() };
            let whole = format!("{left}{right}");
            let known = if whole.ends_with("</w>") { &mut last } else { &mut inner };
            if !known.contains(&whole) {
                known.push(whole);
                codes.push((left, right));
            }
        }
        codes
    })
}

fn pieces_equal(version: &str, codes: &[(String, String)], line: &str) -> Result<(), TestCaseError> {
    let bpe = Bpe::from_codes(codes_file(version, codes).path()).unwrap();
    let expected = reference(version, codes, line);
    // Twice, so that remembered words are seen too.
    for _ in 0..2 {
        prop_assert_eq!(bpe.cut(line), expected.clone());
    }
    prop_assert_eq!(Bpe::from_json("json", &bpe.to_json()).unwrap().cut(line), expected);
    Ok(())
}

proptest! {
    #[test]
    fn pieces_equal_the_procedure(codes in learnable_codes("0.2"), line in "[abüß中 \u{a0}]{0,40}") {
        pieces_equal("0.2", &codes, &line)?;
    }

    #[test]
    fn pieces_equal_the_procedure_of_old_codes(codes in learnable_codes("0.1"), line in "[abüß中 \u{a0}]{0,40}") {
        pieces_equal("0.1", &codes, &line)?;
    }

    #[test]
    fn joining_undoes_cutting(words in prop::collection::vec("[^ @\\s]{1,12}", 0..12)) {
        let lines = ["lower newer wider lower", "new low wide"];
        let bpe = Bpe::train(&lines, 8);
        let line = words.join(" ");
        prop_assert_eq!(Bpe::join(&bpe.cut(&line)), line);
    }
}

#[test]
fn unknown_characters_stay_themselves() {
    let bpe = Bpe::from_codes(codes_file("0.2", &[("a".into(), "b</w>".into())]).path()).unwrap();
    assert_eq!(
        bpe.cut("ab  中文 <unk> @@ ab@@"),
        ["ab", "中@@", "文", "<@@", "u@@", "n@@", "k@@", ">", "@@@", "@", "a@@", "b@@", "@@@", "@"]
    );
    assert!(bpe.cut("").is_empty() && bpe.cut("   ").is_empty());
}

#[test]
fn a_word_of_any_length_is_cut() {
    let bpe = Bpe::train(&["abab ab"], 2);
    let long = "ab".repeat(20_000);
    let pieces = bpe.cut(&long);
    assert_eq!(Bpe::join(&pieces), long);
    assert_eq!(pieces.len(), 20_000);
}

#[test]
fn learning_joins_the_most_frequent_pair_first_and_always_the_same() {
    let lines = ["es ist es ist es war", "das ist das", "er war es ja"];
    let bpe = Bpe::train(&lines, 2);
    // `e s</w>` stands four times; `i s` and `s t</w>` three times each.
    assert_eq!(bpe.cut("es")[..], ["es"]);
    let json = Bpe::train(&lines, 20).to_json();
    for _ in 0..10 {
        assert_eq!(Bpe::train(&lines, 20).to_json(), json);
    }
    assert_eq!(Bpe::train(&lines, 1000).cut("es ist das war"), ["es", "ist", "das", "war"]);
}

/// Pieces of raw text from a few lines.
fn raw(lines: &[&str], size: PieceCount) -> Bpe {
    let mut characters = BTreeMap::new();
    lines.iter().flat_map(|l| l.chars()).for_each(|c| *characters.entry(c).or_insert(0) += 1);
    Bpe::learn_raw(&characters, lines.iter(), size)
}

const RAW: [&str; 4] = [
    "Das ist ein Haus, und das ist kein Haus.",
    "Don't say \"it's 42°\" – say 'no'!",
    "Das Haus kostet 1.234,50 €; das Schloß 999 €.",
    "नमस्ते दुनिया, नमस्ते! 私は私です。",
];

proptest! {
    #[test]
    fn joining_gives_raw_text_back(line in any::<String>(), size in 20usize..200) {
        let bpe = raw(&RAW, PieceCount::Vocabulary(size));
        let line = TextForm::default().apply(&line);
        let pieces = bpe.cut(&line);
        prop_assert_eq!(Spelling::Spaced.join(&pieces), line.clone());
        let stored = Bpe::from_json("json", &bpe.to_json()).unwrap();
        prop_assert_eq!(stored.spelling(), Spelling::Spaced);
        prop_assert_eq!(stored.cut(&line), pieces);
    }

    /// Another program that loads the file gets the same tokens, and the text back.
    #[test]
    fn the_file_says_how_raw_text_is_cut(line in "[A-Za-zßüé ▁',.!?0-9€°–’\u{301}नमस्ते私は]{1,40}", merges in 0usize..60) {
        let bpe = raw(&RAW, PieceCount::Merges(merges));
        let line = TextForm::default().apply(&line);
        prop_assume!(!line.is_empty());
        let other = tokenizers::Tokenizer::from_bytes(bpe.to_json()).unwrap();
        let encoding = other.encode(line.as_str(), false).unwrap();
        let pieces = bpe.cut(&line);
        prop_assert_eq!(encoding.len(), pieces.len());
        for (token, piece) in encoding.get_tokens().iter().zip(&pieces) {
            prop_assert!(token == piece || token == "<unk>", "{} {}", token, piece);
        }
        if !encoding.get_tokens().contains(&"<unk>".to_owned()) {
            prop_assert_eq!(other.decode(encoding.get_ids(), false).unwrap(), line);
        }
    }
}

#[test]
fn pieces_of_raw_text_depend_on_the_text_alone() {
    let json = raw(&RAW, PieceCount::Vocabulary(60)).to_json();
    let mut turned = RAW;
    for _ in 0..10 {
        turned.rotate_left(1);
        assert_eq!(raw(&turned, PieceCount::Vocabulary(60)).to_json(), json);
    }
    let bpe = raw(&RAW, PieceCount::Merges(1000));
    assert_eq!(
        bpe.cut("das Haus ist 42, nicht"),
        ["▁das", "▁Haus", "▁ist", "▁", "4", "2", ",", "▁", "n", "i", "c", "h", "t"]
    );
    // Half of so few pieces at most are characters; the rarer ones stay themselves, and unknown.
    let few = raw(&RAW, PieceCount::Vocabulary(20));
    assert_eq!(few.cut("私 Haus").concat(), "▁私▁Haus");
}

#[test]
fn other_tokenisers_are_refused() {
    let bpe = raw(&RAW, PieceCount::Vocabulary(60));
    let json = String::from_utf8(bpe.to_json()).unwrap();
    for bytes in [
        json.replace("\"prepend_scheme\":\"always\"", "\"prepend_scheme\":\"never\""),
        json.replace("\"behavior\":\"Isolated\"", "\"behavior\":\"Removed\""),
        json.replace("|▁\"", "\""),
    ] {
        assert_ne!(bytes, json);
        let error = Bpe::from_json("model.safetensors", bytes.as_bytes()).map(|_| ()).unwrap_err();
        assert!(matches!(error, TextError::BadTokenizer { .. }), "{error}");
    }

    let bpe = Bpe::train(&["es ist"], 1);
    let json = String::from_utf8(bpe.to_json()).unwrap();
    for bytes in [
        "".to_owned(),
        "{}".to_owned(),
        json[..json.len() / 2].to_owned(),
        json.replace("\"end_of_word_suffix\":\"</w>\"", "\"end_of_word_suffix\":null"),
        json.replace("\"unk_token\":\"<unk>\"", "\"unk_token\":null"),
        json.replace("\"unk_token\":\"<unk>\"", "\"unk_token\":\"<none>\""),
        json.replace("\"byte_fallback\":false", "\"byte_fallback\":true"),
        json.replace("\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}"),
        json.replace("\"dropout\":null", "\"dropout\":0.5"),
    ] {
        assert_ne!(bytes, json);
        let error = Bpe::from_json("model.safetensors", bytes.as_bytes()).map(|_| ()).unwrap_err();
        assert!(matches!(error, TextError::BadTokenizer { .. }), "{error}");
        assert!(error.to_string().starts_with("model.safetensors: "), "{error}");
    }
}
