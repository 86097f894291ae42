//! The two matrix products of an LSTM layer, on matrices in panels.
//!
//! Each holds a block of the result in registers, as large as the processor has: so many rows by so many
//! panels that its arithmetic never waits for memory or for an earlier result.

use pulp::{Arch, Simd, WithSimd};

use super::panels::{LANES, Row, panels};

/// Panels of the common dimension that are taken at once, so that what is read again stays in the
/// first cache.
const DEPTH: usize = 4;

/// Matrix to which a product is added.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Onto<'a> {
    /// The result's own contents.
    Result,
    /// The same in every row: one row's panels.
    EachRow(&'a [Row]),
    /// Nothing.
    Zero,
}

/// `result = onto + left · right`: `left` is `rows × depth`, `right` `depth × columns`, `result`
/// `rows × columns`.
pub(crate) fn accumulate(
    arch: Arch,
    rows: usize,
    left: &[Row],
    depth: usize,
    right: &[Row],
    onto: Onto<'_>,
    result: &mut [Row],
) {
    assert_eq!(left.len(), rows * panels(depth), "left factor");
    assert_eq!(
        right.len() * rows,
        result.len() * depth,
        "right factor and result"
    );
    assert!(rows > 0 && depth > 0, "no empty factors");
    arch.dispatch(Accumulate {
        rows,
        left,
        depth,
        right,
        onto,
        result,
    });
}

/// `result += Σ leftᵀ · right` over the steps of a sequence: a step's `left` is `rows × columns`, its
/// `right` as wide as `result`, which has `columns` rows.
pub(crate) fn accumulate_transposed(
    arch: Arch,
    rows: usize,
    left: &[Row],
    columns: usize,
    right: &[Row],
    result: &mut [Row],
) {
    let left_step = rows * panels(columns);
    let right_step = result.len() / columns * rows;
    assert_eq!(left.len() % left_step, 0, "whole steps");
    assert_eq!(
        left.len() / left_step * right_step,
        right.len(),
        "as many steps"
    );
    arch.dispatch(AccumulateTransposed {
        rows,
        left,
        columns,
        right,
        result,
    });
}

struct Accumulate<'a> {
    rows: usize,
    left: &'a [Row],
    depth: usize,
    right: &'a [Row],
    onto: Onto<'a>,
    result: &'a mut [Row],
}

impl WithSimd for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1, 4>(simd),
            8 => self.run::<S, 2, 1>(simd),
            4 => self.run::<S, 4, 1>(simd),
            // Without vectors that pulp knows, the compiler makes of it what it can.
            _ => self.run::<pulp::Scalar128b, 4, 1>(pulp::Scalar128b),
        }
    }
}

impl Accumulate<'_> {
    /// `V` vectors make a row of a panel; `P` panels are taken at once.
    #[inline(always)]
    fn run<S: Simd, const V: usize, const P: usize>(mut self, simd: S) {
        let mut panel = 0;
        while panel < self.result.len() / self.rows {
            panel += match self.result.len() / self.rows - panel {
                // One row cannot keep the processor busy with one panel.
                4.. if P == 4 || self.rows == 1 => self.group::<S, V, 4>(simd, panel),
                2.. if P == 4 => self.group::<S, V, 2>(simd, panel),
                _ => self.group::<S, V, 1>(simd, panel),
            };
        }
    }

    /// All rows of `P` panels of the result; answers `P`.
    #[inline(always)]
    fn group<S: Simd, const V: usize, const P: usize>(&mut self, simd: S, panel: usize) -> usize {
        let Self {
            rows, left, depth, ..
        } = *self;
        let right = &self.right[panel * depth..(panel + P) * depth];
        let result = &mut self.result[panel * rows..(panel + P) * rows];
        for first in (0..panels(depth)).step_by(DEPTH) {
            let onto = match self.onto {
                Onto::EachRow(onto) if first == 0 => Onto::EachRow(&onto[panel..panel + P]),
                Onto::Zero if first == 0 => Onto::Zero,
                _ => Onto::Result,
            };
            let part = Part {
                rows,
                left,
                depth,
                right,
                panels: first..panels(depth).min(first + DEPTH),
                onto,
            };
            let mut row = 0;
            while row < rows {
                row += match rows - row {
                    8.. if fits::<S>(8 * P * V + P * V) => {
                        part.block::<S, V, P, 8>(simd, row, result)
                    }
                    4.. => part.block::<S, V, P, 4>(simd, row, result),
                    3 => part.block::<S, V, P, 3>(simd, row, result),
                    2 => part.block::<S, V, P, 2>(simd, row, result),
                    _ => part.block::<S, V, P, 1>(simd, row, result),
                };
            }
        }
        P
    }
}

