//! Writing candles that others built: coarser intervals, or times before the 1-minute retention.

use super::Store;
use super::commit::{CANDLE_COLUMNS, CANDLE_ROWS, CandleColumns, REPLACE_IF_DIFFERENT};
use super::error::StoreError;
use super::pool::execute;
use super::rows::{ImportTarget, ImportedCandle};

/// Rows per statement.
const ROWS_PER_STATEMENT: usize = 8_192;

impl Store {
    /// Writes imported candles, replacing those stored for the same target, interval and time, and
    /// says how many are new or different. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the database is unreachable or refuses; then some of the candles may be written.
    pub async fn import(
        &self,
        target: &ImportTarget,
        candles: &[ImportedCandle],
    ) -> Result<u64, StoreError> {
        // `nullif` makes 0, which no instrument has, the absence of one.
        let columns = CANDLE_COLUMNS.replace("instrument_id, ", "");
        let (owner, number, asset) = match target {
            ImportTarget::Instrument(id) => ("instrument_id", id.0, None),
            ImportTarget::Asset(id) => ("asset_id", 0, Some(id.as_str())),
        };
        let sql = format!(
            "INSERT INTO price_history AS old (instrument_id, asset_id, {columns}, interval, source) \
             SELECT nullif(c.instrument_id, 0), $12::text, {columns_of_c}, c.interval, c.source \
             FROM (SELECT * FROM ROWS FROM ({CANDLE_ROWS}, unnest($13::text[]), unnest($14::text[]))) \
                  AS c ({CANDLE_COLUMNS}, interval, source) \
             ON CONFLICT ({owner}, interval, open_time) WHERE {owner} IS NOT NULL {REPLACE_IF_DIFFERENT}",
            columns_of_c = columns
                .split(", ")
                .map(|column| format!("c.{}", column.trim()))
                .collect::<Vec<_>>()
                .join(", "),
        );
        let session = self.pool.get().await?;
        let mut written = 0;
        for chunk in candles.chunks(ROWS_PER_STATEMENT) {
            let mut rows = std::collections::BTreeMap::new();
            for imported in chunk {
                // One statement must not meet a row twice: the last one counts.
                rows.insert((imported.interval, imported.candle.open_time), imported);
            }
            let mut columns = CandleColumns::default();
            let (mut intervals, mut sources) = (Vec::new(), Vec::new());
            for imported in rows.values() {
                columns.push(number, &imported.candle);
                intervals.push(imported.interval.name());
                sources.push(imported.source.as_str());
            }
            let mut params = columns.params().to_vec();
            params.extend([
                &asset as &(dyn tokio_postgres::types::ToSql + Sync),
                &intervals,
                &sources,
            ]);
            written += execute(&session, "import candles", &sql, &params).await?;
        }
        Ok(written)
    }
}
