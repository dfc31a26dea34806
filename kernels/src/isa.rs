//! What this CPU can do, and how a kernel body is entered for it.
//!
//! A kernel is a generic body over [`pulp::Simd`]. [`Isa::vectorize`] enters it once per tier, inside a function
//! compiled for that tier's instructions. An `Isa` can only be made where the CPU has the instructions, and the system lets this process use them,
//! so holding one is the proof that running them is sound.

use pulp::WithSimd;
use std::fmt;

/// One instruction-set tier of this machine.
#[derive(Clone, Copy)]
pub struct Isa(Token);

#[derive(Clone, Copy)]
enum Token {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Amx(pulp::x86::V4),
}

/// The names of tiers, as `LSRA_ISA` spells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// One lane, no instruction beyond the target's baseline.
    Scalar,
    /// AVX2 with FMA: 8 lanes of f32.
    Avx2,
    /// AVX-512 F, BW, CD, DQ, VL: 16 lanes of f32.
    Avx512,
    /// AVX-512 with BF16 and VNNI, and tiles of bf16 and bytes: all but products of these is as in [`Tier::Avx512`].
    Amx,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Tier; 4] = [Tier::Scalar, Tier::Avx2, Tier::Avx512, Tier::Amx];

    /// The name that `LSRA_ISA` takes and that records carry.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Scalar => "scalar",
            Tier::Avx2 => "avx2",
            Tier::Avx512 => "avx512",
            Tier::Amx => "amx",
        }
    }
}

/// Why a tier asked for cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsaError {
    /// `LSRA_ISA` holds a word that is no tier's name.
    Unknown(String),
    /// The CPU lacks the tier's instructions, or the system does not grant them.
    Unsupported(Tier),
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IsaError::Unknown(name) => {
                write!(f, "LSRA_ISA={name}: no such instruction set; use scalar, avx2, avx512 or amx")
            }
            IsaError::Unsupported(tier) => {
                write!(f, "LSRA_ISA={}: this machine does not have it; leave LSRA_ISA unset", tier.name())
            }
        }
    }
}

impl std::error::Error for IsaError {}

impl Isa {
    /// The scalar tier, which every CPU has.
    pub const SCALAR: Isa = Isa(Token::Scalar);

    /// For the first time for [`Tier::Amx`] this asks Linux for room to keep tiles in, from when on signal stacks of this process are to have room for
    /// them too; those of Rust's threads have.
    ///
    /// Errors: this machine lacks the tier.
    pub fn of(tier: Tier) -> Result<Isa, IsaError> {
        match tier {
            Tier::Scalar => Ok(Isa::SCALAR),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => pulp::x86::V3::try_new().map(|t| Isa(Token::Avx2(t))).ok_or(IsaError::Unsupported(tier)),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => pulp::x86::V4::try_new().map(|t| Isa(Token::Avx512(t))).ok_or(IsaError::Unsupported(tier)),
            #[cfg(target_arch = "x86_64")]
            Tier::Amx => match pulp::x86::V4::try_new() {
                Some(t) if amx::granted() => Ok(Isa(Token::Amx(t))),
                _ => Err(IsaError::Unsupported(tier)),
            },
            #[cfg(not(target_arch = "x86_64"))]
            _ => Err(IsaError::Unsupported(tier)),
        }
    }

    /// Every tier that this machine has, lowest first.
    pub fn available() -> Vec<Isa> {
        Tier::ALL.into_iter().filter_map(|t| Isa::of(t).ok()).collect()
    }

    /// The tier that `LSRA_ISA` names, or else the highest that this machine has.
    ///
    /// Errors: `LSRA_ISA` names no tier, or one that this machine lacks.
    pub fn from_env() -> Result<Isa, IsaError> {
        match std::env::var("LSRA_ISA") {
            Ok(name) if !name.is_empty() => {
                let tier = Tier::ALL.into_iter().find(|t| t.name() == name).ok_or(IsaError::Unknown(name))?;
                Isa::of(tier)
            }
            _ => Ok(Isa::best()),
        }
    }

    /// The highest tier that this machine has.
    pub fn best() -> Isa {
        *Isa::available().last().expect("the scalar tier is always there")
    }

