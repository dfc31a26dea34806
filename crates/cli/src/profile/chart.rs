//! Bars of multiply-adds, as SVG inside a page.

use super::Profile;
use super::groups::{Group, Rule};
use super::numbers::{millions, share};
use maud::{Markup, html};

/// One bar a profile, stacked by group; bars of one chart share its scale.
pub struct Chart<'a> {
    /// From top to bottom.
    pub bars: Vec<&'a Profile>,
    /// Which count the bars show.
    pub rule: Rule,
}

// In SVG units, which are CSS pixels at full width. The margin holds names of 22 letters at 15 px, the room on the right a
// total such as 12464.72M.
const WIDTH: f64 = 720.0;
const LEFT: f64 = 180.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 22.0;
const GAP: f64 = 12.0;

impl Chart<'_> {
    /// The drawing.
    pub fn svg(&self) -> Markup {
        let total = |p: &Profile| match self.rule {
            Rule::Paper => p.macs_paper_rule,
            Rule::True => p.macs_total,
        };
        let longest = self.bars.iter().map(|p| total(p)).max().unwrap_or(0).max(1);
        let scale = (WIDTH - LEFT - RIGHT) / longest as f64;
        let height = GAP + self.bars.len() as f64 * (BAR + GAP);
        let names: Vec<&str> = self.bars.iter().map(|p| p.preset.as_str()).collect();
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label={ "Multiply-adds of " (names.join(" and ")) } {
                @for (i, profile) in self.bars.iter().enumerate() {
                    @let y = GAP + i as f64 * (BAR + GAP);
                    @let middle = y + BAR / 2.0;
                    text.name x=(LEFT - 10.0) y=(middle) { (short(&profile.preset)) }
                    (self.bar(profile, y, scale, total(profile)))
                    text.total x=(LEFT + total(profile) as f64 * scale + 8.0) y=(middle) { (millions(total(profile))) }
                }
            }
        }
    }

    fn bar(&self, profile: &Profile, y: f64, scale: f64, total: u64) -> Markup {
        let mut x = LEFT;
        let segments: Vec<_> = Group::ALL
            .iter()
            .map(|&group| {
                let macs = profile.group(group).macs_by(self.rule);
                let start = x;
                x += macs as f64 * scale;
                (group, macs, start)
            })
            .filter(|(_, macs, _)| *macs > 0)
            .collect();
        html! {
            @for (group, macs, start) in segments {
                rect class=(class(group)) x=(tenths(start)) y=(y) width=(tenths(macs as f64 * scale)) height=(BAR) {
                    title { (profile.preset) ": " (group.name()) " " (millions(macs)) ", " (share(macs, total)) }
                }
            }
        }
    }
}

/// What the colours mean.
pub fn legend() -> Markup {
    html! {
        p.legend {
            @for group in Group::ALL {
                span { svg viewBox="0 0 12 12" aria-hidden="true" { rect class=(class(group)) width="12" height="12" {} } (group.name()) }
            }
        }
    }
}

fn class(group: Group) -> String {
    format!("g{}", group as usize)
}

/// A tenth of a pixel is fine enough.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// The end of a name that is too long for the margin: of a path, the file.
fn short(name: &str) -> String {
    const MOST: usize = 22;
    let letters = name.chars().count();
    if letters <= MOST {
        name.to_owned()
    } else {
        format!("…{}", name.chars().skip(letters - MOST + 1).collect::<String>())
    }
}
