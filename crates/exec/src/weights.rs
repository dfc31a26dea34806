//! The values of a model's parameters, f32.

use lsra_model::{Init, ParamId, ParamSpec, Params};
use lsra_tensor::Tensor;
use rand::distr::{Distribution, Uniform};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::Normal;

/// One contiguous tensor a parameter, in the order and with the shape ([`ParamSpec::matrix`]) of its [`Params`].
#[derive(Clone, Debug)]
pub struct Weights {
    tensors: Vec<Tensor>,
}

impl Weights {
    /// The values that training starts from. A parameter's depend on the seed and its own name alone.
    pub fn init(params: &Params, seed: u64) -> Weights {
        Weights { tensors: params.iter().map(|(_, spec)| initial(spec, seed)).collect() }
    }

    /// From one tensor a parameter. Panics where shapes disagree.
    pub fn from_tensors(params: &Params, tensors: Vec<Tensor>) -> Weights {
        assert_eq!(tensors.len(), params.len(), "one tensor a parameter");
        for ((_, spec), t) in params.iter().zip(&tensors) {
            assert_eq!((t.rows(), t.columns()), spec.matrix(), "shape of {}", spec.name);
            assert!(t.is_contiguous(), "rows of {} lie apart", spec.name);
        }
        Weights { tensors }
    }

    /// The values of one parameter.
    pub fn get(&self, id: ParamId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// The same, to write.
    pub fn get_mut(&mut self, id: ParamId) -> &mut Tensor {
        &mut self.tensors[id.index()]
    }

    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tensor> {
        self.tensors.iter()
    }

    /// All, in order, as a slice.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// All, in order, to write.
    pub fn tensors_mut(&mut self) -> &mut [Tensor] {
        &mut self.tensors
    }

    /// How many tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// A copy that shares nothing: clones share their tensors' storage.
    pub fn to_owned_copy(&self) -> Weights {
        Weights { tensors: self.tensors.iter().map(Tensor::to_owned_copy).collect() }
    }
}

fn initial(spec: &ParamSpec, seed: u64) -> Tensor {
    let (rows, columns) = spec.matrix();
    let mut tensor = Tensor::zeros(rows, columns);
    let values = tensor.data_mut();
    let mut generator = generator(seed, &spec.name);
    match spec.init {
        Init::Zeros => {}
        Init::Ones => values.fill(1.0),
        Init::Normal { std, zero_row } => {
            fill(values, &mut generator, Normal::new(0.0, std).expect("a standard deviation is finite"));
            if let Some(row) = zero_row {
                values[row * columns..(row + 1) * columns].fill(0.0);
            }
        }
        Init::Uniform { bound } => {
            fill(values, &mut generator, Uniform::new_inclusive(-bound, bound).expect("a bound is finite"));
        }
    }
    tensor
}

fn fill(values: &mut [f32], generator: &mut impl Rng, distribution: impl Distribution<f32>) {
    values.iter_mut().for_each(|x| *x = distribution.sample(generator));
}

/// ChaCha8 keyed by the seed and the name.
fn generator(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash(name).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// FNV-1a: names of one model are few and short; a test holds their hashes apart.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsra_model::{Model, presets};
    use std::collections::{HashMap, HashSet};

    fn model(name: &str) -> Model {
        Model::new(&presets::preset(name).unwrap().model).unwrap()
    }

    /// Values by name.
    fn named<'a>(model: &'a Model, weights: &'a Weights) -> HashMap<&'a str, &'a [f32]> {
        model.params.iter().map(|(id, spec)| (spec.name.as_str(), weights.get(id).data())).collect()
    }

    #[test]
    fn hashes_of_names_differ() {
        let models: Vec<Model> = presets::ALL.iter().map(|(name, _)| model(name)).collect();
        let names: HashSet<&str> = models.iter().flat_map(|m| m.params.iter().map(|(_, s)| s.name.as_str())).collect();
        let hashes: HashSet<u64> = names.iter().map(|n| hash(n)).collect();
        assert_eq!(hashes.len(), names.len());
    }

    #[test]
    fn values_depend_on_seed_and_name_alone() {
        let model = model("iwslt-160");
        let mut deeper = model.config.clone();
        (deeper.encoder_layers, deeper.target_vocabulary) = (7, deeper.target_vocabulary + 1);
        deeper.encoder_kernels.push(31);
        let deeper = Model::new(&deeper).unwrap();
        let (weights, again, other) =
            (Weights::init(&model.params, 3), Weights::init(&deeper.params, 3), Weights::init(&model.params, 4));
        let (again, other) = (named(&deeper, &again), named(&model, &other));
        for (id, spec) in model.params.iter() {
            let values = weights.get(id).data();
            // A table with one more word begins with the same ones.
            assert_eq!(values, &again[spec.name.as_str()][..values.len()], "{}", spec.name);
            let drawn = matches!(spec.init, Init::Normal { .. } | Init::Uniform { .. });
            assert_eq!(values != other[spec.name.as_str()], drawn, "{}", spec.name);
        }
    }

    #[test]
    fn distributions_are_those_asked_for() {
        let model = model("iwslt-160");
        let weights = Weights::init(&model.params, 3);
        for (id, spec) in model.params.iter() {
            let values = weights.get(id).data();
            let columns = weights.get(id).columns();
            let (deviation, zero_row) = match spec.init {
                Init::Zeros | Init::Ones => {
                    let constant = if spec.init == Init::Ones { 1.0 } else { 0.0 };
                    assert!(values.iter().all(|&x| x == constant), "{}", spec.name);
                    continue;
                }
                Init::Normal { std, zero_row } => (f64::from(std), zero_row),
                Init::Uniform { bound } => {
                    assert!(values.iter().all(|x| x.abs() <= bound), "{}", spec.name);
                    (f64::from(bound) / 3f64.sqrt(), None)
                }
            };
            let drawn: Vec<f64> = (0..weights.get(id).rows())
                .filter(|&r| Some(r) != zero_row)
                .flat_map(|r| &values[r * columns..][..columns])
                .map(|&x| f64::from(x))
                .collect();
            if let Some(row) = zero_row {
                assert!(values[row * columns..][..columns].iter().all(|&x| x == 0.0), "{}", spec.name);
            }
            // Six deviations of the mean and of the mean square: the fourth moment of a normal is 3, a uniform's less.
            let count = drawn.len() as f64;
            let mean = drawn.iter().sum::<f64>() / count;
            let square = drawn.iter().map(|x| x * x).sum::<f64>() / count / deviation.powi(2);
            assert!(mean.abs() <= 6.0 * deviation / count.sqrt(), "{}: mean {mean}", spec.name);
            assert!((square - 1.0).abs() <= 6.0 * (2.0 / count).sqrt(), "{}: variance {square}", spec.name);
        }
    }
}
