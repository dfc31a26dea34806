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
    // FNV-1a: names of one model are few and short; a test holds their hashes apart.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
