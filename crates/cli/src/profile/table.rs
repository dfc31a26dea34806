//! A profile as text.

use super::groups::{Cost, Group};
use super::numbers::{difference, grouped, millions, share};
use super::{Budget, Profile};
use crate::columns::columns;
use std::fmt::Write;

/// The presets one a line.
pub fn render(profiles: &[Profile], budget: Option<Budget>) -> String {
    let mut text = summary(profiles, budget);
    text.push_str(
        "\nBy the paper's rule (params, mult-adds, budgets): linear layers and whole attention products, for one sentence; no taps,\n\
         embeddings or output projection, and no embedding tables. True: what the kernels do, the output projection included.\n",
    );
    text
}

/// The same, then each preset's kinds of operations and its layers.
pub fn render_breakdown(profiles: &[Profile], budget: Option<Budget>) -> String {
    let mut text = render(profiles, budget);
    for p in profiles {
        let _ = write!(text, "\n{} by kind of operation\n{}", p.preset, by_kind(p));
        let _ = write!(text, "\n{} by layer, true multiply-adds\n{}", p.preset, by_layer(p));
    }
    text
}

fn summary(profiles: &[Profile], budget: Option<Budget>) -> String {
    let mut heads = vec![
        "preset",
        "tokens",
        "params",
        "paper",
        "diff",
        "mult-adds",
        "paper",
        "diff",
        "true params",
        "true mult-adds",
        "500M",
        "100M",
    ];
    let limit = budget.map(|b| format!("budget {}", grouped(b.0)));
    heads.extend(limit.as_deref());
    let rows = profiles.iter().map(|p| {
        let [params, params_off] = beside(p.params_paper_rule, p.paper_params);
        let [macs, macs_off] = beside(p.macs_paper_rule, p.paper_macs);
        let mut row = vec![
            p.preset.clone(),
            format!("{} > {}", p.source_len, p.target_len),
            millions(p.params_paper_rule),
            params,
            params_off,
            millions(p.macs_paper_rule),
            macs,
            macs_off,
            millions(p.params_total),
            millions(p.macs_total),
            verdict(Budget::MOBILE, p),
            verdict(Budget::TINY, p),
        ];
        row.extend(budget.map(|b| verdict(b, p)));
        row
    });
    columns(&heads, rows.collect())
}

/// The paper's figure and how far ours is from it; dashes where the paper has none.
fn beside(ours: u64, paper: Option<f64>) -> [String; 2] {
    paper.map_or(["-".to_owned(), "-".to_owned()], |p| [format!("{:.1}M", p / 1e6), difference(ours, p)])
}

fn verdict(budget: Budget, p: &Profile) -> String {
    if budget.holds(p) { "within".to_owned() } else { "over".to_owned() }
}

fn by_kind(p: &Profile) -> String {
    let row = |name: &str, c: Cost| {
        let counts = [c.params, c.macs_paper_rule, c.macs].map(grouped);
        [vec![name.to_owned()], counts.to_vec(), vec![share(c.macs, p.macs_total)]].concat()
    };
    let mut rows: Vec<_> = p.kinds().into_iter().map(|(kind, cost)| row(kind.name(), cost)).collect();
    rows.push(row("all", Cost::of(&p.parts)));
    columns(&["kind", "params", "paper's rule", "true mult-adds", "share"], rows)
}

fn by_layer(p: &Profile) -> String {
    let mut heads = vec!["layer", "params"];
    heads.extend(Group::ALL.map(Group::name));
    heads.push("all");
    let row = |path: &str, cost: Cost, groups: [Cost; 5]| {
        let mut row = vec![path.to_owned(), grouped(cost.params)];
        row.extend(groups.map(|g| grouped(g.macs)));
        row.push(grouped(cost.macs));
        row
    };
    let mut rows: Vec<_> = p.layers().into_iter().map(|(path, cost, groups)| row(path, cost, groups)).collect();
    rows.push(row("all", Cost::of(&p.parts), Group::ALL.map(|g| p.group(g))));
    columns(&heads, rows)
}
