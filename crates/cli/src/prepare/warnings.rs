//! What a user should look at before training, though there is text enough to train on.

use super::table::percent;
use lsra_text::prepare::{Dropped, Preparation, Reason, Report, Source};
use lsra_text::{Languages, Split};

/// One line in so many that cannot be read is no accident: the files are in another encoding, or hold pairs otherwise.
const MANY: u64 = 10;

/// A line for each part and reason.
pub(super) fn of(job: &Preparation, report: &Report) -> Vec<String> {
    let mut warnings = Vec::from_iter(unruled(&job.languages));
    warnings.extend(about(Split::Train, &job.source, report.read, &report.dropped));
    for (split, source) in [(Split::Valid, &job.valid), (Split::Test, &job.test)] {
        let given = report.given.iter().find(|given| given.name == split.name());
        if let (Some(source), Some(given)) = (source, given) {
            warnings.extend(about(split, source, given.read, &given.dropped));
        }
    }
    warnings
}

/// A model remembers what its sides are called, and its text is taken apart by that language's rules.
fn unruled(languages: &Languages) -> Option<String> {
    let Languages { source, target } = languages;
    // Of regions too, as in de_DE.
    let is_code = |name: &str| name.split(['-', '_']).next().is_some_and(|code| (2..=3).contains(&code.len()));
    (!is_code(source) || !is_code(target)).then(|| {
        format!(
            "the sides are called {source} and {target}, which are no codes of languages, so a model of them will know no language's \
             abbreviations where sentences end; name them, as in --languages de-en, or languages = [\"de\", \"en\"] in [corpus]"
        )
    })
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
