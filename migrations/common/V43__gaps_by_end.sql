-- A page of the newest candles asks for the gaps that end last: not for all that an instrument has ever had.

CREATE INDEX gaps_unfilled_by_end ON gaps (instrument_id, to_time) WHERE filled_at IS NULL;
