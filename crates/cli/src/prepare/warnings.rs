//! What a user should look at before training, though there is text enough to train on.

use super::table::percent;
use lsra_text::Split;
use lsra_text::prepare::{Dropped, Preparation, Reason, Report, Source};

/// One line in so many that cannot be read is no accident: the files are in another encoding, or hold pairs otherwise.
const MANY: u64 = 10;

/// A line for each part and reason.
pub(super) fn of(job: &Preparation, report: &Report) -> Vec<String> {
    let mut warnings = about(Split::Train, &job.source, report.read, &report.dropped);
    for (split, source) in [(Split::Valid, &job.valid), (Split::Test, &job.test)] {
        let given = report.given.iter().find(|given| given.name == split.name());
        if let (Some(source), Some(given)) = (source, given) {
            warnings.extend(about(split, source, given.read, &given.dropped));
        }
    }
    warnings
}

fn about(part: Split, source: &Source, read: u64, dropped: &[Dropped]) -> Vec<String> {
    let unread = |d: &&Dropped| matches!(d.reason, Reason::InvalidUtf8 | Reason::Malformed) && d.count > read / MANY;
    let told = |d: &Dropped| {
        let advice = d.reason.advice(&source.layout).map_or(String::new(), |advice| format!("; {advice}"));
        let place = d.examples.first().map_or(String::new(), |e| format!(", as {}", e.place));
        format!(
            "{}: {} of the pairs are dropped ({}{place}){advice}",
            part.name(),
            percent(d.count, read),
            d.reason.text()
        )
    };
    dropped.iter().filter(unread).map(told).collect()
}
