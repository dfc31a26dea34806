//! Raw text through `lsra translate`: what is cut is put together again, whatever the model says between.

use crate::program::{Workshop, feed, raw_model, stdout};
use lsra::text_model::{DECODING, LONGEST_SOURCE};
use lsra_text::prepare::Casing;
use serde_json::Value;

/// Sentences with all that may stand between them.
const PARAGRAPH: &str = " Das ist ein Haus.  Wo ist Tom?\tEr sieht den Baum!   ";

fn json(w: &Workshop, arguments: &[&str], input: &str) -> Vec<Value> {
    let found = w.piped("translate", &[arguments, &["--format", "json"]].concat(), input);
    found.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sources(object: &Value) -> Vec<&str> {
    object["sentences"].as_array().unwrap().iter().map(|s| s["source"].as_str().unwrap()).collect()
}

#[test]
fn sentences_are_translated_one_by_one_and_keep_their_space() {
    let w = Workshop::raw(Casing::Keep);
    let alone = |sentence: &str| stdout(&w.run("translate", &[sentence])).trim_end_matches('\n').to_owned();
    let [house, tom, tree] = ["Das ist ein Haus.", "Wo ist Tom?", "Er sieht den Baum!"].map(alone);
    let input = format!("{PARAGRAPH}\r\n\n \t\n{PARAGRAPH}");
    let expected = format!(" {house}  {tom}\t{tree}   ");
    assert_eq!(w.piped("translate", &[], &input), format!("{expected}\r\n\n \t\n{expected}\n"));

    let objects = json(&w, &[], &input);
    assert_eq!(objects.len(), 4, "a line in gives a line out");
    assert_eq!(sources(&objects[0]), ["Das ist ein Haus.", "Wo ist Tom?", "Er sieht den Baum!"]);
    assert_eq!(objects[0]["translations"][0], expected);
    assert_eq!(objects[1]["sentences"], Value::Array(Vec::new()));
    assert_eq!(sources(&json(&w, &["--split", "long"], PARAGRAPH)[0]), [PARAGRAPH.trim()]);
}

#[test]
fn sentences_go_on_in_the_next_line_when_asked() {
    let w = Workshop::raw(Casing::Keep);
    let input = "Das ist\r\nein Haus. Wo\nist Tom?\n\n\nEr sieht\n";
    let objects = json(&w, &["--paragraphs"], input);
    let found: Vec<Vec<&str>> = objects.iter().map(sources).collect();
    let expected = [&["Das ist\r\nein Haus.", "Wo\nist Tom?"][..], &[], &[], &["Er sieht"]];
    assert_eq!(found, expected);
    let unwrapped = w.piped("translate", &[], "Das ist ein Haus. Wo ist Tom?\n\n\nEr sieht\n");
    assert_eq!(w.piped("translate", &["--paragraphs"], input), unwrapped);
}

#[test]
fn a_sentence_longer_than_any_that_was_learnt_is_cut() {
    let w = Workshop::raw(Casing::Keep);
    let long = "Das ist ein Haus, und Peter mag den Hund; wir gehen heute nach Berlin, und Anna mag das Haus: sie kommen morgen";
    let objects = json(&w, &[], long);
    let parts = sources(&objects[0]);
    assert!(parts.len() > 1 && parts.join(" ") == long, "{parts:?}");
    assert!(parts[..parts.len() - 1].iter().all(|p| p.ends_with([';', ':', ','])), "{parts:?}");
    for object in json(&w, &["--longest", "6"], long) {
        assert!(sources(&object).len() > parts.len());
    }
    // An address is not, nor does it count as more than a name.
    let address = |parts: usize| format!("https://example.org/{}", "a/".repeat(parts));
    let text = format!("Er sieht {0} und {0}. Tom mag {0}.", address(40));
    let objects = json(&w, &[], &text);
    assert_eq!(sources(&objects[0]).len(), 2);
    assert_eq!(objects[0]["translations"][0].as_str().unwrap().matches(&address(40)).count(), 3);
    assert_eq!(stdout(&w.run("translate", &[&address(400)])).trim_end(), address(400));
    // A word without end too.
    assert_eq!(w.piped("translate", &[], &"Haus".repeat(500)).lines().count(), 1);
}

#[test]
fn what_is_no_language_stays_as_it_is() {
    let w = Workshop::raw(Casing::Keep);
    let input = "...\nhttps://www.example.org/a?b=1\n😀 👍🏽\n— * —\nЖуков, Жукова!\n@name_1\n";
    assert_eq!(w.piped("translate", &[], input), input);
    assert_ne!(w.piped("translate", &["--keep", "nothing"], input), input);
    // A model with random weights copies no name: then attention, or the place of the words before, has to do.
    let text = "Er sieht www.example.org/x_1 und a.b@c.de. Tom 😀 ist hier!😀\nTom mag Жуков und AB-1234.\n";
    let found = w.piped("translate", &["--n-best", "2", "--beam", "2"], text);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 4);
    for line in &lines[..2] {
        assert!(["www.example.org/x_1", "a.b@c.de"].iter().all(|kept| line.matches(kept).count() == 1), "{line}");
        assert!(line.matches('😀').count() == 2 && line.ends_with('😀'), "{line}");
    }
    for line in &lines[2..] {
        assert!(["Жуков", "AB-1234"].iter().all(|kept| line.matches(kept).count() == 1), "{line}");
    }
}

