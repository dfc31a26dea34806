//! Writing safetensors: the same tensors and metadata give the same bytes, which the library's own writer does not promise, since it keeps
//! metadata in a map of random order.

use safetensors::View;
use safetensors::tensor::{Metadata, TensorInfo};
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes tensors as they lie, one after another in this order, without a copy of them all. Whoever calls puts those of
/// wider types first, so that all are aligned.
///
/// Errors: `to` cannot be written.
pub fn write<V: View>(to: &mut dyn Write, metadata: &[(&str, String)], tensors: &[(String, V)]) -> io::Result<()> {
    let header = header(metadata, tensors);
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(&header)?;
    tensors.iter().try_for_each(|(_, tensor)| to.write_all(&tensor.data()))
}

/// What stands before the tensors, in whole words of 8 bytes.
fn header<V: View>(metadata: &[(&str, String)], tensors: &[(String, V)]) -> Vec<u8> {
    let mut end = 0;
    let infos = tensors.iter().map(|(name, tensor)| {
        let start = end;
        end += tensor.data_len();
        let shape = tensor.shape().to_vec();
        (name.clone(), TensorInfo { dtype: tensor.dtype(), shape, data_offsets: (start, end) })
    });
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let header = Metadata::new(Some(metadata), infos.collect()).expect("true shapes and places");
    // A value's objects are sorted by key.
    let sorted = serde_json::to_value(&header).expect("numbers and names make JSON");
    let mut bytes = sorted.to_string().into_bytes();
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};

    #[test]
    fn the_same_tensors_give_the_same_bytes_that_the_library_reads() {
        let values: Vec<u8> = [1.0f32, -2.0, 3.5].iter().flat_map(|x| x.to_le_bytes()).collect();
        let tensors = [
            ("weight".to_owned(), TensorView::new(Dtype::F32, vec![3], &values).unwrap()),
            ("a blob".to_owned(), TensorView::new(Dtype::U8, vec![2], &values[..2]).unwrap()),
        ];
        let metadata = ["one", "two", "three", "four", "five"].map(|key| (key, format!("of \"{key}\"")));
        let written = || {
            let mut bytes = Vec::new();
            write(&mut bytes, &metadata, &tensors).unwrap();
            bytes
        };
        let bytes = written();
        for _ in 0..8 {
            assert_eq!(written(), bytes);
        }
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!((read.len(), bytes.len() % 8), (2, (values.len() + 2) % 8));
        for (name, tensor) in &tensors {
            assert_eq!(read.tensor(name).unwrap(), *tensor);
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let kept = header.metadata().as_ref().unwrap();
        assert_eq!(kept.len(), metadata.len());
        assert!(metadata.iter().all(|(key, value)| &kept[*key] == value));
    }
}
