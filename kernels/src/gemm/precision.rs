//! What a product's operands are rounded to before they are multiplied.

use std::fmt;
use std::str::FromStr;

/// The type of a product's operands. What a product gives is f32 whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// Rounded to bf16, to the nearest, ties to even: 8 significant bits, the range of f32. Subnormal values become zeros.
    Bf16,
    /// Whole numbers from -127 to 127, of each row of either operand in units of its largest magnitude / 127. Sums are exact.
    Int8,
}

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

    /// The name in files and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    /// Errors: not the name of a precision.
    fn from_str(name: &str) -> Result<Precision, String> {
        Precision::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| format!("{name}: a precision is f32, bf16 or int8"))
    }
}
