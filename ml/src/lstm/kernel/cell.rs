//! Gate operations of an LSTM, forward and back, on one block of [`LANES`](super::LANES) units.

use pulp::{Arch, Simd, WithSimd};

use super::panels::{LANES, Row};

/// A step of a block of units. Every slice has a row per sequence, `gates` four times as many: input,
/// forget, cell and output gate, one after the other.
pub(crate) struct Forward<'a> {
    /// Sums of products on entry, the gates' values on return.
    pub(crate) gates: &'a mut [Row],
    pub(crate) previous: &'a [Row],
    pub(crate) cell: &'a mut [Row],
    /// The hyperbolic tangent of `cell`.
    pub(crate) squashed: &'a mut [Row],
    pub(crate) hidden: &'a mut [Row],
}

/// The way back through [`Forward`].
pub(crate) struct Backward<'a> {
    /// The gates' values on entry, the gradient of their sums on return.
    pub(crate) gates: &'a mut [Row],
    pub(crate) previous: &'a [Row],
    pub(crate) squashed: &'a [Row],
    /// Gradient of the hidden values by what the layer's readers did with them.
    pub(crate) above: &'a [Row],
    /// Gradient of the hidden values by what the next step did with them.
    pub(crate) next: &'a [Row],
    /// Gradient of the cell's values: the next step's on entry, the previous step's on return.
    pub(crate) cell: &'a mut [Row],
    /// The gradient of the gates' sums is added up here, a row per gate.
    pub(crate) bias: &'a mut [Row],
}

impl Forward<'_> {
    pub(crate) fn run(self, arch: Arch) {
        arch.dispatch(self);
    }
}

impl Backward<'_> {
    pub(crate) fn run(self, arch: Arch) {
        arch.dispatch(self);
    }
}

/// `2^x` for `x` in [-30, 30], beyond as at the bounds: to about one unit of the last place. The whole
/// part goes to the exponent, the rest is the series of `e^(x ln 2)`, whose seventh term is below 2⁻²³.
#[inline(always)]
fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const LN_2: f64 = std::f64::consts::LN_2;
    const SERIES: [f32; 7] = {
        let mut terms = [1.0_f32; 7];
        let (mut term, mut k) = (1.0_f64, 1);
        while k < terms.len() {
            term = term * LN_2 / k as f64;
            terms[k] = term as f32;
            k += 1;
        }
        terms
    };
    // Adding it leaves no place for a fraction: the sum is rounded to a whole number, which stands in
    // its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let splat = |value| simd.splat_f32s(value);
    let x = simd.max_f32s(simd.min_f32s(x, splat(30.0)), splat(-30.0));
    let rounded = simd.add_f32s(x, splat(ROUND));
    let rest = simd.sub_f32s(x, simd.sub_f32s(rounded, splat(ROUND)));
    let mut power = splat(SERIES[6]);
    for &term in SERIES[..6].iter().rev() {
        power = simd.mul_add_e_f32s(power, rest, splat(term));
    }
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(power), exponent))
}

/// `e^(-x)`.
#[inline(always)]
fn decay<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    exp2(
        simd,
        simd.mul_f32s(x, simd.splat_f32s(-std::f32::consts::LOG2_E)),
    )
}

