//! Returns: the months that are linked, the flows that are discounted, the days of the deepest fall.

use crate::explain::{Explain, Step};
use crate::ledger::Day;
use crate::money::Money;
use crate::performance::DayValue;
use crate::report::{history, ratio};

impl Explain<'_> {
    /// The index at the end of each day.
    fn index(&self) -> Vec<f64> {
        let days = history(self.computed.days(), None);
        days.iter()
            .filter_map(|day| day.index.parse().ok())
            .collect()
    }

    pub(super) fn twr(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days();
        let index = self.index();
        let mut months: Vec<(String, f64, f64)> = Vec::new();
        for (day, index) in days.iter().zip(index) {
            let month = day.day.date().format("%Y-%m").to_string();
            let before = months.last().map_or(1.0, |last| last.2);
            match months.last_mut() {
                Some(last) if last.0 == month => last.2 = index,
                _ => months.push((month, before, index)),
            }
        }
        let change = |from: f64, to: f64| {
            if from > 0.0 {
                ratio(to / from - 1.0)
            } else {
                ratio(0.0)
            }
        };
        let left_out = months.len().saturating_sub(self.most);
        let skipped = months
            .get(left_out.saturating_sub(1))
            .map_or(1.0, |last| last.2);
        let parts = months
            .iter()
            .skip(left_out)
            .map(|(month, before, after)| Step {
                amount: Some(change(*before, *after)),
                ..Step::new("period", month)
            });
        Step {
            rule: "(1 + return) of each period multiplied, less 1; a day's return is its value over the value before with the flows of the day, less 1",
            amount: performance.twr.clone(),
            note: performance.twr_reason.clone(),
            parts: parts.collect(),
            left_out,
            left_out_amount: (left_out > 0).then(|| change(1.0, skipped)),
            ..Step::new("figure", "")
        }
    }

    pub(super) fn xirr(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days();
        let flows = days
            .iter()
            .filter(|day| day.flow.is_none_or(|flow| !flow.is_zero()));
        let flows: Vec<_> = flows.collect();
        let left_out = flows.len().saturating_sub(self.most);
        let skipped: Money = flows[..left_out].iter().filter_map(|day| day.flow).sum();
        let mut parts: Vec<Step> = flows[left_out..]
            .iter()
            .map(|day| {
                let mut step = Step {
                    date: Some(day.day.date().to_string()),
                    note: day
                        .flow
                        .is_none()
                        .then(|| "its value is not known".to_owned()),
                    ..Step::new("flow", "deposits less withdrawals")
                }
                .amount(day.flow.map(|flow| -flow));
                step.parts = self.flows_of(day.day);
                step
            })
            .collect();
        if let Some(last) = days.last() {
            let end = Step {
                date: Some(last.day.date().to_string()),
                ..Step::new("day", "value at the end")
            };
            parts.push(end.amount(last.value));
        }
        Step {
            rule: "the yearly rate at which all flows and the value at the end, each divided by (1 + rate) ^ (days / 365), add up to zero",
            amount: performance.xirr.clone(),
            note: performance.xirr_reason.clone(),
            parts,
            left_out,
            left_out_amount: (left_out > 0).then(|| (-skipped).to_string()),
            ..Step::new("figure", "")
        }
    }

    pub(super) fn xirr_over_span(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days().len().saturating_sub(1);
        let days = Step {
            amount: Some(days.to_string()),
            ..Step::new("input", "days")
        };
        let rate = Step {
            amount: performance.xirr.clone(),
            note: performance.xirr_reason.clone(),
            ..Step::new("figure", "xirr")
        };
        Step {
            rule: "(1 + xirr) ^ (days / 365), less 1",
            amount: performance.xirr_over_span.clone(),
            note: performance.xirr_reason.clone(),
            parts: vec![rate, days],
            ..Step::new("figure", "")
        }
    }

    pub(super) fn modified_dietz(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days();
        #[allow(clippy::cast_precision_loss, reason = "a count of days")]
        let all = days.len() as f64;
        let weighted = |day: &DayValue, flow: Money| {
            let left = f64::from(days.last().map_or(0, |last| last.day.0 - day.day.0 + 1));
            flow.to_f64() * left / all
        };
        let rule = "each flow times the part of the days that it was there for";
        let capital = self.capital(rule, weighted, 1.0);
        Step {
            rule: "the gain over the capital",
            amount: performance.modified_dietz.clone(),
            note: performance.modified_dietz_reason.clone(),
            parts: vec![self.gain(), capital],
            ..Step::new("figure", "")
        }
    }

    pub(super) fn simple_return(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days();
        // A flow counts on each day from its own on that has capital; their number divides.
        let (mut invested, mut at_work) = (0.0, Vec::with_capacity(days.len()));
        for day in days {
            invested += day.flow.map_or(0.0, Money::to_f64);
            at_work.push(invested > 0.0);
        }
        let mut counts: Vec<f64> = Vec::with_capacity(days.len());
        let mut count = 0.0;
        for at_work in at_work.iter().rev() {
            count += f64::from(u8::from(*at_work));
            counts.push(count);
        }
        counts.reverse();
        let first = days.first().map_or(0, |day| day.day.0);
        let weighted = |day: &DayValue, flow: Money| {
            let number = usize::try_from(day.day.0 - first).unwrap_or(0);
            flow.to_f64() * counts.get(number).copied().unwrap_or(0.0)
        };
        let rule =
            "each flow times the days with capital from its own on, over all days with capital";
        let capital = self.capital(rule, weighted, count.max(1.0));
        Step {
            rule: "the gain over what was invested on average, while anything was",
            amount: performance.simple_return.clone(),
            note: performance.simple_return_reason.clone(),
            parts: vec![self.gain(), capital],
            ..Step::new("figure", "")
        }
    }

    /// The value at the end less all flows.
    fn gain(&self) -> Step {
        let days = self.computed.days();
        let flows: Option<Money> = days.iter().map(|day| day.flow).sum();
        let end = days.last().and_then(|day| day.value);
        let value = Step::new("input", "value at the end").amount(end);
        let less = Step::new("input", "flows, which lower the gain");
        let mut step = Step {
            rule: "the value at the end less all flows",
            ..Step::new("input", "gain")
        };
        step.parts = vec![value, less.amount(flows.map(|flows| -flows))];
        step.amount(end.zip(flows).map(|(end, flows)| end - flows))
    }

    /// Flows by their weight, over a number.
    fn capital(
        &self,
        rule: &'static str,
        weighted: impl Fn(&DayValue, Money) -> f64,
        over: f64,
    ) -> Step {
        let days = self.computed.days().iter();
        let flows = days.filter_map(|day| Some((day, day.flow.filter(|flow| !flow.is_zero())?)));
        let flows: Vec<_> = flows
            .map(|(day, flow)| (day, weighted(day, flow) / over))
            .collect();
        let sum: f64 = flows.iter().map(|(_, weighted)| weighted).sum();
        let left_out = flows.len().saturating_sub(self.inner);
        let skipped: f64 = flows[..left_out].iter().map(|(_, weighted)| weighted).sum();
        let parts = flows[left_out..].iter().map(|(day, weighted)| Step {
            date: Some(day.day.date().to_string()),
            amount: Some(ratio(*weighted)),
            parts: self.flows_of(day.day),
            ..Step::new("flow", "deposits less withdrawals, weighted")
        });
        Step {
            rule,
            amount: Some(ratio(sum)),
            parts: parts.collect(),
            left_out,
            left_out_amount: (left_out > 0).then(|| ratio(skipped)),
            ..Step::new("input", "capital")
        }
    }

    /// The transactions that brought or took money on a day.
    fn flows_of(&self, day: Day) -> Vec<Step> {
        let flows = &self.ledger.totals.flows;
        let start = flows.partition_point(|dated| dated.day < day);
        let of_day = flows[start..].iter().take_while(|dated| dated.day == day);
        of_day
            .take(self.inner)
            .map(|dated| {
                self.transaction(dated.transaction)
                    .amount(Some(-dated.amount))
            })
            .collect()
    }

    pub(super) fn max_drawdown(&self) -> Step {
        let performance = &self.computed.summary().performance;
        let days = self.computed.days();
        let (mut top, mut found) = ((None, 1.0_f64), (0.0_f64, None, None));
        for (day, index) in days.iter().zip(self.index()) {
            if index >= top.1 {
                top = (Some(day.day), index);
            }
            let fall = index / top.1 - 1.0;
            if fall < found.0 {
                found = (fall, top.0, Some((day.day, index)));
            }
        }
        let step = |name: &str, day: Day| Step {
            date: Some(day.date().to_string()),
            ..Step::new("day", name)
        };
        let highest = found.1.map(|day| step("highest index before", day));
        let lowest = found.2.map(|(day, _)| step("lowest index after", day));
        Step {
            rule: "the deepest fall of the linked index below its highest point before",
            amount: performance.max_drawdown.clone(),
            note: performance.max_drawdown_reason.clone(),
            parts: highest.into_iter().chain(lowest).collect(),
            ..Step::new("figure", "")
        }
    }
}
