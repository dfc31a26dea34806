use super::*;
use proptest::prelude::*;

fn cut(language: Language, line: &str) -> String {
    Tokeniser::new(language).escapes(Escapes::Off).tokenise(line)
}

#[test]
fn apostrophes_go_with_the_language() {
    for (language, line, tokens) in [
        (Language::English, "I'm at O'Neil's, the '90s' 1990's", "I 'm at O 'Neil 's , the ' 90s ' 1990 's"),
        (Language::French, "C'est l'homme d'1 m", "C' est l' homme d ' 1 m"),
        (Language::German, "Wie geht's?", "Wie geht ' s ?"),
    ] {
        assert_eq!(cut(language, line), tokens);
    }
}

#[test]
fn periods_stay_with_abbreviations_but_not_at_the_end() {
    for (language, line, tokens) in [
        (Language::English, "Mr. A. Smith of the U.S. left.", "Mr. A. Smith of the U.S. left ."),
        (Language::English, "He lives in the U.S.", "He lives in the U.S ."),
        (Language::English, "No. 7 or No. Ten", "No. 7 or No . Ten"),
        (Language::English, "end. then. Now. 5", "end. then . Now . 5"),
        (Language::German, "Am 3. Mai, d.h. bald usw.", "Am 3. Mai , d.h. bald usw ."),
        (Language::French, "Voir p.ex. Il a. Elle", "Voir p.ex. Il a . Elle"),
    ] {
        assert_eq!(cut(language, line), tokens);
    }
    let as_any_other = Tokeniser::new(Language::English).last_word(LastWord::AsAnyOther);
    assert_eq!(as_any_other.tokenise("He lives in the U.S."), "He lives in the U.S.");
    assert_eq!(as_any_other.tokenise("He lives."), "He lives .");
}

#[test]
fn commas_dots_and_hyphens() {
    let english = |line| cut(Language::English, line);
    assert_eq!(english("1,000,5 a,b,,c 3, x,4 5,"), "1,000,5 a , b , , c 3 , x , 4 5 ,");
    assert_eq!(english("wait...what..?. .... end.'"), "wait ... what .. ? . .... end . '");
    let split = Tokeniser::new(Language::English).hyphens(Hyphens::Split);
    assert_eq!(split.tokenise("a-b-c -d e- 1-2"), "a @-@ b @-@ c -d e- 1 @-@ 2");
}

#[test]
fn entities_and_white_space() {
    let tokeniser = Tokeniser::new(Language::English);
    assert_eq!(
        tokeniser.tokenise(" <a>\t[b]\u{a0}|\u{1} & \"c\"  "),
        "&lt; a &gt; &#91; b &#93; &#124; &amp; &quot; c &quot;"
    );
    assert_eq!(tokeniser.tokenise(" \u{2003} "), "");
    let back = Detokeniser::new(Language::English);
    assert_eq!(back.detokenise("&bra; &amp;lt; &ket; & &unknown;"), "[&lt;] & &unknown;");
}

#[test]
fn sentences_come_back() {
    for (language, line) in [
        (Language::English, "\"Well, it's Tom's,\" he said (twice): $5, or 50%!"),
        (Language::English, "The dogs' bowls aren't state-of-the-art."),
        (Language::German, "Er sagte: \"Das kostet 1.000,50 €, z.B. [heute]; oder?\""),
        (Language::French, "Qu'est-ce que l'art ? Il a dit : \"C'est ça\" !"),
    ] {
        let tokens = Tokeniser::new(language).tokenise(line);
        assert_eq!(Detokeniser::new(language).detokenise(&tokens), line, "{tokens}");
    }
}

#[test]
fn punctuation_is_normalised() {
    for (language, line, normalised) in [
        (Language::English, "“Curly,” she said – it’s ( fine )…", "\"Curly,\" she said - it's (fine) ..."),
        (Language::English, "\"a\", \"b\".", "\"a,\" \"b.\""),
        (Language::German, "„Gut.“ <b>Er,\" 2\u{a0}000\u{a0}%", "\"Gut\". <b>Er\", 2,000%"),
        (Language::German, "Ende.\"", "Ende.\""),
        (Language::German, "Ende.\" <i>", "Ende\". <i>"),
        (Language::German, "Ende.\"<i>", "Ende.\"<i>"),
        (Language::French, "«\u{a0}Oui\u{a0}»\u{a0}! nº\u{a0}5", "\"Oui\"! nº 5"),
    ] {
        assert_eq!(Normaliser::new(language).normalise(line), normalised);
    }
    let perl = Normaliser::new(Language::English).quotes(Quotes::Perl);
    assert_eq!(perl.normalise("it’s ’so’"), "it's \"so\"");
}

#[test]
fn languages_have_codes() {
    for language in Language::ALL {
        assert_eq!(language.to_string().parse(), Ok(language));
    }
    assert!("nl".parse::<Language>().unwrap_err().to_string().contains("de, en or fr"));
}

fn any_language() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

/// Lines that reach the rules: what they look for, in any order.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        ".*",
        "[-.,'\"`’‘„“”«»–—…()<>\\[\\]{}|&;:%!?$€0-9a-zA-Zäß½٣漢\u{a0}\u{1}\u{85}\u{301} ]{0,40}",
        "([a-zA-Z]{1,3}|[0-9]{1,2}|[.,']){0,20}"
    ]
}

proptest! {
    #[test]
    fn any_text_has_an_answer(language in any_language(), line in any_line()) {
        let tokens = Tokeniser::new(language).hyphens(Hyphens::Split).tokenise(&line);
        prop_assert_eq!(tokens.split_whitespace().collect::<Vec<_>>().join(" "), tokens.clone());
        prop_assert!(!tokens.contains(['<', '>', '|', '\'', '"', '[', ']']));
        let sentence = Detokeniser::new(language).detokenise(&tokens);
        prop_assert!(!sentence.contains("  ") && sentence.trim() == sentence);
        Detokeniser::new(language).detokenise(&line);
        Normaliser::new(language).quotes(Quotes::Perl).normalise(&line);
        let normalised = Normaliser::new(language).normalise(&line);
        prop_assert!(!normalised.contains(['“', '”', '„', '«', '»', '–', '—', '…', '´', '`']));
    }

    /// Cutting adds and removes white space and control characters, and nothing else.
    #[test]
    fn every_other_character_survives(language in any_language(), line in any_line()) {
        let visible = |text: &str| text.chars().filter(|&c| !c.is_whitespace() && c >= ' ').collect::<String>();
        prop_assert_eq!(visible(&cut(language, &line)), visible(&line));
        let entities = Tokeniser::new(language).tokenise(&line);
        prop_assert_eq!(detokenise::unescape(&entities), cut(language, &line));
    }

    /// Words with punctuation as it is usually written come back as they were.
    #[test]
    fn plain_sentences_come_back(
        language in any_language(),
        words in prop::collection::vec("[A-Z]?[b-z]{3,8}", 1..12),
        joints in prop::collection::vec(prop::sample::select(vec![" ", ", ", " - ", "-"]), 12),
        end in prop::sample::select(vec![".", "...", ""]),
    ) {
        let mut line = words[0].clone();
        for (word, joint) in words[1..].iter().zip(&joints) {
            line = line + joint + word;
        }
        // An ellipsis is a token that nothing moves.
        let line = if end == "..." { format!("{line} : x") } else { line + end };
        let line = if language == Language::French { line } else { line.replace(" :", ":") };
        let tokens = Tokeniser::new(language).tokenise(&line);
        prop_assert_eq!(Detokeniser::new(language).detokenise(&tokens), line);
    }
}
