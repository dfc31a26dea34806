//! Kinds of operations in groups few enough to compare at a glance.

use super::Profile;
use lsra_exec::macs::{Kind, Part};

/// What a part of a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Self-attention: projections and products.
    Attention,
    /// The convolution with its linear layers.
    Convolution,
    /// Attention to the source: projections and products.
    CrossAttention,
    /// The feed-forward block.
    FeedForward,
    /// The output projection.
    Output,
}

impl Group {
    /// In the order of the forward pass.
    pub const ALL: [Group; 5] =
        [Group::Attention, Group::Convolution, Group::CrossAttention, Group::FeedForward, Group::Output];

    /// Its name in tables and legends.
    pub fn name(self) -> &'static str {
        match self {
            Group::Attention => "attention",
            Group::Convolution => "convolution",
            Group::CrossAttention => "cross-attention",
            Group::FeedForward => "feed-forward",
            Group::Output => "output",
        }
    }

    /// The group of a kind that does multiply-adds.
    fn of(kind: Kind) -> Option<Group> {
        match kind {
            Kind::SelfAttentionLinear | Kind::SelfAttentionProducts => Some(Group::Attention),
            Kind::ConvolutionLinear | Kind::TapsLinear | Kind::Taps => Some(Group::Convolution),
            Kind::CrossAttentionLinear | Kind::CrossAttentionProducts => Some(Group::CrossAttention),
            Kind::FeedForward => Some(Group::FeedForward),
            Kind::OutputProjection => Some(Group::Output),
            Kind::Embedding | Kind::Norm => None,
        }
    }
}

/// Parameters and both counts of multiply-adds of some parts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Parameters.
    pub params: u64,
    /// Multiply-adds by the paper's rule.
    pub macs_paper_rule: u64,
    /// Multiply-adds as the kernels do them.
    pub macs: u64,
}

/// How multiply-adds are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As the paper counts.
    Paper,
    /// As the kernels do them.
    True,
}

impl Cost {
    /// Of these parts.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Cost {
        parts.into_iter().fold(Cost::default(), |sum, p| Cost {
            params: sum.params + p.params as u64,
            macs_paper_rule: sum.macs_paper_rule + p.macs_paper_rule,
            macs: sum.macs + p.macs,
        })
    }

    /// Multiply-adds by that rule.
    pub fn macs_by(self, rule: Rule) -> u64 {
        match rule {
            Rule::Paper => self.macs_paper_rule,
            Rule::True => self.macs,
        }
    }
}

impl Profile {
    /// What a group costs over all layers.
    pub fn group(&self, group: Group) -> Cost {
        Cost::of(self.parts.iter().filter(|p| Group::of(p.kind) == Some(group)))
    }

    /// Every kind of operation that is there, with its cost over all layers.
    pub fn kinds(&self) -> Vec<(Kind, Cost)> {
        let of_kind = |kind| Cost::of(self.parts.iter().filter(move |p| p.kind == kind));
        Kind::ALL.into_iter().map(|kind| (kind, of_kind(kind))).filter(|(_, cost)| *cost != Cost::default()).collect()
    }

    /// Every layer in the order of the forward pass, with its cost and that of each group in it.
    pub fn layers(&self) -> Vec<(&str, Cost, [Cost; 5])> {
        let mut paths: Vec<&str> = Vec::new();
        for part in &self.parts {
            if !paths.contains(&part.path.as_str()) {
                paths.push(&part.path);
            }
        }
        let layer = |path| {
            let of_path = || self.parts.iter().filter(move |p| p.path == path);
            let groups = Group::ALL.map(|g| Cost::of(of_path().filter(|p| Group::of(p.kind) == Some(g))));
            (path, Cost::of(of_path()), groups)
        };
        paths.into_iter().map(layer).collect()
    }
}
