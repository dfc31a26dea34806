//! `lsra profile` as a shell sees it: statuses, and what goes to which stream.

use std::process::{Command, Output};

fn profile(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lsra")).arg("profile").args(args).output().unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_budget_decides_the_status() {
    let within = profile(&["--preset", "iwslt-160", "--budget", "100M"]);
    assert_eq!(within.status.code(), Some(0));
    assert!(within.stderr.is_empty());
    let over = profile(&["--preset", "iwslt-160", "--preset", "iwslt-240", "--budget", "100M", "--format", "json"]);
    assert_eq!(over.status.code(), Some(1));
    let said = lines(&over.stderr);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("iwslt-240") && said[0].contains("19,232,000"), "{said:?}");
    let list: serde_json::Value = serde_json::from_slice(&over.stdout).unwrap();
    assert_eq!(list[0]["macs_paper_rule"], 54_144_000);
    assert_eq!(list[1]["within_100m"], false);
}

/// Presets that nobody named break no budget.
#[test]
fn the_whole_table_is_no_failure() {
    let all = profile(&["--budget", "1"]);
    assert_eq!(all.status.code(), Some(0));
    assert!(lines(&all.stdout).iter().any(|l| l.starts_with("transformer-base")));
}

#[test]
fn wrong_input_is_one_line_and_status_2() {
    let missing = profile(&["--preset", "no-such-preset"]);
    let budget = profile(&["--preset", "iwslt-160", "--budget", "ten"]);
    let nothing = profile(&["--src-len", "0"]);
    let too_long = profile(&["--preset", "iwslt-160", "--tgt-len", "100000"]);
    for (output, says) in
        [(missing, "no-such-preset"), (budget, "\"ten\""), (nothing, "--src-len 0"), (too_long, "from 1 to 1024")]
    {
        let said = lines(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said:?}");
        assert!(said.len() == 1 && said[0].contains(says), "{said:?}");
        assert!(output.stdout.is_empty());
    }
}
