//! The rows that training reads, and the windows cut from them.

use std::ops::Range;

use super::config::TrainConfig;

/// Rows of inputs and targets in the order of time.
#[derive(Debug, Clone)]
pub struct Sequences<'a> {
    /// Row-major, as many values a row as the network has inputs, scaled.
    pub inputs: &'a [f32],
    /// Row-major, as many values a row as the network has outputs; NaN where there is no target.
    pub targets: &'a [f32],
    /// Stretches of rows without a hole; no window crosses their ends.
    pub runs: Vec<Range<usize>>,
}

/// Why rows cannot be trained on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SequencesError {
    /// The arrays are not the same number of whole rows.
    #[error(
        "{inputs} inputs in rows of {input_width} and {targets} targets in rows of {target_width} \
         are not the same number of rows"
    )]
    Rows {
        /// Values in all.
        inputs: usize,
        /// Values a row.
        input_width: usize,
        /// Values in all.
        targets: usize,
        /// Values a row.
        target_width: usize,
    },
    /// A range of rows does not lie within the rows.
    #[error("the rows {from} to {to} are not within the {rows} rows there are")]
    Range {
        /// First row.
        from: usize,
        /// The row after the last.
        to: usize,
        /// Number of rows.
        rows: usize,
    },
    /// An input is NaN or infinite inside a run.
    #[error("input {column} of row {row} is not a finite number")]
    InputNotFinite {
        /// Which row.
        row: usize,
        /// Which value of it.
        column: usize,
    },
    /// A target is infinite.
    #[error("target {column} of row {row} is infinite")]
    TargetInfinite {
        /// Which row.
        row: usize,
        /// Which value of it.
        column: usize,
    },
    /// No window fits, or none has a target.
    #[error(
        "no window of {window} rows with a target fits into the {what} rows: use more rows or a \
         shorter window"
    )]
    NoWindows {
        /// "training" or "validation".
        what: &'static str,
        /// Rows a window needs.
        window: usize,
    },
}

impl Sequences<'_> {
    /// Checks the arrays against the widths of a network.
    pub(crate) fn check(
        &self,
        input_width: usize,
        target_width: usize,
    ) -> Result<(), SequencesError> {
        let rows = self.inputs.len() / input_width;
        if rows * input_width != self.inputs.len() || rows * target_width != self.targets.len() {
            return Err(SequencesError::Rows {
                inputs: self.inputs.len(),
                input_width,
                targets: self.targets.len(),
                target_width,
            });
        }
        for run in &self.runs {
            within(run, rows)?;
            for row in run.clone() {
                let input = &self.inputs[row * input_width..][..input_width];
                if let Some(column) = input.iter().position(|value| !value.is_finite()) {
                    return Err(SequencesError::InputNotFinite { row, column });
                }
                let target = &self.targets[row * target_width..][..target_width];
                if let Some(column) = target.iter().position(|value| value.is_infinite()) {
                    return Err(SequencesError::TargetInfinite { row, column });
                }
            }
        }
        Ok(())
    }

    /// First rows of the windows to train on: each lies within one of `ranges` and one run, and has a
    /// target at a compared step.
    pub(crate) fn training_windows(
        &self,
        ranges: &[Range<usize>],
        outputs: usize,
        config: &TrainConfig,
    ) -> Result<Vec<usize>, SequencesError> {
        let mut starts = Vec::new();
        for part in self.parts(ranges, outputs)? {
            let last = (part.end + 1).saturating_sub(config.window);
            starts.extend((part.start..last).step_by(config.stride));
        }
        starts.retain(|&start| self.supervised(start, None, outputs, config));
        Ok(starts)
    }

    /// First rows of the windows to validate on, and the rows that count of each: together every row of
    /// `ranges` counts once, where enough rows of its run lie before it, which may be outside of
    /// `ranges`, for a forecast may know all of its past.
    pub(crate) fn validation_windows(
        &self,
        ranges: &[Range<usize>],
        outputs: usize,
        config: &TrainConfig,
    ) -> Result<Vec<Window>, SequencesError> {
        let warm_up = config.unsupervised();
        let compared = config.window - warm_up;
        let mut windows = Vec::new();
        for range in ranges {
            within(range, self.targets.len() / outputs)?;
            for run in &self.runs {
                let first = range.start.max(run.start + warm_up);
                let end = range.end.min(run.end);
                let mut row = first;
                while row < end {
                    // A window that would stick out of the run begins earlier; what it covers again
                    // does not count again.
                    let start = (row - warm_up).min(run.end.saturating_sub(config.window));
                    if start < run.start {
                        break;
                    }
                    let until = end.min(row + compared).min(start + config.window);
                    windows.push(Window {
                        start,
                        counted: row..until,
                    });
                    row = until;
                }
            }
        }
        windows
            .retain(|window| self.supervised(window.start, Some(&window.counted), outputs, config));
        Ok(windows)
    }

    /// The parts that lie both in one of the ranges and in one run.
    fn parts(
        &self,
        ranges: &[Range<usize>],
        outputs: usize,
    ) -> Result<Vec<Range<usize>>, SequencesError> {
        let mut parts = Vec::new();
        for range in ranges {
            within(range, self.targets.len() / outputs)?;
            for run in &self.runs {
                let part = range.start.max(run.start)..range.end.min(run.end);
                if !part.is_empty() {
                    parts.push(part);
                }
            }
        }
        Ok(parts)
    }

    fn supervised(
        &self,
        start: usize,
        counted: Option<&Range<usize>>,
        outputs: usize,
        config: &TrainConfig,
    ) -> bool {
        let rows = start + config.unsupervised()..start + config.window;
        let rows = counted.map_or(rows.clone(), |counted| {
            rows.start.max(counted.start)..rows.end.min(counted.end)
        });
        let targets = &self.targets[rows.start * outputs..rows.end.max(rows.start) * outputs];
        targets.iter().any(|target| !target.is_nan())
    }
}

