//! The command as a user gives it.

use super::*;
use serde_json::Value;

fn profiles(names: &[&str], sentence: Sentence) -> Vec<Profile> {
    let named = named_presets(&names.iter().map(|n| n.to_string()).collect::<Vec<_>>()).unwrap();
    named.iter().map(|(name, file)| Profile::of(name, file, sentence, None).unwrap()).collect()
}

fn refused(args: ProfileArgs) -> String {
    let text = run(&args).unwrap_err().to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    text
}

fn named(name: &str) -> ProfileArgs {
    ProfileArgs { presets: vec![name.to_owned()], ..ProfileArgs::default() }
}

#[test]
fn budgets_are_read_as_people_write_them() {
    let parsed = |text| Budget::parse(text).map(|b| b.0).ok();
    assert_eq!(parsed("100M"), Some(100_000_000));
    assert_eq!(parsed("0.5g"), Some(500_000_000));
    assert_eq!(parsed("54.144M"), Some(54_144_000));
    assert_eq!(parsed("250k"), Some(250_000));
    assert_eq!(parsed("54144000"), Some(54_144_000));
    for wrong in ["", "M", "0", "-1M", "100MB", "1e8", "nan", "inf", "12,5M", "9999999999G"] {
        assert_eq!(parsed(wrong), None, "{wrong:?}");
    }
}

#[test]
fn a_budget_is_over_from_one_multiply_add_on() {
    let p = &profiles(&["iwslt-160"], Sentence::default())[0];
    assert!(Budget(54_144_000).excess(p).is_none());
    let over = Budget(54_143_999).excess(p).unwrap();
    assert!(over.starts_with("iwslt-160: 54,144,000 ") && over.contains(" 1 (0.0%) over"), "{over}");
}

#[test]
fn json_sums_to_its_totals() {
    let text = json::render(&profiles(&["iwslt-160", "wmt-496", "transformer-128"], Sentence::default()));
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(list.len(), 3);
    for preset in &list {
        let sum =
            |key: &str| preset["layers"].as_array().unwrap().iter().map(|l| l[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("macs"), preset["macs_total"].as_u64().unwrap());
        assert_eq!(sum("params"), preset["params_total"].as_u64().unwrap());
    }
    assert_eq!(list[0]["macs_paper_rule"], 54_144_000);
    assert_eq!(list[0]["params_paper_rule"], 2_774_704);
    assert_eq!((&list[0]["within_500m"], &list[0]["within_100m"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!((&list[1]["within_500m"], &list[1]["within_100m"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!((&list[1]["src_len"], &list[1]["tgt_len"]), (&Value::from(30), &Value::from(30)));
}

/// The paper rounds: 1.3G stands for 1337.8M, 2.8M for 2.84M.
#[test]
fn presets_cost_what_the_paper_says() {
    for p in profiles(&[], Sentence::default()) {
        let off = |ours: u64, paper: Option<f64>| (ours as f64 / paper.unwrap() - 1.0).abs();
        assert!(off(p.params_paper_rule, p.paper_params) < 0.015, "{}: {}", p.preset, p.params_paper_rule);
        assert!(off(p.macs_paper_rule, p.paper_macs) < 0.03, "{}: {}", p.preset, p.macs_paper_rule);
    }
}

#[test]
fn the_paper_is_compared_only_with_its_own_sentence_and_words() {
    let own = &profiles(&["cnndm-496"], Sentence::default())[0];
    assert_eq!((own.source_len, own.target_len, own.paper_macs), (30, 60, Some(8e8)));
    let longer = &profiles(&["cnndm-496"], Sentence { source: Some(100), target: None })[0];
    assert_eq!((longer.macs_paper_rule, longer.paper_macs), (1_452_922_880, None));
    let file = presets::preset("iwslt-160").unwrap();
    let words = Some(Vocabulary { source: 100, target: 50 });
    let small = Profile::of("iwslt-160", &file, Sentence::default(), words).unwrap();
    assert_eq!(small.paper_params, None);
    assert_eq!(small.macs_paper_rule, 54_144_000);
}

#[test]
fn wrong_input_is_one_line_that_says_what() {
    assert!(refused(named("iwslt-161")).contains("iwslt-160, iwslt-240"));
    assert!(
        refused(ProfileArgs { src_len: Some(0), ..named("iwslt-160") })
            .contains("--src-len 0: iwslt-160 takes from 1 to 1024")
    );
    assert!(refused(ProfileArgs { tgt_len: Some(1025), ..named("wmt-200") }).contains("--tgt-len 1025"));
    assert!(refused(ProfileArgs { budget: Some("much".into()), ..named("wmt-200") }).contains("\"much\""));
    assert!(refused(ProfileArgs { vocab: Some("many".into()), ..named("wmt-200") }).contains("--vocab many"));
    assert!(refused(ProfileArgs { vocab: Some("7,8".into()), ..named("wmt-200") }).contains("all-shared"));
    assert!(
        refused(ProfileArgs { out: Some("no/such/folder/page.html".into()), ..named("wmt-200") })
            .contains("no/such/folder")
    );
}

#[test]
fn a_users_file_is_profiled_and_its_mistakes_have_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let name = path.display().to_string();
    let text = presets::text("iwslt-160").unwrap();
    std::fs::write(&path, text).unwrap();
    assert_eq!(profiles(&[&name], Sentence::default())[0].macs_paper_rule, 54_144_000);
    std::fs::write(&path, text.replacen("channels = 160", "chanels = 160", 1)).unwrap();
    let line = 1 + text.lines().position(|l| l == "channels = 160").unwrap();
    let message = refused(named(&name));
    assert!(message.contains(&format!("mine.toml, line {line}: ")) && message.contains("chanels"), "{message}");
    std::fs::write(&path, text.replacen("attention_heads = 4", "attention_heads = 3", 1)).unwrap();
    assert!(refused(named(&name)).contains("attention_heads = 3"));
}

#[test]
fn a_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let args = ProfileArgs { format: Format::Html, out: Some(path.clone()), ..named("iwslt-160") };
    assert_eq!(run(&args).unwrap(), Verdict::Within);
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("</html>"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn every_format_names_every_preset() {
    let all = profiles(&[], Sentence::default());
    let page = page::render(&all, &rivals(&all));
    let table = table::render_breakdown(&all, Some(Budget::TINY));
    for (name, _) in presets::ALL {
        assert!(page.contains(name) && table.contains(name), "{name}");
    }
    assert!(!page.contains("http"), "a page that needs no network");
    assert!(table.contains("54.14M") && page.contains("54.14M"));
}

#[test]
fn a_lite_transformer_stands_beside_a_transformer_of_its_cost() {
    let lite = profiles(&["iwslt-160", "wmt-496", "transformer-128"], Sentence::default());
    let names: Vec<_> = rivals(&lite).into_iter().map(|r| r.map(|r| r.preset)).collect();
    assert_eq!(names, [Some("transformer-128-ffn2".to_owned()), Some("transformer-320".to_owned()), None]);
}