#[test]
fn marks_that_begin_a_line_stay_there() {
    let w = Workshop::raw(Casing::Keep);
    let marks = ["- ", "## ", "> * ", "  • "];
    let lines = marks.map(|mark| format!("{mark}Das ist ein Haus.\n"));
    let found = w.piped("translate", &[], &lines.concat());
    let bare = w.piped("translate", &[], "Das ist ein Haus.\n");
    assert_eq!(found, marks.map(|mark| format!("{mark}{bare}")).concat());
    assert_ne!(w.piped("translate", &["--keep", "nothing"], &lines.concat()), found);
}

#[test]
fn addresses_glued_to_other_text_come_through() {
    let w = Workshop::raw(Casing::Keep);
    let text = "Tom mag [den Hund](https://example.org/a?b=1) hier.\nDas <a href=\"https://example.org/b\">Haus</a> ist hier.\n\
        Ein Hund:https://example.org/c ist hier.\nTom mag WWW.EXAMPLE.COM und ANNA@EXAMPLE.COM.\nWo ist www.müller.de?\n";
    let found = w.piped("translate", &[], text);
    let kept: [&[&str]; 5] = [
        &["https://example.org/a?b=1"],
        &["https://example.org/b"],
        &["https://example.org/c"],
        &["WWW.EXAMPLE.COM", "ANNA@EXAMPLE.COM"],
        &["www.müller.de"],
    ];
    for (line, kept) in found.lines().zip(kept) {
        assert!(kept.iter().all(|kept| line.matches(kept).count() == 1), "{line}");
    }
}

#[test]
fn numbers_alone_are_no_model_s_business() {
    let w = Workshop::raw(Casing::Keep);
    let input = "12345\n2024\n10:30\n50%\n1.250,50 – 3 %\n";
    assert_eq!(w.piped("translate", &[], input), input.replace("1.250,50", "1,250.50"));
    let kept = &json(&w, &[], "1.250!\n")[0];
    let hypothesis = &kept["sentences"][0]["hypotheses"][0];
    assert_eq!((&hypothesis["text"], &kept["translations"][0]), (&"1,250!".into(), &"1,250!".into()));
    assert_eq!((hypothesis["score"].as_f64(), &hypothesis["tokens"]), (Some(0.0), &Value::Array(Vec::new())));
}

#[test]
fn a_translation_has_room_for_all_of_a_sentence() {
    let w = Workshop::raw(Casing::Keep);
    let long = ["Das Haus ist hier und der Hund ist da"; 20].join(" ");
    let mut file = raw_model(Casing::Keep);
    for (longest, most, expected) in [(None, 12, "12"), (Some(60), 12, "12"), (Some(60), 200, "59"), (None, 200, "63")]
    {
        file.card[DECODING]["max_length"] = most.into();
        file.card.insert(LONGEST_SOURCE.to_owned(), longest.into());
        file.save(&w.path("model.lsra")).unwrap();
        let (found, asked) = (json(&w, &[], &long), json(&w, &["--longest", expected], &long));
        assert!(sources(&found[0]).len() > 2 && sources(&found[0]) == sources(&asked[0]), "{longest:?} {most}");
    }
    // As they are asked for, not as the model was scored.
    let (found, asked) = (json(&w, &["--max-length", "20"], &long), json(&w, &["--longest", "20"], &long));
    assert!(sources(&found[0]).len() > 3 && sources(&found[0]) == sources(&asked[0]));
}