/// `e^(-2x)`.
#[inline(always)]
fn decay_twice<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let factor = simd.splat_f32s(-2.0 * std::f32::consts::LOG2_E);
    exp2(simd, simd.mul_f32s(x, factor))
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let one = simd.splat_f32s(1.0);
        let quarter = self.gates.len() / 4;
        let (input, rest) = self.gates.split_at_mut(quarter);
        let (forget, rest) = rest.split_at_mut(quarter);
        let (candidate, output) = rest.split_at_mut(quarter);
        let gates = input.iter_mut().zip(forget).zip(candidate).zip(output);
        let values = (self.previous.iter())
            .zip(self.cell)
            .zip(self.squashed)
            .zip(self.hidden);
        for ((((input, forget), candidate), output), (((previous, cell), squashed), hidden)) in
            gates.zip(values)
        {
            for v in 0..vectors_per_row::<S>() {
                let input = vector_mut::<S>(input, v);
                let forget = vector_mut::<S>(forget, v);
                let candidate = vector_mut::<S>(candidate, v);
                let output = vector_mut::<S>(output, v);
                // sigmoid(x) = 1 / (1 + e^-x) and tanh(x) = (1 - e^-2x) / (1 + e^-2x), the four
                // denominators by one division; with the exponents' bounds their product stays finite.
                let candidate_decay = decay_twice(simd, *candidate);
                let i = simd.add_f32s(one, decay(simd, *input));
                let f = simd.add_f32s(one, decay(simd, *forget));
                let g = simd.add_f32s(one, candidate_decay);
                let o = simd.add_f32s(one, decay(simd, *output));
                let (both_if, both_go) = (simd.mul_f32s(i, f), simd.mul_f32s(g, o));
                let all = simd.div_f32s(one, simd.mul_f32s(both_if, both_go));
                let (over_if, over_go) = (simd.mul_f32s(all, both_go), simd.mul_f32s(all, both_if));
                let i_value = simd.mul_f32s(over_if, f);
                let f_value = simd.mul_f32s(over_if, i);
                let o_value = simd.mul_f32s(over_go, g);
                let g_value = simd.mul_f32s(
                    simd.mul_f32s(over_go, o),
                    simd.sub_f32s(one, candidate_decay),
                );
                let c = simd.mul_add_e_f32s(
                    f_value,
                    vector::<S>(previous, v),
                    simd.mul_f32s(i_value, g_value),
                );
                let cell_decay = decay_twice(simd, c);
                let t = simd.div_f32s(
                    simd.sub_f32s(one, cell_decay),
                    simd.add_f32s(one, cell_decay),
                );
                *input = i_value;
                *forget = f_value;
                *candidate = g_value;
                *output = o_value;
                *vector_mut::<S>(cell, v) = c;
                *vector_mut::<S>(squashed, v) = t;
                *vector_mut::<S>(hidden, v) = simd.mul_f32s(o_value, t);
            }
        }
    }
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let one = simd.splat_f32s(1.0);
        let quarter = self.gates.len() / 4;
        let (input, rest) = self.gates.split_at_mut(quarter);
        let (forget, rest) = rest.split_at_mut(quarter);
        let (candidate, output) = rest.split_at_mut(quarter);
        let gates = input.iter_mut().zip(forget).zip(candidate).zip(output);
        let values = (self.previous.iter())
            .zip(self.squashed)
            .zip(self.above)
            .zip(self.next)
            .zip(self.cell);
        for (
            (((input, forget), candidate), output),
            ((((previous, squashed), above), next), cell),
        ) in gates.zip(values)
        {
            for v in 0..vectors_per_row::<S>() {
                let input = vector_mut::<S>(input, v);
                let forget = vector_mut::<S>(forget, v);
                let candidate = vector_mut::<S>(candidate, v);
                let output = vector_mut::<S>(output, v);
                let cell = vector_mut::<S>(cell, v);
                let (i, f, g, o, t) = (
                    *input,
                    *forget,
                    *candidate,
                    *output,
                    vector::<S>(squashed, v),
                );
                let hidden = simd.add_f32s(vector::<S>(above, v), vector::<S>(next, v));
                let o_slope = simd.mul_f32s(o, simd.sub_f32s(one, o));
                let through = simd.mul_f32s(hidden, o);
                let t_slope = simd.negate_mul_add_e_f32s(t, t, one);
                let c = simd.mul_add_e_f32s(through, t_slope, *cell);
                let i_slope = simd.mul_f32s(i, simd.sub_f32s(one, i));
                let f_slope = simd.mul_f32s(f, simd.sub_f32s(one, f));
                let g_slope = simd.negate_mul_add_e_f32s(g, g, one);
                *output = simd.mul_f32s(simd.mul_f32s(hidden, t), o_slope);
                *input = simd.mul_f32s(simd.mul_f32s(c, g), i_slope);
                *forget = simd.mul_f32s(simd.mul_f32s(c, vector::<S>(previous, v)), f_slope);
                *candidate = simd.mul_f32s(simd.mul_f32s(c, i), g_slope);
                *cell = simd.mul_f32s(c, f);
            }
        }
        for (gate, bias) in self.gates.chunks_exact(quarter).zip(self.bias) {
            for row in gate {
                for (sum, value) in bias.iter_mut().zip(&**row) {
                    *sum += value;
                }
            }
        }
    }
}

#[inline(always)]
const fn vectors_per_row<S: Simd>() -> usize {
    LANES / S::F32_LANES
}

#[inline(always)]
fn vector<S: Simd>(row: &Row, v: usize) -> S::f32s {
    S::as_simd_f32s(&row[..]).0[v]
}

#[inline(always)]
fn vector_mut<S: Simd>(row: &mut Row, v: usize) -> &mut S::f32s {
    &mut S::as_mut_simd_f32s(&mut row[..]).0[v]
}
