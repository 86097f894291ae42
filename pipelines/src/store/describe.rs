//! Composition and size of the database, for `doctor --database`: hypertables, chunks,
//! compression and policies on TimescaleDB, partitions on plain PostgreSQL.

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

use super::Store;
use super::error::StoreError;
use super::flavour::Flavour;
use super::pool::query;
use crate::market::Timestamp;

/// The state of the database.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Description {
    /// Which flavour it is.
    pub flavour: Flavour,
    /// Drawback of this flavour.
    pub cost: &'static str,
    /// The server's version, e.g. `15.18`.
    pub server_version: String,
    /// The extension's version, where it is in use.
    pub timescale_version: Option<String>,
    /// The newest migration.
    pub migration: i32,
    /// Size of the database in bytes.
    pub bytes: i64,
    /// Our tables.
    pub tables: Vec<Table>,
    /// TimescaleDB's hypertables.
    pub hypertables: Vec<Hypertable>,
    /// The newest chunks of `price_data`, at most 50, newest first.
    pub chunks: Vec<Chunk>,
    /// The continuous aggregates.
    pub aggregates: Vec<View>,
    /// TimescaleDB's policies.
    pub policies: Vec<Job>,
    /// The partitions of `price_data` on plain PostgreSQL, newest first.
    pub partitions: Vec<Partition>,
    /// Instrument-days whose longer candles wait to be brought up to date.
    pub stale_ranges: i64,
}

/// A table and its size.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// An estimate of its rows; `None` if it was never analysed.
    pub rows: Option<i64>,
    /// Bytes with indexes, chunks and partitions.
    pub bytes: i64,
}

/// A hypertable.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Hypertable {
    /// Its name.
    pub name: String,
    /// The number of chunks it has.
    pub chunks: i64,
    /// Number of them that are compressed.
    pub compressed_chunks: i64,
    /// True if it can be compressed.
    pub compression: bool,
    /// Columns that compressed rows are grouped by.
    pub segment_by: Option<String>,
    /// Columns that compressed rows are ordered by.
    pub order_by: Option<String>,
    /// Bytes before compression of what is compressed.
    pub bytes_before: Option<i64>,
    /// Bytes after compression of what is compressed.
    pub bytes_after: Option<i64>,
}

/// A chunk of `price_data`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Chunk {
    /// Its name.
    pub name: String,
    /// Start of its time, inclusive.
    pub from: Timestamp,
    /// End of its time, exclusive.
    pub to: Timestamp,
    /// True if it is compressed.
    pub compressed: bool,
}

/// A continuous aggregate.
#[derive(Debug, Clone, serde::Serialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// True if it hides what is not yet materialised; must be false.
    pub materialized_only: bool,
    /// Up to where it is materialised.
    pub materialized_until: Option<Timestamp>,
}

/// A policy of TimescaleDB.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Job {
    /// Its number, for `CALL run_job(…)`.
    pub id: i32,
    /// The procedure, e.g. `policy_compression`.
    pub procedure: String,
    /// The table or view it works on.
    pub target: Option<String>,
    /// Schedule, as PostgreSQL prints it.
    pub schedule: String,
    /// Its settings, as JSON text.
    pub settings: Option<String>,
    /// When it last ran to its end.
    pub last_success: Option<Timestamp>,
    /// The number of times it failed.
    pub failures: i64,
}

/// A partition of `price_data`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Partition {
    /// Its name, `price_data_<year>_<month>`.
    pub name: String,
    /// Its bounds, as PostgreSQL prints them.
    pub bounds: String,
    /// Bytes with its index.
    pub bytes: i64,
}

