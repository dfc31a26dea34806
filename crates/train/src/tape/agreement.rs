//! The loss of two passes that are to agree: the last operation of a tape, as the plain loss is.

use super::forward::{KEPT, rows, rows_mut};
use super::{Compared, LossSums, NodeId, Tape};
use lsra_kernels::agreement::{Agreement, projection_pair_loss_backward};
use lsra_kernels::trace;
use lsra_model::layers::Linear;
use lsra_tensor::Tensor;

impl Tape<'_> {
    /// Sums over rows that come twice, x: two of `[tokens, channels]`, and at once the gradient of the smoothed sum and alpha / 2 x
    /// the divergence with respect to both and to the output matrix.
    pub fn agreement(
        &mut self,
        x: [NodeId; 2],
        output: &Linear,
        targets: &[u32],
        smoothing: f32,
        alpha: f32,
    ) -> LossSums {
        let _span = trace::operation("agreement", [targets.len(), output.inputs, output.outputs]);
        let mut found = Compared::new(targets.len());
        let inputs = x.map(|x| self.nodes[x.0].value.as_ref().expect(KEPT));
        let mut dx = inputs.map(|input| Tensor::unfilled(input.rows(), input.columns()));
        projection_pair_loss_backward(
            self.cx.isa,
            inputs.map(rows),
            self.cx.packed.forward(output.weight),
            self.cx.packed.backward(output.weight),
            targets,
            Agreement { smoothing, alpha, scale: 1.0 },
            found.losses(),
            dx.each_mut().map(rows_mut),
            self.gradients.get_mut(output.weight),
            &mut self.scratch.loss,
        );
        for (x, dx) in x.into_iter().zip(dx) {
            self.nodes[x.0].gradient = Some(dx);
        }
        found.sums()
    }
}