/// Returns whether so many vectors and one more stay in registers.
#[inline(always)]
const fn fits<S: Simd>(vectors: usize) -> bool {
    vectors < S::REGISTER_COUNT
}

struct Part<'a> {
    rows: usize,
    left: &'a [Row],
    depth: usize,
    right: &'a [Row],
    panels: std::ops::Range<usize>,
    onto: Onto<'a>,
}

impl Part<'_> {
    /// `R` rows of `P` panels of the result; answers `R`.
    #[inline(always)]
    fn block<S: Simd, const V: usize, const P: usize, const R: usize>(
        &self,
        simd: S,
        row: usize,
        result: &mut [Row],
    ) -> usize {
        let place = |panel: usize, r: usize| panel * self.rows + row + r;
        let mut sums: [[[S::f32s; V]; P]; R] = match self.onto {
            Onto::Result => std::array::from_fn(|r| {
                std::array::from_fn(|panel| vectors::<S, V>(&result[place(panel, r)]))
            }),
            Onto::EachRow(onto) => [std::array::from_fn(|panel| vectors::<S, V>(&onto[panel])); R],
            Onto::Zero => [[[simd.splat_f32s(0.0); V]; P]; R],
        };
        for panel in self.panels.clone() {
            let left: &[Row; R] = self.left[panel * self.rows + row..]
                .first_chunk()
                .expect("rows are counted");
            let from = panel * LANES;
            let right: [&[Row]; P] =
                std::array::from_fn(|p| &self.right[p * self.depth + from..(p + 1) * self.depth]);
            if let Some(right) = whole(right) {
                for lane in 0..LANES {
                    let right = right.map(|right| vectors::<S, V>(&right[lane]));
                    add_products(simd, left, lane, &right, &mut sums);
                }
            } else {
                for lane in 0..self.depth - from {
                    let right = right.map(|right| vectors::<S, V>(&right[lane]));
                    add_products(simd, left, lane, &right, &mut sums);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (panel, sums) in sums.iter().enumerate() {
                store::<S, V>(&mut result[place(panel, r)], sums);
            }
        }
        R
    }
}

/// The panels' next rows, when they are a whole panel's depth.
#[inline(always)]
fn whole<const P: usize>(right: [&[Row]; P]) -> Option<[&[Row; LANES]; P]> {
    const NONE: &[Row; LANES] = &[Row::ZERO; LANES];
    let mut blocks = [NONE; P];
    for (block, right) in blocks.iter_mut().zip(right) {
        *block = right.first_chunk()?;
    }
    Some(blocks)
}

/// One lane of `R` rows times one row of `P` panels.
#[inline(always)]
fn add_products<S: Simd, const V: usize, const P: usize, const R: usize>(
    simd: S,
    left: &[Row; R],
    lane: usize,
    right: &[[S::f32s; V]; P],
    sums: &mut [[[S::f32s; V]; P]; R],
) {
    for (left, sums) in left.iter().zip(sums) {
        let factor = simd.splat_f32s(left[lane]);
        for (right, sums) in right.iter().zip(sums) {
            for (right, sum) in right.iter().zip(sums) {
                *sum = simd.mul_add_e_f32s(factor, *right, *sum);
            }
        }
    }
}

struct AccumulateTransposed<'a> {
    rows: usize,
    left: &'a [Row],
    columns: usize,
    right: &'a [Row],
    result: &'a mut [Row],
}

impl WithSimd for AccumulateTransposed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.run::<S, 1, 4>(simd),
            8 => self.run::<S, 2, 1>(simd),
            4 => self.run::<S, 4, 1>(simd),
            _ => self.run::<pulp::Scalar128b, 4, 1>(pulp::Scalar128b),
        }
    }
}

