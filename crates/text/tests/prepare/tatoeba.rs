//! On the everyday sentences that `LSRA_DATA` holds: how many good lines the language check drops, and how many wrong ones
//! it finds.

use crate::kit::{Bench, count, languages};
use lsra_text::prepare::{Preparation, PrepareConfig, Reason, Source, SourceOptions, run};
use std::fs;
use std::path::PathBuf;

fn train() -> Option<PathBuf> {
    let file = std::env::var_os("LSRA_DATA").map(|data| PathBuf::from(data).join("tatoeba-de-en/train.tsv"));
    let found = file.filter(|f| f.is_file());
    if found.is_none() {
        eprintln!("skipped: LSRA_DATA names no folder with tatoeba-de-en");
    }
    found
}

#[test]
fn few_good_lines_are_dropped_and_most_swapped_ones() {
    let Some(file) = train() else { return };
    let text = fs::read_to_string(&file).unwrap();
    let mut wrong = Vec::new();
    let mut swapped = String::new();
    for (number, line) in text.lines().enumerate() {
        let (german, english) = line.split_once('\t').unwrap();
        if number % 50 == 0 {
            swapped += &format!("{english}\t{german}\n");
            wrong.push((english.to_owned(), german.to_owned()));
        } else {
            swapped += &format!("{german}\t{english}\n");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let clean = Preparation {
        source: Source::of(&[file], &SourceOptions::default(), &languages()).unwrap(),
        valid: None,
        test: None,
        languages: languages(),
        config: PrepareConfig::default(),
        out: folder.path().join("out"),
    };
    let report = run(&clean, &mut |_| ()).unwrap();
    let (good, report_read) = (count(&report, Reason::Language), report.read);
    for dropped in &report.dropped {
        println!("{}: {}", dropped.reason.text(), dropped.count);
        dropped.examples.iter().for_each(|e| println!("    {} | {}", e.source, e.target));
    }
    println!("{good} of {} pairs are dropped for their language", report.read);

    let bench = Bench::new("swapped.tsv", &swapped);
    let report = bench.run().unwrap();
    let kept: std::collections::HashSet<(String, String)> = bench.kept().into_iter().collect();
    let caught = wrong.iter().filter(|pair| !kept.contains(pair)).count();
    println!("{caught} of {} swapped pairs are dropped", wrong.len());
    println!("{} in all for their language", count(&report, Reason::Language));
    // 3 of 164,136 and 3,260 of 3,283 when the limits were set.
    assert!(good * 10_000 <= report_read, "at most one in ten thousand");
    assert!(caught * 100 >= wrong.len() * 98, "all but two in a hundred");
}
