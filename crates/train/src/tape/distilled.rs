//! The loss of a student and its teacher: the last operation of a tape, as the plain loss is.

use super::forward::{KEPT, rows, rows_mut};
use super::{Compared, LossSums, NodeId, Tape};
use lsra_kernels::distil::{Distillation, TeacherRows, projection_distil_loss_backward};
use lsra_kernels::trace;
use lsra_model::layers::Linear;
use lsra_tensor::Tensor;

impl Tape<'_> {
    /// Sums over rows x: `[tokens, channels]`, and at once the gradient of (1 - share) x the smoothed sum + share x temperature^2 x the
    /// divergence with respect to x and to the output matrix.
    pub fn distilled(
        &mut self,
        x: NodeId,
        output: &Linear,
        teacher: TeacherRows<'_>,
        targets: &[u32],
        to: Distillation,
    ) -> LossSums {
        let _span = trace::operation("distilled", [targets.len(), output.inputs, output.outputs]);
        let mut found = Compared::new(targets.len());
        let input = self.nodes[x.0].value.as_ref().expect(KEPT);
        let mut dx = Tensor::unfilled(input.rows(), input.columns());
        projection_distil_loss_backward(
            self.cx.isa,
            rows(input),
            self.cx.packed.forward(output.weight),
            self.cx.packed.backward(output.weight),
            teacher,
            targets,
            to,
            found.losses(),
            rows_mut(&mut dx),
            self.gradients.get_mut(output.weight),
            &mut self.scratch.loss,
        );
        self.nodes[x.0].gradient = Some(dx);
        found.sums()
    }
}
