//! Layout of matrices in memory: cut into panels of [`LANES`] columns, each panel's rows next to
//! each other. Any product then reads both of its factors in order, without a copy.

use std::ops::{Deref, DerefMut};

/// Columns of a panel: the widest vector of today's processors.
pub(crate) const LANES: usize = 16;

/// One row of one panel. A matrix of `rows` rows is a slice of `panels × rows` of them; lanes past the
/// last column are zero. Aligned so that no vector lies across two lines of the cache.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Row([f32; LANES]);

impl Row {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// Lane by lane.
    #[inline]
    pub(crate) fn times(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }
}

impl Deref for Row {
    type Target = [f32; LANES];

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Row {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Panels of a matrix with so many columns.
pub(crate) const fn panels(columns: usize) -> usize {
    columns.div_ceil(LANES)
}

/// Lays row-major values out in panels; `into` has one matrix's length.
pub(crate) fn pack(values: &[f32], columns: usize, into: &mut [Row]) {
    let rows = values.len() / columns;
    for (panel, into) in into.chunks_exact_mut(rows).enumerate() {
        for (from, row) in values.chunks_exact(columns).zip(into) {
            let from = &from[panel * LANES..];
            match from.first_chunk() {
                Some(whole) => **row = *whole,
                None => {
                    *row = Row::ZERO;
                    row[..from.len()].copy_from_slice(from);
                }
            }
        }
    }
}

/// The reverse of [`pack`].
pub(crate) fn unpack(matrix: &[Row], columns: usize, values: &mut [f32]) {
    let rows = values.len() / columns;
    for (panel, matrix) in matrix.chunks_exact(rows).enumerate() {
        for (to, row) in values.chunks_exact_mut(columns).zip(matrix) {
            let to = &mut to[panel * LANES..];
            match to.first_chunk_mut() {
                Some(whole) => *whole = **row,
                None => to.copy_from_slice(&row[..to.len()]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_is_what_was_packed_and_the_rest_is_zero() {
        for (rows, columns) in [(1, 1), (3, 16), (2, 17), (5, 40)] {
            let values: Vec<f32> = (1..=rows * columns).map(|v| v as f32).collect();
            let mut matrix = vec![Row([9.0; LANES]); rows * panels(columns)];
            pack(&values, columns, &mut matrix);
            assert_eq!(
                matrix[rows * (columns / LANES).min(panels(columns) - 1)][0],
                {
                    let column = (columns / LANES).min(panels(columns) - 1) * LANES;
                    values[column]
                }
            );
            let zeros = matrix
                .iter()
                .flat_map(|row| row.iter())
                .filter(|v| **v == 0.0)
                .count();
            assert_eq!(zeros, rows * (panels(columns) * LANES - columns));
            let mut again = vec![0.0; values.len()];
            unpack(&matrix, columns, &mut again);
            assert_eq!(again, values);
        }
    }
}