impl Store {
    /// Describes the database.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn describe(&self) -> Result<Description, StoreError> {
        let session = self.pool.get().await?;
        let sql = "SELECT current_setting('server_version'), \
                   (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'), \
                   (SELECT max(version) FROM schema_migrations), \
                   pg_database_size(current_database()), (SELECT count(*) FROM dirty_ranges)";
        let rows = query(&session, "describe the database", sql, &[]).await?;
        let row = rows.first().ok_or_else(|| {
            StoreError::Unreadable("a query without a table gave no row".to_owned())
        })?;
        let mut description = Description {
            flavour: self.flavour,
            cost: self.flavour.cost(),
            server_version: row.get(0),
            timescale_version: row.get(1),
            migration: row.get(2),
            bytes: row.get(3),
            stale_ranges: row.get(4),
            tables: tables(&session, self.flavour).await?,
            hypertables: Vec::new(),
            chunks: Vec::new(),
            aggregates: Vec::new(),
            policies: Vec::new(),
            partitions: Vec::new(),
        };
        match self.flavour {
            Flavour::Plain => description.partitions = partitions(&session).await?,
            Flavour::Timescale => {
                description.hypertables = hypertables(&session).await?;
                description.chunks = chunks(&session).await?;
                description.aggregates = aggregates(&session).await?;
                description.policies = policies(&session).await?;
            }
        }
        Ok(description)
    }
}

async fn tables<C: GenericClient>(session: &C, flavour: Flavour) -> Result<Vec<Table>, StoreError> {
    let (bytes, rows) = match flavour {
        Flavour::Timescale => (
            "CASE WHEN h.hypertable_name IS NULL THEN pg_total_relation_size(c.oid) \
             ELSE coalesce(hypertable_size(c.oid), 0) END",
            "CASE WHEN h.hypertable_name IS NULL THEN nullif(c.reltuples, -1)::bigint \
             ELSE approximate_row_count(c.oid) END",
        ),
        Flavour::Plain => (
            "pg_total_relation_size(c.oid) + coalesce((SELECT sum(pg_total_relation_size(inhrelid)) \
             FROM pg_inherits WHERE inhparent = c.oid), 0)::bigint",
            "coalesce((SELECT sum(greatest(p.reltuples, 0)) FROM pg_inherits JOIN pg_class p ON p.oid = inhrelid \
             WHERE inhparent = c.oid), nullif(c.reltuples, -1))::bigint",
        ),
    };
    let hypertables = match flavour {
        Flavour::Timescale => {
            "LEFT JOIN timescaledb_information.hypertables h \
             ON h.hypertable_schema = 'public' AND h.hypertable_name = c.relname"
        }
        Flavour::Plain => "",
    };
    let sql = format!(
        "SELECT c.relname::text, {rows}, {bytes} FROM pg_class c {hypertables} \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
           AND NOT c.relispartition ORDER BY c.relname"
    );
    let rows = query(session, "list the tables", &sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Table {
            name: row.get(0),
            rows: row.get(1),
            bytes: row.get(2),
        })
        .collect())
}

async fn partitions<C: GenericClient>(session: &C) -> Result<Vec<Partition>, StoreError> {
    let sql = "SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid), \
                      pg_total_relation_size(c.oid) \
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
               WHERE i.inhparent = 'price_data'::regclass ORDER BY c.relname DESC";
    let rows = query(session, "list the partitions", sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Partition {
            name: row.get(0),
            bounds: row.get(1),
            bytes: row.get(2),
        })
        .collect())
}

