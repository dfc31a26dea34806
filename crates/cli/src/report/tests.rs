//! Pages of runs, ordinary and hostile.

use super::*;
use crate::document::well_formed::assert_well_formed;

/// A run of so many updates, a hundred an epoch.
fn record(updates: u64) -> Record {
    let mut record = Record::default();
    let start = r#"{"event":"start","name":"demo","corpus":"demo","command":"lsra train --out <here>","updates_per_epoch":100,
        "machine":"a machine","training":{"max_updates":1000000,"lr":0.004},"languages":{"source":"de","target":"en"}}"#;
    record.add(start.as_bytes());
    for n in 1..=updates {
        let loss = 4.0 + 8.0 / (n as f64).sqrt() + (n * 7919 % 101) as f64 / 200.0;
        let line = format!(
            r#"{{"event":"update","updates":{n},"epoch":{},"loss":{loss},"perplexity":{},"lr":{},"gradient_norm":0.7,"tokens":1500,
            "seconds":0.1}}"#,
            n.div_ceil(100),
            loss.exp2(),
            1e-3 / n as f64,
        );
        record.add(line.as_bytes());
        if n % 100 == 0 {
            let epoch = n / 100;
            let validation =
                format!(r#"{{"event":"validation","updates":{n},"epoch":{epoch},"loss":{loss},"perplexity":20}}"#);
            record.add(validation.as_bytes());
            let sample = format!(
                r#"{{"event":"sample","updates":{n},"epoch":{epoch},"bleu":{}.5,"sentences":200,"seconds":0.2,"translations":[
                {{"source":"das <b>haus</b>","reference":"the & house","translation":"the {n}th house\u001b[2J"}}]}}"#,
                epoch.min(30),
            );
            record.add(sample.as_bytes());
        }
    }
    record
}

#[test]
fn a_page_tells_all_and_escapes_it() {
    let record = record(450);
    let page = render(&record, "2026-11-24 21:30:05 UTC", Renewal::ByTheRun);
    assert_well_formed(&page);
    for part in [
        "Training of demo",
        "update 450 of 1,000,000, epoch 5",
        "As of 2026-11-24 21:30:05 UTC",
        "lsra train --out &lt;here&gt;",
        "a machine",
        "de to en",
        "das &lt;b&gt;haus&lt;/b&gt;",
        "the &amp; house",
        "the 400th house⟨001B⟩[2J",
        "left at most",
        "BLEU on 200 sentences of valid, greedy",
        "http-equiv=\"refresh\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_page_that_nobody_renews_tells_how_long_a_run_is_silent() {
    let record = record(450);
    let still = |seconds| render(&record, "now", Renewal::Never { age: Some(Duration::from_secs(seconds)) });
    let (silent, alive) = (still(3600), still(20));
    assert_well_formed(&silent);
    for part in ["Silent for 1:00:00: killed? lsra train … --resume goes on.", "<b>1:00:00</b><span>since it last told"]
    {
        assert!(silent.contains(part) && !alive.contains(part), "{part}: {silent}");
    }
    assert!(!silent.contains("left at most") && alive.contains("left at most"));
    assert!(!silent.contains("refresh") && !alive.contains("refresh"));
}

#[test]
fn a_long_run_has_a_small_page() {
    let page = render(&record(40_000), "now", Renewal::ByTheRun);
    assert_well_formed(&page);
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.contains("Of 400 epochs, 12 are shown") && page.contains("the 40000th house"), "{page}");
}

#[test]
fn beginnings_ends_and_nonsense_have_pages() {
    let mut record = Record::default();
    assert_well_formed(&render(&record, "now", Renewal::ByTheRun));
    record.add(br#"{"event":"start","name":7,"languages":3,"training":{"a<b":null},"model":[]}"#);
    let page = render(&record, "now", Renewal::ByTheRun);
    assert_well_formed(&page);
    assert!(page.contains("a&lt;b") && page.contains("not given") && page.contains("It begins."));
    record
        .add(br#"{"event":"update","updates":18446744073709551615,"loss":1e150,"tokens":1e308,"seconds":-1,"lr":-3}"#);
    record.add(br#"{"event":"update","updates":1,"loss":-1e150,"tokens":1e308,"seconds":0,"perplexity":0}"#);
    record.add(b"nonsense");
    record.add(br#"{"event":"end","ending":"failed","reason":"the loss is <none>"}"#);
    let page = render(&record, "now", Renewal::ByTheRun);
    assert_well_formed(&page);
    assert!(
        page.contains("Ended, failed (the loss is &lt;none&gt;)")
            && page.contains("One line of the log is not understood"),
        "{page}"
    );
    assert!(!page.contains("refresh"));
}

#[test]
fn the_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &record(10)).unwrap();
    write(folder.path(), &record(20)).unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [PAGE]);
    let error = write(&folder.path().join("none"), &record(1)).unwrap_err().to_string();
    assert!(error.contains(PAGE) && error.contains("cannot be written"), "{error}");
}
