//! Risk and what is left open: the daily returns that a figure is made of, the shares of the holdings, the
//! figures that should add up.

use crate::explain::{Explain, Step, largest};
use crate::ledger::Day;
use crate::money::Money;
use crate::performance::{link_daily, risk};
use crate::report::{LEVEL, ratio};

/// A number that a rule names.
fn input(name: &str, amount: f64) -> Step {
    Step {
        amount: Some(ratio(amount)),
        ..Step::new("input", name)
    }
}

impl Explain<'_> {
    /// The days that have a return, with it.
    fn returns(&self) -> Vec<(Day, f64)> {
        let days = self.computed.days();
        let number = |amount: Option<Money>| amount.map(Money::to_f64);
        let values: Vec<_> = days.iter().map(|day| number(day.value)).collect();
        let flows: Vec<_> = days.iter().map(|day| number(day.flow)).collect();
        let returns = link_daily(&values, &flows).returns.into_iter();
        let days = days.iter().zip(returns);
        days.filter_map(|(day, value)| Some((day.day, value?)))
            .collect()
    }

    /// A figure of daily returns: numbers that its rule names, then the days with the largest weight in it.
    fn of_returns(
        &self,
        rule: &'static str,
        figure: (&Option<String>, &Option<String>),
        inputs: impl FnOnce(&[f64]) -> Vec<Step>,
        weight: impl Fn(f64) -> f64,
    ) -> Step {
        let mut days = self.returns();
        let returns: Vec<f64> = days.iter().map(|(_, value)| *value).collect();
        days.sort_by(|(_, a), (_, b)| weight(*b).total_cmp(&weight(*a)));
        let shown = days.iter().take(self.most).map(|(day, value)| Step {
            rule: "its value over the value before with the flows of the day, less 1",
            date: Some(day.date().to_string()),
            amount: Some(ratio(*value)),
            ..Step::new("day", "return")
        });
        let (amount, note) = figure;
        let mut parts = if amount.is_some() {
            inputs(&returns)
        } else {
            Vec::new()
        };
        parts.extend(shown);
        Step {
            rule,
            amount: amount.clone(),
            note: note.clone(),
            parts,
            left_out: days.len().saturating_sub(self.most),
            ..Step::new("figure", "")
        }
    }

    pub(super) fn volatility(&self) -> Step {
        let of = &self.computed.summary().performance;
        let mean = self.mean();
        self.of_returns(
            "the sample standard deviation of the daily returns times the square root of 365",
            (&of.volatility, &of.volatility_reason),
            |returns| {
                let sigma = risk::deviation(returns).unwrap_or(0.0);
                vec![count(returns), input("standard deviation", sigma)]
            },
            |value| (value - mean).abs(),
        )
    }

    pub(super) fn sharpe(&self) -> Step {
        let of = &self.computed.summary().performance;
        self.of_returns(
            "the mean of the daily returns over their sample standard deviation, times the square root of 365; the risk-free rate is 0",
            (&of.sharpe, &of.sharpe_reason),
            |returns| {
                let sigma = risk::deviation(returns).unwrap_or(0.0);
                let mean = input("mean", risk::mean(returns));
                vec![count(returns), mean, input("standard deviation", sigma)]
            },
            f64::abs,
        )
    }

    pub(super) fn sortino(&self) -> Step {
        let of = &self.computed.summary().performance;
        self.of_returns(
            "the mean of the daily returns over the root of the mean square of those below 0, over all days, times the square root of 365",
            (&of.sortino, &of.sortino_reason),
            |returns| {
                let mean = input("mean", risk::mean(returns));
                let downside = input("downside deviation", risk::downside(returns, 0.0));
                vec![count(returns), mean, downside]
            },
            |value| -value,
        )
    }

    pub(super) fn value_at_risk(&self) -> Step {
        let of = &self.computed.summary().performance;
        let figure = (&of.value_at_risk_95, &of.value_at_risk_95_reason);
        let rule =
            "the loss of the last of the worst days: one of twenty, rounded down, and one more";
        self.tail(rule, figure)
    }

    pub(super) fn expected_shortfall(&self) -> Step {
        let of = &self.computed.summary().performance;
        let figure = (&of.expected_shortfall_95, &of.expected_shortfall_95_reason);
        let rule = "the mean loss of the worst days: one of twenty, rounded down, and one more";
        self.tail(rule, figure)
    }

    /// A figure of the worst days alone.
    fn tail(&self, rule: &'static str, figure: (&Option<String>, &Option<String>)) -> Step {
        let returns: Vec<f64> = self.returns().iter().map(|(_, value)| *value).collect();
        let worst = risk::worst(&returns, LEVEL);
        let inputs = |returns: &[f64]| vec![count(returns)];
        let mut step = self.of_returns(rule, figure, inputs, |value| -value);
        let others = usize::from(step.amount.is_some());
        step.parts.truncate(others + worst);
        step.left_out = worst.saturating_sub(self.most);
        step
    }

    fn mean(&self) -> f64 {
        let returns: Vec<f64> = self.returns().iter().map(|(_, value)| *value).collect();
        risk::mean(&returns)
    }

    pub(super) fn hhi(&self) -> Step {
        let summary = self.computed.summary();
        let held = self.ledger.holdings();
        let values = held.filter_map(|(asset, quantity)| {
            let worth = self.computed.worth(asset, quantity)?.to_f64();
            (worth > 0.0).then_some((asset, quantity, worth))
        });
        let mut values: Vec<_> = values.collect();
        values.sort_by(|a, b| b.2.total_cmp(&a.2));
        let sum: f64 = values.iter().map(|(_, _, worth)| worth).sum();
        let square = |worth: f64| (worth / sum).powi(2);
        let known = summary.allocation.hhi.is_some();
        let shown = values.iter().take(if known { self.most } else { 0 });
        let parts = shown.map(|&(asset, quantity, worth)| Step {
            rule: "the square of its share of the value",
            asset: Some(self.ledger.asset(asset).to_owned()),
            quantity: Some(Money::from_atoms(quantity).to_string()),
            amount: Some(ratio(square(worth))),
            parts: vec![input("share", worth / sum)],
            ..Step::new("holding", self.ledger.asset(asset))
        });
        let rest: f64 = values
            .iter()
            .skip(self.most)
            .map(|value| square(value.2))
            .sum();
        let left_out = values.len().saturating_sub(self.most);
        let reason = || {
            let of_value = summary.value_reason.clone();
            of_value.unwrap_or_else(|| "nothing is held".to_owned())
        };
        Step {
            rule: "the sum of the squares of the shares of the value",
            date: Some(self.valued_on().date().to_string()),
            amount: summary.allocation.hhi.clone(),
            note: (!known).then(reason),
            parts: parts.collect(),
            left_out: if known { left_out } else { 0 },
            left_out_amount: (known && left_out > 0).then(|| ratio(rest)),
            ..Step::new("figure", "")
        }
    }

    pub(super) fn unexplained(&self) -> Step {
        let summary = self.computed.summary();
        let less = |figure: Option<Money>| figure.map(|figure| -figure);
        let all = [
            ("value", summary.value),
            ("unrealized", less(summary.unrealized)),
            ("net_invested", less(summary.net_invested)),
            ("realized", less(summary.realized)),
            ("income", less(summary.income)),
            ("transfer_fees", summary.transfer_fees),
            ("swap_differences", less(summary.swap_differences)),
        ];
        let parts = largest(all.into_iter(), all.len(), |name, amount| {
            Step::new("figure", name).amount(amount)
        });
        let flags = self.computed.flags().len();
        Step {
            rule: "value less unrealized, net_invested, realized, income and swap_differences, with transfer_fees added",
            note: match &summary.value_reason {
                Some(reason) => Some(reason.clone()),
                None if flags > 0 => Some(format!("{flags} flags say what is missing")),
                None => None,
            },
            ..Step::new("figure", "")
        }
        .of(parts)
    }
}

fn count(returns: &[f64]) -> Step {
    Step {
        amount: Some(returns.len().to_string()),
        ..Step::new("input", "daily returns")
    }
}