    /// Which tier this is.
    pub fn tier(self) -> Tier {
        match self.0 {
            Token::Scalar => Tier::Scalar,
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => Tier::Avx2,
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => Tier::Avx512,
            #[cfg(target_arch = "x86_64")]
            Token::Amx(_) => Tier::Amx,
        }
    }

    /// Runs a kernel body with this tier's vectors.
    #[inline]
    pub fn vectorize<Op: WithSimd>(self, op: Op) -> Op::Output {
        use pulp::Simd;
        match self.0 {
            Token::Scalar => Simd::vectorize(pulp::Scalar, op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(token) => Simd::vectorize(token, op),
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(token) | Token::Amx(token) => Simd::vectorize(token, op),
        }
    }

    /// Whether this tier multiplies bf16 by an instruction of its own: AVX-512 on a CPU that has AVX-512 BF16 too, or tiles.
    pub fn has_bf16(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self.tier() {
            Tier::Amx => true,
            Tier::Avx512 => is_x86_feature_detected!("avx512bf16"),
            Tier::Avx2 | Tier::Scalar => false,
        };
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Whether this tier multiplies bytes by an instruction of its own: AVX-512 on a CPU that has AVX-512 VNNI too, or tiles.
    pub fn has_vnni(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self.tier() {
            Tier::Amx => true,
            Tier::Avx512 => is_x86_feature_detected!("avx512vnni"),
            Tier::Avx2 | Tier::Scalar => false,
        };
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Whether this tier multiplies tiles.
    pub fn has_tiles(self) -> bool {
        self.tier() == Tier::Amx
    }

    /// Runs a kernel body that uses tiles, compiled for [`Isa::has_bf16`]. Panics where the tier does not have them.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn vectorize_tiles<Op: WithSimd>(self, op: Op) -> Op::Output {
        assert!(self.has_tiles(), "{self:?} has no tiles; was b packed for another tier?");
        self.vectorize_bf16(op)
    }

    /// Runs a kernel body compiled for [`Isa::has_vnni`] as well. Panics where the tier does not have it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn vectorize_vnni<Op: WithSimd>(self, op: Op) -> Op::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,fma,bmi1,bmi2,lzcnt,popcnt")]
        fn enter<Op: WithSimd>(token: pulp::x86::V4, op: Op) -> Op::Output {
            op.with_simd(token)
        }
        match self.0 {
            // SAFETY: the token proves AVX-512, and VNNI was found just now.
            Token::Avx512(token) | Token::Amx(token) if self.has_vnni() => unsafe { enter(token, op) },
            _ => panic!("{self:?} has no products of bytes"),
        }
    }

    /// Runs a kernel body compiled for [`Isa::has_bf16`] as well. Panics where the tier does not have it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn vectorize_bf16<Op: WithSimd>(self, op: Op) -> Op::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512bf16,fma,bmi1,bmi2,lzcnt,popcnt")]
        fn enter<Op: WithSimd>(token: pulp::x86::V4, op: Op) -> Op::Output {
            op.with_simd(token)
        }
        match self.0 {
            // SAFETY: the token proves AVX-512, and BF16 was found just now.
            Token::Avx512(token) | Token::Amx(token) if self.has_bf16() => unsafe { enter(token, op) },
            _ => panic!("{self:?} has no bf16 products"),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod amx {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    use std::sync::OnceLock;

    /// Whether this process may use tiles: the CPU has them, with both types and the vectors beside them, and the system keeps them.
    pub fn granted() -> bool {
        static GRANTED: OnceLock<bool> = OnceLock::new();
        *GRANTED.get_or_init(|| {
            let vectors = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512vnni");
            vectors && cpu_has_tiles() && ask()
        })
    }

    /// CPUID leaf 7: AMX-BF16, AMX-TILE and AMX-INT8 in EDX.
    fn cpu_has_tiles() -> bool {
        const ALL: u32 = 1 << 22 | 1 << 24 | 1 << 25;
        __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & ALL == ALL
    }

    /// A process has to ask Linux for room to keep tiles in, which its threads then have too; granted is granted for good.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    fn ask() -> bool {
        const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
        /// The component of the state that holds tiles' data.
        const XTILEDATA: libc::c_long = 18;
        // SAFETY: nothing is passed by address.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0 }
    }

    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    fn ask() -> bool {
        false
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tier().name())
    }
}
