//! Sentences of running text: rules one by one, and what holds for any text.

use lsra_text::moses::Language;
use lsra_text::sentences::Splitter;
use proptest::prelude::*;

fn split(language: Option<Language>, text: &str) -> Vec<String> {
    Splitter::new(language).split(text).sentences.iter().map(|s| s.text.to_owned()).collect()
}

/// `|` stands where a sentence ends, in place of a space.
fn holds(language: Option<Language>, marked: &str) {
    let expected: Vec<&str> = marked.split('|').collect();
    assert_eq!(split(language, &marked.replace('|', " ")), expected);
}

#[test]
fn german() {
    for marked in [
        "Das ist gut.|Das auch!|Und das?|Ja.",
        "Am 3. Oktober kam er.|Der 14. Band fehlt.|Im 19. Jahrhundert war das so.|Ludwig XIV. Sonnenkönig.",
        "Zum 100. Geburtstag kamen 250 Gäste.|Das war 1989.|Danach ging sie.",
        "Er wurde Dritter von 12.|Die anderen lachten.",
        "Dr. Weiß und Prof. Dr. Groß, z. B. Anna, sind da.|Sie bleiben ca. 3 Std. hier.",
        "Äpfel, Birnen usw. Obst isst er gern.|Er mag Äpfel usw.|Danach schläft er.",
        "Es kostet 3.50 Euro bzw. 1.000,50 Euro.|Die Nr. 5 lebt.",
        "\"Komm!\", rief er.|\"Ich komme.\"|Sie kam.|»Wirklich?« fragte er.|„Ja.“|„Gut.“",
        "(Das steht im Anhang.)|Mehr nicht.|(Siehe dort.)|Ende.",
        "Ich weiß nicht...|Vielleicht.|Nun … doch nicht.|Na gut …|Also!",
        "Siehe www.beispiel.de/a?b=1.|Dort steht mehr.|Schreib an a.b@c.de!|Danke.",
        "Was?!|Wie bitte?!?|Unsinn!!!",
        "i. d. R. geht das, d. h. meistens, u. a. Montags.|Herr K. Meier kam.",
        "1. Das Haus ist alt.|2. Der Garten ist neu.",
        "Das war Plan B.|Der Plan ging auf.|Vgl. Abb. 3 und Abs. 2.",
        "Danke!|😀 Bis morgen.",
        "Danke!😀|Bis morgen.👍🏽❤️|\"Ja!😀\"|Nein. 😀 so nicht.",
        "Er kam am 3.😀 Oktober.|Sie?!😀 fragte er.|Zwei Hunde😀 spielen.|Gut😀.|Ende!😀",
        "Es war um 9.30 Uhr.|14 Leute kamen.",
    ] {
        holds(Some(Language::German), marked);
    }
}

#[test]
fn english() {
    for marked in [
        "Mr. Smith met Dr. J. R. Jones Jr. at 5 p.m. on Monday.|They talked.",
        "He lives in the U.S. Army base.|She left the U.S.|The rest stayed.",
        "See No. 7 on p. 3, e.g. the map, i.e. Figs. 2 and 3.|Is it? No.|Yes!",
        "\"Stop!\" he said.|\"Why?\"|\"Because.\"|It ended.",
        "It costs $3.50.|That is version 2.0.1 of it.|In 1999.|Then 2000 came.",
        "Smith et al. found it (Brown Inc. paid).|Apple Inc. grew.",
        "Wait ... what?|I said so...|You did.",
    ] {
        // `Is it? No.` is two sentences whatever stands behind them.
        holds(Some(Language::English), &marked.replace("it? No", "it?|No"));
    }
}

#[test]
fn french() {
    for marked in [
        "M. Le Gall et Mme Petit, p. ex., sont là.|Ils restent !|Pourquoi ?|Parce que.",
        "« Viens ! »|Il partit.|« Quoi ? » demanda-t-il.|« Rien. », dit-elle.",
        "Il vit av. J.-C. en 52.|L'art. 3 dit ceci.|C'est l'env. de Lyon.",
        "Des pommes, des poires, etc.|L'homme en achète.",
    ] {
        holds(Some(Language::French), marked);
    }
}

#[test]
fn without_a_language() {
    for marked in [
        "Uno dos. tres.|Cuatro!|¿Cinco?|¡Seis!|«Siete.»|Ocho.",
        "J. Smith is 3.5 m tall.|The U.S. Army is not. e.g. this.",
    ] {
        holds(None, marked);
    }
    assert_eq!(split(None, "今日は。元気ですか？はい！"), ["今日は。", "元気ですか？", "はい！"]);
    assert_eq!(split(None, "यह घर है। वह पेड़ है।"), ["यह घर है।", "वह पेड़ है।"]);
    assert_eq!(split(None, "هل أنت بخير؟ نعم."), ["هل أنت بخير؟", "نعم."]);
}