#[test]
fn n_best_translations_of_a_paragraph_take_a_line_each() {
    let w = Workshop::raw(Casing::Keep);
    let best = ["--paragraphs", "--beam", "2", "--n-best", "2"];
    let found = w.piped("translate", &best, "Das ist ein Haus.\r\nWo ist Tom?\r\n\r\nEr sieht den Baum!\n");
    let lines: Vec<&str> = found.split_inclusive('\n').collect();
    let ends: Vec<bool> = lines.iter().map(|line| line.ends_with("\r\n")).collect();
    assert_eq!(ends, [true, true, true, true, false, false], "{found:?}");
    assert!(lines.iter().all(|line| !line.trim_end_matches(['\r', '\n']).contains(['\r', '\n'])), "{found:?}");
}

#[test]
fn capitals_come_back() {
    let w = Workshop::raw(Casing::Lower);
    let first = |line: &str| line.chars().find(|c| c.is_alphanumeric());
    let translated = |input: &str, options: &[&str]| w.piped("translate", options, input);
    let input = "Das ist ein Haus. 3 Hunde sind hier.\n\"Gut\", sagte er.\n(Drei Hunde) sind hier.\n";
    let (small, found) = (translated(input, &["--casing", "model"]), translated(input, &[]));
    assert_eq!(found.to_lowercase(), small);
    assert!(!small.contains(char::is_uppercase));
    for line in found.lines() {
        assert!(first(line).is_none_or(|c| !c.is_lowercase()), "{line}");
    }
    let objects = json(&w, &[], input);
    let second = objects[0]["sentences"][1]["hypotheses"][0]["text"].as_str().unwrap();
    assert!(!second.contains(char::is_uppercase), "{second}");
    let all = translated("ABER DAS IST NEIN!\n", &[]);
    assert_eq!(all, small_of(&w, "aber das ist nein!").to_uppercase());
}

fn small_of(w: &Workshop, line: &str) -> String {
    w.piped("translate", &["--casing", "model"], line)
}

#[test]
fn scores_of_a_lowercased_model_are_told_with_and_without_capitals() {
    let w = Workshop::raw(Casing::Lower);
    let source = w.file("source", "Das ist ein Haus.\nWo ist Tom?\nEr sieht den Baum!\n");
    let translated = stdout(&w.run("translate", &["--input", &source]));
    let metrics = |reference: &str| -> Value {
        let found = stdout(&w.run("evaluate", &[&source, reference, "--format", "json"]));
        serde_json::from_str::<Value>(&found).unwrap()["systems"][0]["metrics"].clone()
    };
    // Its own translations, with a capital more: right in one way of counting only.
    let reference = w.file("reference", format!("{}\n", translated.trim_end().to_uppercase()));
    let cased = metrics(&reference);
    let score = |name: &str| cased[name]["score"].as_f64().unwrap();
    assert!((score("chrf-lc") - 100.0).abs() < 1e-9 && score("chrf") < 99.0, "{cased}");
    assert!(cased["bleu-lc"]["signature"].as_str().unwrap().contains("case:lc"));
    assert!(cased["bleu"]["signature"].as_str().unwrap().contains("case:mixed"));
    // Translations are those of `translate`.
    assert!((metrics(&w.file("same", &translated))["chrf"]["score"].as_f64().unwrap() - 100.0).abs() < 1e-9);
    // References without capitals are of the model's own form: then there is one way.
    let small = metrics(&w.file("small", translated.to_lowercase()));
    assert!(
        small.get("bleu-lc").is_none() && (small["chrf"]["score"].as_f64().unwrap() - 100.0).abs() < 1e-9,
        "{small}"
    );
}

#[test]
fn pieces_at_hand_are_joined_by_their_marks() {
    let w = Workshop::raw(Casing::Keep);
    let words = w.file("words", "Das Haus ist alt .\n");
    let spaced = w.file("spaced", "▁Das ▁Ha us ▁ist ▁al t ▁.\n");
    let continued = w.file("continued", "Das Ha@@ us ist al@@ t .\n");
    for (hypothesis, reference) in [(&spaced, &continued), (&continued, &words), (&words, &spaced)] {
        let arguments = ["evaluate", "--tokenized", "--metrics", "ter", "--format", "json", "--hypothesis"];
        let command = w.plain(&[&arguments[..], &[hypothesis, reference]].concat());
        let report: Value = serde_json::from_str(&feed(command, "")).unwrap();
        assert_eq!(report["systems"][0]["metrics"]["ter"]["score"], 0.0, "{hypothesis} {reference}");
    }
}
