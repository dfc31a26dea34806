//! Where words of the reference stand in the output, and which words of both are wrong.

use super::distance::Edit;

/// Of one trace of edits.
pub(super) struct Alignment {
    /// For each word of the reference, the word of the output that stands for it, or the last one before its place; -1
    /// where there is none.
    pub(super) to_output: Vec<isize>,
    /// For each word of the reference, whether the output has another word or none.
    pub(super) reference_wrong: Vec<bool>,
    /// For each word of the output, whether the reference has another word or none.
    pub(super) output_wrong: Vec<bool>,
}

impl Alignment {
    pub(super) fn of(trace: &[Edit]) -> Alignment {
        let (mut to_output, mut reference_wrong, mut output_wrong) = (Vec::new(), Vec::new(), Vec::new());
        for &edit in trace {
            if edit != Edit::Insert {
                output_wrong.push(edit != Edit::Keep);
            }
            if edit != Edit::Delete {
                to_output.push(output_wrong.len() as isize - 1);
                reference_wrong.push(edit != Edit::Keep);
            }
        }
        Alignment { to_output, reference_wrong, output_wrong }
    }
}
