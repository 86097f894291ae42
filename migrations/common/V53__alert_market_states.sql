-- What the rules about an instrument have seen of it: the highest and lowest prices that they follow, and, once
-- the evaluation was stopped in order, their windows and candles.
ALTER TABLE alert_markets ADD COLUMN state jsonb;
