use moire_tensor::{Images, Tensor};

use crate::Filter;
use crate::error::{Error, Repr};
use crate::filter::Taps;

/// The images at `height` x `width` pixels: `[n, 3, h, w]` to `[n, 3, height, width]`.
///
/// Columns first, then rows, each in double precision and stored in single: what Pillow does with float data
/// (`Image.resize` in mode F), antialiased when shrinking. A side that keeps its length is left alone. The filters
/// with negative weights overshoot at edges; the result is projected back onto `[0, 1]`, value by value.
///
/// # Errors
/// `height` or `width` is 0.
pub fn resize(images: &Images, height: usize, width: usize, filter: Filter) -> Result<Images, Error> {
    if height == 0 || width == 0 {
        return Err(Repr::EmptySize { height, width }.into());
    }
    let (from_height, from_width) = (images.height(), images.width());
    let columns = (width != from_width).then(|| filter.taps(from_width, width));
    let rows = (height != from_height).then(|| filter.taps(from_height, height));
    Ok(mapped(images, rows.as_deref(), columns.as_deref()))
}

/// The images under a map of their rows and one of their columns, where there is one.
pub(crate) fn mapped(images: &Images, rows: Option<&[Taps]>, columns: Option<&[Taps]>) -> Images {
    let (from_height, from_width) = (images.height(), images.width());
    let height = rows.map_or(from_height, <[Taps]>::len);
    let width = columns.map_or(from_width, <[Taps]>::len);
    let mut data = images.tensor().data().to_vec();
    if let Some(taps) = columns {
        data = along_rows(&data, from_width, taps);
    }
    if let Some(taps) = rows {
        data = data.chunks_exact(from_height * width).flat_map(|p| down_columns(p, width, taps)).collect();
    }
    let tensor = Tensor::new([images.len(), 3, height, width], data);
    tensor.and_then(Images::project).expect("weighted means of pixels are numbers, one for each new pixel")
}

/// Every row of `width` values becomes one value for each of `taps`.
fn along_rows(data: &[f32], width: usize, taps: &[Taps]) -> Vec<f32> {
    let value = |row: &[f32], tap: &Taps| {
        let inputs = row[tap.first..].iter();
        inputs.zip(&tap.weights).map(|(&v, &weight)| f64::from(v) * weight).sum::<f64>() as f32
    };
    data.chunks_exact(width).flat_map(|row| taps.iter().map(move |tap| value(row, tap))).collect()
}

/// A plane of rows of `width` values becomes one row for each of `taps`.
fn down_columns(plane: &[f32], width: usize, taps: &[Taps]) -> Vec<f32> {
    let mut data = Vec::with_capacity(taps.len() * width);
    let mut sums = vec![0.0; width];
    for tap in taps {
        sums.fill(0.0);
        for (row, &weight) in plane.chunks_exact(width).skip(tap.first).zip(&tap.weights) {
            for (sum, &v) in sums.iter_mut().zip(row) {
                *sum += f64::from(v) * weight;
            }
        }
        data.extend(sums.iter().map(|&s| s as f32));
    }
    data
}
