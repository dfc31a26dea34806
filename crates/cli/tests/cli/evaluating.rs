//! `lsra evaluate --hypothesis`: translations at hand, without a model.

use crate::program::{Workshop, assert_refused, stdout};
use serde_json::Value;

/// References, a system that is nearly right and one that is often wrong.
fn systems(w: &Workshop) -> [String; 3] {
    let line = |i: usize, wrong_every: usize| -> String {
        let word = |j: usize| {
            if (i + j).is_multiple_of(wrong_every) { "wrong".to_owned() } else { format!("w{}", (i * 7 + j) % 50) }
        };
        (0..8 + i % 5).map(word).collect::<Vec<_>>().join(" ") + " .\n"
    };
    let file =
        |name: &str, wrong_every: usize| w.file(name, (0..200).map(|i| line(i, wrong_every)).collect::<String>());
    [file("reference", usize::MAX), file("good", 9), file("bad", 4)]
}

#[test]
fn one_system_has_scores_with_intervals_and_signatures() {
    let w = Workshop::new();
    let [reference, good, _] = systems(&w);
    let text = stdout(&w.plain(&["evaluate", "--hypothesis", &good, &reference]).output().unwrap());
    for part in [
        "95% interval",
        "BLEU (multi-bleu)",
        "BLEU4 = ",
        "BLEU (sacreBLEU): nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:",
        "chrF2: ",
        "TER",
        "200 sentences",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let names = "bleu-intl,bleu-char,chrf++,rouge-1,rouge-2,rouge-l,rouge-lsum-stem";
    let arguments = ["evaluate", "--hypothesis", &good, &reference, "--format", "json", "--metrics", names];
    let run = || stdout(&w.plain(&arguments).output().unwrap());
    assert_eq!(run(), run(), "the same random numbers each time");
    let report: Value = serde_json::from_str(&run()).unwrap();
    assert_eq!(report["sentences"], 200);
    assert!(report.get("comparison").is_none() && report.get("speed").is_none());
    let metrics = report["systems"][0]["metrics"].as_object().unwrap();
    assert_eq!(metrics.len(), names.split(',').count());
    for (name, metric) in metrics {
        let [low, score, high] = ["low", "score", "high"].map(|key| metric[key].as_f64().unwrap());
        assert!(0.0 < low && low < score && score < high && high < 100.0, "{name}: {metric}");
    }
}

#[test]
fn two_systems_are_compared() {
    let w = Workshop::new();
    let [reference, good, bad] = systems(&w);
    let compared = |first: &str, second: &str| -> Value {
        let arguments = [
            "evaluate",
            "--hypothesis",
            first,
            "--hypothesis",
            second,
            &reference,
            "--format",
            "json",
            "--trials",
            "500",
        ];
        serde_json::from_str(&stdout(&w.plain(&arguments).output().unwrap())).unwrap()
    };
    let report = compared(&bad, &good);
    assert_eq!(report["systems"].as_array().unwrap().len(), 2);
    for metric in ["multi-bleu", "bleu", "chrf", "ter"] {
        let row = &report["comparison"][metric];
        let score = |i: usize| report["systems"][i]["metrics"][metric]["score"].as_f64().unwrap();
        assert!((row["difference"].as_f64().unwrap() - (score(1) - score(0))).abs() < 1e-9);
        assert_eq!(row["difference"].as_f64().unwrap() > 0.0, metric != "ter");
        assert!(row["low"].as_f64().unwrap() < row["difference"].as_f64().unwrap(), "{row}");
        assert!(row["difference"].as_f64().unwrap() < row["high"].as_f64().unwrap(), "{row}");
        assert!(
            row["bootstrap_p"].as_f64().unwrap() < 0.01 && row["randomisation_p"].as_f64().unwrap() < 0.01,
            "{row}"
        );
    }
    let row = &compared(&good, &good)["comparison"]["bleu"];
    assert_eq!((row["difference"].as_f64(), row["randomisation_p"].as_f64()), (Some(0.0), Some(1.0)));

    let text =
        stdout(&w.plain(&["evaluate", "--hypothesis", &bad, "--hypothesis", &good, &reference]).output().unwrap());
    assert!(text.contains("p, paired bootstrap") && text.contains("p, approximate randomisation"), "{text}");
    // The difference's interval; those of scores have no signs.
    assert!(text.contains(" to +"), "{text}");
}

#[test]
fn tokens_can_be_joined_first() {
    let w = Workshop::new();
    let tokens = w.file("tokens", "it &apos;s a dog , isn &apos;t it ?\n");
    let arguments = ["evaluate", "--hypothesis", &tokens, &tokens, "--detokenise", "en", "--format", "json"];
    let report: Value = serde_json::from_str(&stdout(&w.plain(&arguments).output().unwrap())).unwrap();
    let lengths = |metric: &str| report["systems"][0]["metrics"][metric]["details"].as_str().unwrap().to_owned();
    assert!(lengths("multi-bleu").contains("syslen=9, reflen=9"), "{report}");
    // `it's a dog , isn't it ?`
    assert!(lengths("bleu").contains("hyp_len = 7 ref_len = 7"), "{report}");
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let w = Workshop::new();
    let [reference, good, bad] = systems(&w);
    let refused = |arguments: &[&str], parts: &[&str]| {
        assert_refused(&w.plain(&[&["evaluate"], arguments].concat()).output().unwrap(), parts);
    };
    let short = w.file("short", "one\n");
    refused(&["--hypothesis", &short, &reference], &["short has 1 lines", "reference has 200"]);
    refused(&["--hypothesis", &good], &["--hypothesis", "references"]);
    refused(&["--hypothesis", &good, &reference, &bad], &["--hypothesis", "one file"]);
    let three = ["--hypothesis", &good, "--hypothesis", &bad, "--hypothesis", &bad, &reference];
    refused(&three, &["--hypothesis", "once or twice"]);
    assert_refused(&w.run("evaluate", &[&reference]), &["--model", "two files"]);
    let unknown = w.plain(&["evaluate", "--metrics", "meteor", "--hypothesis", &good, &reference]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let message = String::from_utf8(unknown.stderr).unwrap();
    assert!(message.contains("no metric \"meteor\"") && message.contains("rouge-lsum-stem"), "{message}");
}
