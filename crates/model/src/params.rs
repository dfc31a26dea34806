//! Parameters by name, shape and initial distribution; their values live in an executor's store.

/// A parameter of a model: its place in [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u32);

impl ParamId {
    /// The place as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The distribution that a parameter starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// All one.
    Ones,
    /// Normal with mean 0; the row of the padding symbol, where there is one, is zero.
    Normal {
        /// Standard deviation.
        std: f32,
        /// A row that starts as zeros.
        zero_row: Option<usize>,
    },
    /// Uniform on [-bound, bound]. Xavier's bound is gain x sqrt(6 / (fan_in + fan_out)).
    Uniform {
        /// The largest value.
        bound: f32,
    },
}

impl Init {
    /// Glorot and Bengio 2010, equation 16, times `gain`.
    pub fn xavier(fan_in: usize, fan_out: usize, gain: f32) -> Init {
        Init::Uniform { bound: gain * (6.0 / (fan_in + fan_out) as f32).sqrt() }
    }
}

/// What a parameter is for; reports count by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamRole {
    /// A table that maps tokens to vectors; the paper leaves it out of its counts.
    Embedding,
    /// An output matrix of its own.
    OutputProjection,
    /// Everything else.
    Weight,
}

/// One parameter: tensor `name` of `shape`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Its name in a model file, as the original implementation has it.
    pub name: String,
    /// Linear layers: `[out, in]`. Taps: `[heads, 1, kernel]`. Tables: `[words, channels]`.
    pub shape: Vec<usize>,
    /// Its distribution before training.
    pub init: Init,
    /// What it is for.
    pub role: ParamRole,
}

impl ParamSpec {
    /// How many values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape as a matrix: the first dimension, and the product of the others (a vector is one row).
    pub fn matrix(&self) -> (usize, usize) {
        match self.shape.as_slice() {
            [n] => (1, *n),
            [rows, rest @ ..] => (*rows, rest.iter().product()),
            [] => (1, 1),
        }
    }
}

/// All parameters of a model, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    specs: Vec<ParamSpec>,
}

impl Params {
    /// Appends a parameter.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], init: Init, role: ParamRole) -> ParamId {
        self.specs.push(ParamSpec { name: name.into(), shape: shape.to_vec(), init, role });
        ParamId(self.specs.len() as u32 - 1)
    }

    /// One parameter.
    pub fn get(&self, id: ParamId) -> &ParamSpec {
        &self.specs[id.index()]
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ParamId, &ParamSpec)> {
        self.specs.iter().enumerate().map(|(i, s)| (ParamId(i as u32), s))
    }

    /// How many tensors.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// How many values in all.
    pub fn values(&self) -> usize {
        self.specs.iter().map(ParamSpec::len).sum()
    }

    /// Values by the paper's rule: without the embedding tables, with an output matrix of its own.
    pub fn values_by_paper_rule(&self) -> usize {
        self.specs.iter().filter(|s| s.role != ParamRole::Embedding).map(ParamSpec::len).sum()
    }

    /// The parameter of that name.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.specs.iter().position(|s| s.name == name).map(|i| ParamId(i as u32))
    }
}
