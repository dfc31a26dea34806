//! One gradient a parameter.

use lsra_model::{ParamId, Params};

/// The gradient of every parameter of a model, in the order of its [`Params`].
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    values: Vec<Vec<f32>>,
}

impl Gradients {
    /// All zero.
    pub fn zeros(params: &Params) -> Gradients {
        Gradients { values: params.iter().map(|(_, s)| vec![0.0; s.len()]).collect() }
    }

    /// The gradient of one parameter, in its own order.
    pub fn get(&self, id: ParamId) -> &[f32] {
        &self.values[id.index()]
    }

    /// The same, to add to.
    pub fn get_mut(&mut self, id: ParamId) -> &mut [f32] {
        &mut self.values[id.index()]
    }

    /// Two of them at once. Panics where they are the same.
    pub fn pair_mut(&mut self, a: ParamId, b: ParamId) -> (&mut [f32], &mut [f32]) {
        let [a, b] = self.values.get_disjoint_mut([a.index(), b.index()]).expect("two parameters");
        (a, b)
    }

    /// All, in order.
    pub fn values(&self) -> &[Vec<f32>] {
        &self.values
    }

    /// All, in order, to write.
    pub fn values_mut(&mut self) -> &mut [Vec<f32>] {
        &mut self.values
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.values.iter_mut().for_each(|v| v.fill(0.0));
    }
}
