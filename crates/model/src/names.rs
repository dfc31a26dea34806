//! The names of parameters, as the original implementation's state dictionary has them.

/// The prefix of branch `i` of `branches`: a lone branch is the layer's self-attention itself.
pub fn branch(layer: &str, i: usize, branches: usize) -> String {
    if branches == 1 { format!("{layer}.self_attn") } else { format!("{layer}.self_attn.branches.{i}") }
}
