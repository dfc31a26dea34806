//! A profile as one page that needs nothing else.

use super::chart::{Chart, legend};
use super::groups::{Cost, Group, Rule};
use super::numbers::{difference, grouped, millions, share};
use super::{Budget, Profile};
use crate::document::document;
use maud::{Markup, html};

const STYLE: &str = include_str!("page.css");
const TITLE: &str = "What Lite Transformers cost";

/// `rivals`: for each profile, the plain Transformer that stands beside it in the charts.
pub fn render(profiles: &[Profile], rivals: &[Option<Profile>]) -> String {
    let pairs: Vec<Vec<&Profile>> = pairs(profiles, rivals);
    let body = html! {
        h1 { (TITLE) }
        p { "Multiply-adds for one sentence, and parameters. " b { "By the paper's rule" } ", every linear layer and the whole "
            "products of attention count, the decoder running once over the whole target; taps, embeddings and the output "
            "projection do not, nor do embedding tables among the parameters. " b { "True" } " is what is really computed: "
            "only the half of causal attention that is used, only taps inside the sentence, and the output projection." }
        (summary(profiles))
        h2 { "Where the multiply-adds go, by the paper's rule" }
        p { "Each Lite Transformer above the plain Transformer of most nearly its cost, for the same sentence and vocabulary. "
            "Every chart has a scale of its own." }
        (charts(&pairs, Rule::Paper))
        h2 { "Where they go in truth" }
        p { "The same models, as they are run. The output projection grows with the vocabulary, the rest does not." }
        (charts(&pairs, Rule::True))
        h2 { "Preset by preset" }
        @for p in profiles {
            details open[profiles.len() <= 3] {
                summary { (p.preset) ": " (millions(p.macs_paper_rule)) " by the paper's rule, " (millions(p.macs_total)) " in truth" }
                (by_kind(p))
                (by_layer(p))
            }
        }
    };
    document(TITLE, STYLE, body)
}

/// Each Lite Transformer with its rival; plain ones that are nobody's rival alone.
fn pairs<'a>(profiles: &'a [Profile], rivals: &'a [Option<Profile>]) -> Vec<Vec<&'a Profile>> {
    let is_rival = |p: &Profile| rivals.iter().flatten().any(|r| r.preset == p.preset);
    let shown = profiles.iter().zip(rivals).filter(|(p, _)| p.lite || !is_rival(p));
    shown.map(|(p, rival)| std::iter::once(p).chain(rival).collect()).collect()
}

fn charts(pairs: &[Vec<&Profile>], rule: Rule) -> Markup {
    html! {
        (legend())
        div.charts {
            @for pair in pairs {
                figure {
                    figcaption { (pair[0].source_len) " source tokens, " (pair[0].target_len) " target tokens" }
                    (Chart { bars: pair.clone(), rule }.svg())
                }
            }
        }
    }
}

fn summary(profiles: &[Profile]) -> Markup {
    html! {
        div.wide { table {
            thead {
                tr { th rowspan="2" { "preset" } th rowspan="2" { "tokens" }
                    th colspan="3" { "parameters, paper's rule" } th colspan="3" { "multiply-adds, paper's rule" }
                    th colspan="2" { "true" } th colspan="2" { "budget" } }
                tr { th { "here" } th { "paper" } th { "diff" } th { "here" } th { "paper" } th { "diff" }
                    th { "params" } th { "mult-adds" } th { "500M" } th { "100M" } }
            }
            tbody { @for p in profiles { tr {
                th scope="row" { (p.preset) }
                td { (p.source_len) " → " (p.target_len) }
                td { (millions(p.params_paper_rule)) }
                (beside(p.params_paper_rule, p.paper_params))
                td { (millions(p.macs_paper_rule)) }
                (beside(p.macs_paper_rule, p.paper_macs))
                td { (millions(p.params_total)) }
                td { (millions(p.macs_total)) }
                (verdict(Budget::MOBILE, p))
                (verdict(Budget::TINY, p))
            } } }
        } }
    }
}

fn beside(ours: u64, paper: Option<f64>) -> Markup {
    html! {
        @match paper {
            Some(paper) => { td { (format!("{:.1}M", paper / 1e6)) } td { (difference(ours, paper)) } }
            None => { td { "–" } td { "–" } }
        }
    }
}

fn verdict(budget: Budget, p: &Profile) -> Markup {
    html! { @if budget.holds(p) { td.within { "within" } } @else { td.over { "over" } } }
}

fn by_kind(p: &Profile) -> Markup {
    let all = Cost::of(&p.parts);
    html! {
        div.wide { table {
            thead { tr { th { "kind of operation" } th { "parameters" } th { "paper's rule" } th { "true" } th { "share" } } }
            tbody { @for (kind, cost) in p.kinds() { tr {
                th scope="row" { (kind.name()) }
                td { (grouped(cost.params)) } td { (grouped(cost.macs_paper_rule)) } td { (grouped(cost.macs)) }
                td { (share(cost.macs, p.macs_total)) }
            } } }
            tfoot { tr { th scope="row" { "all" }
                td { (grouped(all.params)) } td { (grouped(all.macs_paper_rule)) } td { (grouped(all.macs)) } td {} } }
        } }
    }
}

fn by_layer(p: &Profile) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th { "layer, true count" } th { "parameters" } @for g in Group::ALL { th { (g.name()) } } th { "all" } } }
            tbody { @for (path, cost, groups) in p.layers() { tr {
                th scope="row" { (path) }
                td { (grouped(cost.params)) }
                @for g in groups { td { @if g.macs > 0 { (grouped(g.macs)) } } }
                td { (grouped(cost.macs)) }
            } } }
        } }
    }
}