/// A window to validate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its first row.
    pub(crate) start: usize,
    /// The rows whose forecasts count.
    pub(crate) counted: Range<usize>,
}

fn within(range: &Range<usize>, rows: usize) -> Result<(), SequencesError> {
    if range.start <= range.end && range.end <= rows {
        return Ok(());
    }
    Err(SequencesError::Range {
        from: range.start,
        to: range.end,
        rows,
    })
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "one run, or one range of rows"
)]
mod tests {
    use super::super::config::Supervise;
    use super::*;

    fn config(window: usize, stride: usize, supervise: Supervise) -> TrainConfig {
        TrainConfig {
            window,
            stride,
            supervise,
            ..TrainConfig::default()
        }
    }

    #[test]
    fn training_windows_stay_within_range_and_run_and_have_a_target() {
        let inputs = vec![0.0; 40];
        let mut targets = vec![1.0; 20];
        targets[6] = f32::NAN;
        let data = Sequences {
            inputs: &inputs,
            targets: &targets,
            runs: vec![0..9, 10..20],
        };
        data.check(2, 1).expect("whole rows");
        let last = config(4, 1, Supervise::LastStep);
        let windows = |ranges: &[Range<usize>], config| data.training_windows(ranges, 1, config);
        // The window that would end at row 6 has no target.
        assert_eq!(windows(&[0..15], &last), Ok(vec![0, 1, 2, 4, 5, 10, 11]));
        let every = config(4, 3, Supervise::EveryStep { warm_up: 1 });
        assert_eq!(windows(&[0..15], &every), Ok(vec![0, 3, 10]));
        assert_eq!(windows(&[7..9], &every), Ok(vec![]));
        assert!(matches!(
            windows(&[7..21], &every),
            Err(SequencesError::Range { to: 21, .. })
        ));
    }

    #[test]
    fn validation_counts_each_row_once_and_may_read_what_lies_before() {
        let inputs = vec![0.0; 30];
        let targets = vec![1.0; 30];
        let data = Sequences {
            inputs: &inputs,
            targets: &targets,
            runs: vec![0..30],
        };
        for supervise in [
            Supervise::LastStep,
            Supervise::EveryStep { warm_up: 3 },
            Supervise::EveryStep { warm_up: 0 },
        ] {
            let config = config(10, 5, supervise);
            for range in [12..29, 12..30, 20..23, 0..30] {
                let windows = data
                    .validation_windows(std::slice::from_ref(&range), 1, &config)
                    .expect("within");
                let counted: Vec<usize> = windows.iter().flat_map(|w| w.counted.clone()).collect();
                let first = range.start.max(config.unsupervised());
                assert_eq!(
                    counted,
                    (first..range.end).collect::<Vec<_>>(),
                    "{supervise:?}"
                );
                for window in &windows {
                    assert!(window.start + config.window <= 30);
                    assert!(window.start + config.unsupervised() <= window.counted.start);
                    assert!(window.counted.end <= window.start + config.window);
                }
            }
        }
    }

    #[test]
    fn values_that_cannot_be_learnt_from_are_named() {
        let mut inputs = vec![0.0; 6];
        let mut targets = vec![0.0; 3];
        let check = |inputs: &[f32], targets: &[f32], runs: Vec<Range<usize>>| {
            Sequences {
                inputs,
                targets,
                runs,
            }
            .check(2, 1)
        };
        assert!(matches!(
            check(&inputs[..5], &targets, vec![]),
            Err(SequencesError::Rows { .. })
        ));
        inputs[3] = f32::NAN;
        assert_eq!(
            check(&inputs, &targets, vec![0..3]),
            Err(SequencesError::InputNotFinite { row: 1, column: 1 })
        );
        // Outside of every run nobody reads it.
        assert_eq!(check(&inputs, &targets, vec![0..1, 2..3]), Ok(()));
        targets[2] = f32::INFINITY;
        assert_eq!(
            check(&inputs, &targets, vec![2..3]),
            Err(SequencesError::TargetInfinite { row: 2, column: 0 })
        );
    }
}
