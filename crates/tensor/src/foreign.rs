//! Values that lie in somebody else's memory, such as a mapped file.

use std::ops::Range;
use std::sync::Arc;

/// Memory that others read, and its holder's word that it does not change.
pub trait Holder: Send + Sync {
    /// All of it.
    fn bytes(&self) -> &[u8];

    /// That none of it will be read soon: what it takes may be given back, if it can be had again.
    fn release(&self);
}

/// A range of a holder's bytes that are f32 as this machine has them.
#[derive(Clone)]
pub(crate) struct Foreign {
    holder: Arc<dyn Holder>,
    range: Range<usize>,
}

impl Foreign {
    /// None where the machine cannot read the bytes as f32: they begin at an odd place, or it has another order of bytes.
    pub fn new(holder: &Arc<dyn Holder>, range: Range<usize>) -> Option<Foreign> {
        let bytes = &holder.bytes()[range.clone()];
        let readable = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok();
        readable.then(|| Foreign { holder: holder.clone(), range })
    }

    pub fn as_slice(&self) -> &[f32] {
        bytemuck::cast_slice(&self.holder.bytes()[self.range.clone()])
    }

    pub fn release(&self) {
        self.holder.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;

    struct Words(Vec<u32>);

    impl Holder for Words {
        fn bytes(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
        fn release(&self) {}
    }

    #[test]
    fn bytes_are_read_where_they_lie_or_not_at_all() {
        let holder: Arc<dyn Holder> = Arc::new(Words([1.0f32, 2.0, 3.0, 4.0, 5.0].map(f32::to_bits).to_vec()));
        let t = Tensor::foreign(&holder, 4..20, 2, 2).expect("f32 on whole words");
        assert_eq!(t.data(), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(t.data().as_ptr().cast(), holder.bytes()[4..].as_ptr());
        t.release();
        assert_eq!(t.row(1), [4.0, 5.0]);
        assert!(Tensor::foreign(&holder, 2..18, 2, 2).is_none(), "between words");
    }

    #[test]
    #[should_panic(expected = "not written")]
    fn they_are_not_written() {
        let holder: Arc<dyn Holder> = Arc::new(Words(vec![0; 4]));
        Tensor::foreign(&holder, 0..16, 2, 2).expect("f32 on whole words").data_mut();
    }
}