impl AccumulateTransposed<'_> {
    #[inline(always)]
    fn run<S: Simd, const V: usize, const P: usize>(self, simd: S) {
        let Self {
            rows,
            left,
            columns,
            right,
            result,
        } = self;
        let sequence = Sequence {
            rows,
            left,
            left_step: rows * panels(columns),
            right,
            right_step: result.len() / columns * rows,
        };
        let mut panel = 0;
        for result in result.chunks_mut(P * columns) {
            let mut taken = 0;
            while taken < result.len() / columns {
                let rest = &mut result[taken * columns..];
                taken += match rest.len() / columns {
                    4.. if P == 4 => sequence.group::<S, V, 4>(simd, panel + taken, columns, rest),
                    2.. if P == 4 => sequence.group::<S, V, 2>(simd, panel + taken, columns, rest),
                    _ => sequence.group::<S, V, 1>(simd, panel + taken, columns, rest),
                };
            }
            panel += taken;
        }
    }
}

struct Sequence<'a> {
    rows: usize,
    left: &'a [Row],
    left_step: usize,
    right: &'a [Row],
    right_step: usize,
}

impl Sequence<'_> {
    /// All rows of `P` panels of the result, the first of which is `panel`; answers `P`.
    #[inline(always)]
    fn group<S: Simd, const V: usize, const P: usize>(
        &self,
        simd: S,
        panel: usize,
        columns: usize,
        result: &mut [Row],
    ) -> usize {
        let mut column = 0;
        while column < columns {
            let at = (panel, column, columns);
            column += match columns - column {
                // A block lies within one panel of the left factor: eight divide it.
                8.. if fits::<S>(8 * P * V + P * V) && column % 8 == 0 => {
                    self.block::<S, V, P, 8>(simd, at, result)
                }
                4.. => self.block::<S, V, P, 4>(simd, at, result),
                3 => self.block::<S, V, P, 3>(simd, at, result),
                2 => self.block::<S, V, P, 2>(simd, at, result),
                _ => self.block::<S, V, P, 1>(simd, at, result),
            };
        }
        P
    }

    /// `R` rows, which are the left factor's columns, of `P` panels; answers `R`.
    #[inline(always)]
    fn block<S: Simd, const V: usize, const P: usize, const R: usize>(
        &self,
        simd: S,
        (panel, column, columns): (usize, usize, usize),
        result: &mut [Row],
    ) -> usize {
        let place = |p: usize, r: usize| p * columns + column + r;
        let mut sums: [[[S::f32s; V]; P]; R] =
            std::array::from_fn(|r| std::array::from_fn(|p| vectors::<S, V>(&result[place(p, r)])));
        let (left_panel, lane) = (column / LANES, column % LANES);
        assert!(lane + R <= LANES, "a block lies within a panel");
        let steps = self.left.chunks_exact(self.left_step);
        for (left, right) in steps.zip(self.right.chunks_exact(self.right_step)) {
            let left = &left[left_panel * self.rows..][..self.rows];
            let right: [&[Row]; P] =
                std::array::from_fn(|p| &right[(panel + p) * self.rows..][..self.rows]);
            for (row, left) in left.iter().enumerate() {
                let right = right.map(|right| vectors::<S, V>(&right[row]));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let factor = simd.splat_f32s(left[lane + r]);
                    for (right, sums) in right.iter().zip(sums) {
                        for (right, sum) in right.iter().zip(sums) {
                            *sum = simd.mul_add_e_f32s(factor, *right, *sum);
                        }
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (p, sums) in sums.iter().enumerate() {
                store::<S, V>(&mut result[place(p, r)], sums);
            }
        }
        R
    }
}

#[inline(always)]
fn vectors<S: Simd, const V: usize>(row: &Row) -> [S::f32s; V] {
    let (vectors, _) = S::as_simd_f32s(&row[..]);
    std::array::from_fn(|v| vectors[v])
}

#[inline(always)]
fn store<S: Simd, const V: usize>(row: &mut Row, values: &[S::f32s; V]) {
    let (vectors, _) = S::as_mut_simd_f32s(&mut row[..]);
    for (to, value) in vectors.iter_mut().zip(values) {
        *to = *value;
    }
}