#[test]
fn white_space_is_kept() {
    let text = " \tEins ist hier.  Zwei\r\nist da.\r\n\r\nTitel\n\nDrei.\u{A0}Vier \u{2029}fünf\n";
    let split = Splitter::new(Some(Language::German)).split(text);
    assert_eq!(split.before, " \t");
    let parts: Vec<(&str, &str)> = split.sentences.iter().map(|s| (s.text, s.space)).collect();
    assert_eq!(
        parts,
        [
            ("Eins ist hier.", "  "),
            ("Zwei\r\nist da.", "\r\n\r\n"),
            ("Titel", "\n\n"),
            ("Drei.", "\u{A0}"),
            ("Vier", " \u{2029}"),
            ("fünf", "\n"),
        ]
    );
    assert_eq!(Splitter::new(None).split("\n \t").before, "\n \t");
    // A mark that closes a sentence, alone in its line before the blank one.
    let closed = Splitter::new(None).split("z.\n»\n\nDa.");
    let found: Vec<(&str, &str)> = closed.sentences.iter().map(|s| (s.text, s.space)).collect();
    assert_eq!(found, [("z.\n»", "\n\n"), ("Da.", "")]);
    assert!(Splitter::new(None).split("\n \t").sentences.is_empty());
}

#[test]
fn a_megabyte_of_anything_is_split_whole() {
    // Squares of a million would take minutes.
    for unit in [
        ".",
        "a. ",
        " ",
        ")",
        "\") \u{301}",
        "】",
        "❛❜",
        "⸀⸆",
        "\u{FF9E} ",
        "\u{200B} ",
        "\u{A0}\t",
        "😀",
        "!😀",
        "1.",
        "?! ",
        "... ",
        "x",
        "\"",
        "« ",
        ". (",
        "usw. ",
        "z. B. ",
        "\n",
    ] {
        let text = ["A man runs.", &unit.repeat((1 << 20) / unit.len()), "A dog runs."].concat();
        for language in [Some(Language::German), Some(Language::French), None] {
            let split = Splitter::new(language).split(&text);
            let bytes: usize = split.sentences.iter().map(|s| s.text.len() + s.space.len()).sum();
            assert_eq!(split.before.len() + bytes, text.len());
        }
    }
}

#[test]
fn long_runs_end_sentences_as_short_ones_do() {
    for between in [" ", "\t\n", ")", "\"”", "\u{301} "] {
        for (before, after) in
            [("A man runs.", " A dog"), ("A man runs?", " a dog"), ("A man", " A dog"), ("Dr.", " Who")]
        {
            let count = |times| split(Some(Language::English), &[before, &between.repeat(times), after].concat()).len();
            assert_eq!([count(20), count(1000)], [count(5); 2], "{before:?} {between:?}");
        }
    }
    let text = ["Aha.", &" ".repeat(99), "B?😀", &"\t".repeat(99), "C."].concat();
    let split = Splitter::new(None).split(&text);
    let found: Vec<(&str, usize)> = split.sentences.iter().map(|s| (s.text, s.space.len())).collect();
    assert_eq!(found, [("Aha.", 99), ("B?😀", 99), ("C.", 0)]);
}

#[test]
fn a_sentence_goes_on_or_ends_behind_an_emoji() {
    assert_eq!(split(None, "A man runs!😀Two dogs play.😀two"), ["A man runs!😀", "Two dogs play.😀two"]);
}

fn languages() -> impl Strategy<Value = Option<Language>> {
    prop::sample::select(vec![None, Some(Language::German), Some(Language::English), Some(Language::French)])
}

/// Text with much of what rules look at.
fn texts() -> impl Strategy<Value = String> {
    let words = [
        "Haus", "das", "Das", "z.", "B.", "Dr.", "3.", "usw.", "...", "…", ".", "?", "!", "\"", "«", "»", "„", "“",
        "(", ")", "'", "a.b", "U.S.", "1.000,5", "。", "\n", "\n\n", "\r\n", "\t", " ", " ", "\u{A0}", "\u{2028}",
        "\u{85}", "é", "😀", "-",
    ];
    let mixed = prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat());
    prop_oneof![3 => mixed, 1 => any::<String>()]
}

proptest! {
    #[test]
    fn sentences_and_their_spaces_are_the_text(text in texts(), language in languages()) {
        let split = Splitter::new(language).split(&text);
        let mut joined = split.before.to_owned();
        for s in &split.sentences {
            prop_assert!(!s.text.is_empty() && s.text.trim() == s.text, "{:?}", s);
            prop_assert!(s.space.chars().all(char::is_whitespace), "{:?}", s);
            joined += s.text;
            joined += s.space;
        }
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn a_small_letter_begins_no_sentence(text in "([Aa]b|[.?!]|\"| ){0,30}", language in languages()) {
        let split = Splitter::new(language).split(&text);
        for s in split.sentences.iter().skip(1) {
            prop_assert!(!s.text.trim_start_matches(['"', ' ']).starts_with('a'), "{:?}", split);
        }
    }
}