async fn hypertables<C: GenericClient>(session: &C) -> Result<Vec<Hypertable>, StoreError> {
    let sql = "SELECT h.hypertable_name::text, h.num_chunks, \
                   (SELECT count(*) FROM timescaledb_information.chunks c \
                    WHERE c.hypertable_schema = h.hypertable_schema \
                      AND c.hypertable_name = h.hypertable_name AND c.is_compressed), \
                   h.compression_enabled, \
                   (SELECT string_agg(s.attname, ', ' ORDER BY s.segmentby_column_index) \
                    FROM timescaledb_information.compression_settings s \
                    WHERE s.hypertable_schema = h.hypertable_schema \
                      AND s.hypertable_name = h.hypertable_name \
                      AND s.segmentby_column_index IS NOT NULL), \
                   (SELECT string_agg(s.attname, ', ' ORDER BY s.orderby_column_index) \
                    FROM timescaledb_information.compression_settings s \
                    WHERE s.hypertable_schema = h.hypertable_schema \
                      AND s.hypertable_name = h.hypertable_name \
                      AND s.orderby_column_index IS NOT NULL), \
                   z.before_compression_total_bytes, z.after_compression_total_bytes \
               FROM timescaledb_information.hypertables h \
               LEFT JOIN LATERAL hypertable_compression_stats( \
                   CASE WHEN h.compression_enabled \
                        THEN format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass END) z \
                   ON true \
               WHERE h.hypertable_schema = 'public' ORDER BY 1";
    let rows = query(session, "list the hypertables", sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Hypertable {
            name: row.get(0),
            chunks: row.get(1),
            compressed_chunks: row.get(2),
            compression: row.get(3),
            segment_by: row.get(4),
            order_by: row.get(5),
            bytes_before: row.get(6),
            bytes_after: row.get(7),
        })
        .collect())
}

async fn chunks<C: GenericClient>(session: &C) -> Result<Vec<Chunk>, StoreError> {
    let sql = "SELECT chunk_name::text, range_start, range_end, is_compressed \
               FROM timescaledb_information.chunks \
               WHERE hypertable_schema = 'public' AND hypertable_name = 'price_data' \
               ORDER BY range_start DESC LIMIT 50";
    let rows = query(session, "list the chunks", sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Chunk {
            name: row.get(0),
            from: Timestamp::from_utc(row.get(1)),
            to: Timestamp::from_utc(row.get(2)),
            compressed: row.get(3),
        })
        .collect())
}

async fn aggregates<C: GenericClient>(session: &C) -> Result<Vec<View>, StoreError> {
    let sql = "SELECT v.view_name::text, v.materialized_only, \
                   CASE WHEN w.watermark > 0 THEN to_timestamp(w.watermark / 1000000.0) END \
               FROM timescaledb_information.continuous_aggregates v \
               LEFT JOIN _timescaledb_catalog.continuous_agg a \
                   ON a.user_view_schema = v.view_schema AND a.user_view_name = v.view_name \
               LEFT JOIN _timescaledb_catalog.continuous_aggs_watermark w \
                   ON w.mat_hypertable_id = a.mat_hypertable_id \
               WHERE v.view_schema = 'public' ORDER BY a.mat_hypertable_id";
    let rows = query(session, "list the continuous aggregates", sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| View {
            name: row.get(0),
            materialized_only: row.get(1),
            materialized_until: time(row, 2),
        })
        .collect())
}

async fn policies<C: GenericClient>(session: &C) -> Result<Vec<Job>, StoreError> {
    let sql = "SELECT j.job_id, j.proc_name::text, \
                   coalesce(v.view_name, j.hypertable_name)::text, j.schedule_interval::text, \
                   j.config::text, \
                   CASE WHEN isfinite(s.last_successful_finish) THEN s.last_successful_finish END, \
                   coalesce(s.total_failures, 0)::bigint \
               FROM timescaledb_information.jobs j \
               LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id \
               LEFT JOIN timescaledb_information.continuous_aggregates v \
                   ON v.materialization_hypertable_schema = j.hypertable_schema \
                  AND v.materialization_hypertable_name = j.hypertable_name \
               WHERE j.proc_name LIKE 'policy_%' AND j.hypertable_name IS NOT NULL \
               ORDER BY j.job_id";
    let rows = query(session, "list the policies", sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Job {
            id: row.get(0),
            procedure: row.get(1),
            target: row.get(2),
            schedule: row.get(3),
            settings: row.get(4),
            last_success: time(row, 5),
            failures: row.get(6),
        })
        .collect())
}

fn time(row: &Row, column: usize) -> Option<Timestamp> {
    row.get::<_, Option<_>>(column).map(Timestamp::from_utc)
}
