/** Forecasts as the API gives them, for a journey against a program that has made none yet. */

const HOUR = 3_600_000;

function estimate(value) {
  return { value, low: value - 0.01, high: value + 0.01 };
}

function score() {
  return { forecasts: 900, mase: estimate(0.9), directional_accuracy: estimate(0.55), coverage: { 50: 0.52, 80: 0.78, 95: 0.96 } };
}

function skillOf(hasSkill) {
  const statement = hasSkill ? "Skill: better than repeating the last price (MASE 0.900)." : "No skill: not better than repeating the last price (MASE 1.000).";
  return { has_skill: hasSkill, statement, evaluation: score(), live: null };
}

/** Three horizons from the last candle that has closed. */
export function predictionsOf(hasSkill) {
  const open = Math.floor(Date.now() / HOUR) * HOUR - HOUR;
  const time = (at) => new Date(at).toISOString();
  const forecasts = [1, 24, 168].map((hours) => {
    const width = 200 * Math.sqrt(hours);
    const interval = (level, factor) => ({ level, low: (70_000 - factor * width).toFixed(2), high: (70_000 + factor * width).toFixed(2) });
    return {
      horizon: hours === 168 ? "7d" : `${hours}h`,
      open_time: time(open),
      made_at: time(open + HOUR),
      target_time: time(open + (hours + 1) * HOUR),
      base_price: "70000",
      price: (70_000 + 5 * hours).toFixed(2),
      expected_return: 0.001,
      intervals: [interval(50, 0.7), interval(80, 1.3), interval(95, 2)],
      model: "1",
      method: "ridge",
      skill: skillOf(hasSkill),
    };
  });
  return { token: "bitcoin", interval: "1h", instrument: "binance:BTCUSDT", data: forecasts };
}

/** One that missed its widest range, one that did not, one that is not over. */
export function historyOf() {
  const [forecast] = predictionsOf(false).data;
  const outcome = (price, inside) => ({ price, actual_return: 0.01, error: 0.01, inside });
  const at = (hours) => new Date(Date.parse(forecast.open_time) - hours * HOUR).toISOString();
  const outcomes = [null, outcome("70100", [80, 95]), outcome("75000", [])];
  const data = outcomes.map((one, hours) => ({ ...forecast, skill: undefined, open_time: at(hours), target_time: at(hours - 2), outcome: one }));
  return { data, next_cursor: null };
}

export function trackRecordOf() {
  return { token: "bitcoin", interval: "1h", horizon: "1h", model: null, has_skill: false, statement: skillOf(false).statement, score: score() };
}

export function modelsOf() {
  const horizons = ["1h", "24h", "7d"].map((horizon) => ({ horizon, method: "ridge", skill: skillOf(false) }));
  const model = { id: "1", token: "bitcoin", interval: "1h", serves: true, error: null, created_at: new Date().toISOString(), horizons };
  return { data: [model], next_cursor: null };
}
