//! Reading a recording: which protocol it is of, and for every frame the channel and symbols it
//! belongs to, so that it can be sent to those who subscribed to them.
//!
//! Frames stay verbatim. Answers of the venue to the recording's own client (acknowledgements,
//! status, errors) are left out: the simulator answers its clients itself.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ws::Wire;

/// Lines longer than this are no frames: 16 MB.
const LONGEST_LINE: u64 = 16 << 20;
/// Lines looked at, at most, to find out which protocol a file is of.
const LOOK_AT: usize = 10_000;

/// Fault of a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("cannot read the recording {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No protocol was recognised.
    #[error(
        "cannot tell which venue the recording {path} is of: no line of its first {LOOK_AT} is \
         `<receive time, ns> <frame>` with a Binance, Coinbase or Kraken v2 frame"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// One frame of a recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    /// When it was received, ns since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) wire: Wire,
    /// Binance: the stream; else the channel as one subscribes to it.
    pub(crate) channel: String,
    /// The symbols of the trades, in the venue's spelling; empty when it concerns all.
    pub(crate) symbols: Vec<String>,
    /// Trade ids inside, for the faults.
    pub(crate) ids: Vec<u64>,
    /// The frame, without Binance's combined-stream wrapper.
    pub(crate) text: String,
}

/// A recording being read.
pub(crate) struct Recording {
    lines: BufReader<Box<dyn Read + Send>>,
    path: PathBuf,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Opens a file, plain or gzipped by its content.
    pub(crate) fn open(path: &Path) -> Result<Self, RecordingError> {
        let io = |source| RecordingError::Io {
            path: path.to_owned(),
            source,
        };
        let mut plain = BufReader::new(File::open(path).map_err(io)?);
        let gzipped = plain.fill_buf().map_err(io)?.starts_with(&[0x1F, 0x8B]);
        let lines: Box<dyn Read + Send> = if gzipped {
            Box::new(MultiGzDecoder::new(plain))
        } else {
            Box::new(plain)
        };
        Ok(Self {
            lines: BufReader::with_capacity(1 << 16, lines),
            path: path.to_owned(),
        })
    }

    /// The protocol of the first frame that has one.
    pub(crate) fn wire(path: &Path) -> Result<Wire, RecordingError> {
        let mut recording = Self::open(path)?;
        for _ in 0..LOOK_AT {
            match recording.line()? {
                None => break,
                Some(line) => {
                    if let Some(recorded) = read_line(&line) {
                        return Ok(recorded.wire);
                    }
                }
            }
        }
        Err(RecordingError::Unknown {
            path: path.to_owned(),
        })
    }

    /// The next frame; lines that hold none are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Recorded>, RecordingError> {
        while let Some(line) = self.line()? {
            if let Some(recorded) = read_line(&line) {
                return Ok(Some(recorded));
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Result<Option<String>, RecordingError> {
        let mut line = Vec::new();
        let read = (&mut self.lines)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned())),
            Err(source) => Err(RecordingError::Io {
                path: self.path.clone(),
                source,
            }),
        }
    }
}

/// `<ns> <frame>`, or `<seconds.fraction>: <frame>` as cryptofeed writes it.
fn read_line(line: &str) -> Option<Recorded> {
    let (time, frame) = line.split_once(' ')?;
    let at = match time.strip_suffix(':') {
        None => time.parse().ok()?,
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let digits: String = fraction
                .chars()
                .chain("000000000".chars())
                .take(9)
                .collect();
            whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)? + digits.parse::<i64>().ok()?
        }
    };
    classify(at, frame.trim())
}

#[derive(Deserialize)]
struct Combined<'a> {
    stream: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The fields that tell frames apart, over all venues; numbers and strings both occur.
#[derive(Deserialize)]
struct Shape {
    e: Option<String>,
    s: Option<String>,
    t: Option<serde_json::Value>,
    #[serde(rename = "A")]
    ask: Option<serde_json::Value>,
    k: Option<Kline>,
    #[serde(rename = "type")]
    kind: Option<String>,
    product_id: Option<String>,
    trade_id: Option<u64>,
    channel: Option<String>,
    events: Option<Vec<AdvancedEvent>>,
    data: Option<Vec<KrakenRow>>,
    method: Option<String>,
}

#[derive(Deserialize)]
struct Kline {
    i: Option<String>,
}

#[derive(Deserialize)]
struct AdvancedEvent {
    #[serde(default)]
    trades: Vec<AdvancedTrade>,
}

#[derive(Deserialize)]
struct AdvancedTrade {
    product_id: String,
    trade_id: String,
}

#[derive(Deserialize)]
struct KrakenRow {
    symbol: Option<String>,
    trade_id: Option<u64>,
}

fn classify(at: i64, frame: &str) -> Option<Recorded> {
    if let Ok(Combined { stream, data }) = serde_json::from_str::<Combined<'_>>(frame) {
        let shape: Option<Shape> = serde_json::from_str(data.get()).ok();
        let symbol = stream.split('@').next().unwrap_or_default().to_uppercase();
        return Some(Recorded {
            at,
            wire: Wire::Binance,
            ids: binance_ids(shape.as_ref()),
            channel: stream,
            symbols: vec![symbol],
            text: data.get().to_owned(),
        });
    }
    let shape: Shape = serde_json::from_str(frame).ok()?;
    let (wire, channel, symbols, ids) = if let Some(symbol) = &shape.s {
        let symbol_lower = symbol.to_lowercase();
        let stream = match shape.e.as_deref() {
            Some("kline") => {
                let interval = shape
                    .k
                    .as_ref()
                    .and_then(|k| k.i.clone())
                    .unwrap_or_default();
                format!("{symbol_lower}@kline_{interval}")
            }
            Some("depthUpdate") => format!("{symbol_lower}@depth"),
            Some(event) => format!("{symbol_lower}@{event}"),
            None if shape.ask.is_some() => format!("{symbol_lower}@bookTicker"),
            None => return None,
        };
        (
            Wire::Binance,
            stream,
            vec![symbol.clone()],
            binance_ids(Some(&shape)),
        )
    } else if let (Some(channel), Some(events)) = (&shape.channel, &shape.events) {
        if channel == "subscriptions" {
            return None;
        }
        let trades = || events.iter().flat_map(|event| &event.trades);
        let mut symbols: Vec<String> = trades().map(|t| t.product_id.clone()).collect();
        symbols.dedup();
        let ids = trades().filter_map(|t| t.trade_id.parse().ok()).collect();
        (Wire::CoinbaseAdvanced, channel.clone(), symbols, ids)
    } else if let Some(channel) = &shape.channel {
        if channel == "status" || shape.method.is_some() {
            return None;
        }
        let rows = shape.data.as_deref().unwrap_or_default();
        let mut symbols: Vec<String> = rows.iter().filter_map(|row| row.symbol.clone()).collect();
        symbols.dedup();
        let ids = rows.iter().filter_map(|row| row.trade_id).collect();
        (Wire::Kraken, channel.clone(), symbols, ids)
    } else {
        let channel = match shape.kind.as_deref()? {
            "match" | "last_match" => "matches",
            "l2update" | "snapshot" => "level2",
            "subscriptions" | "error" | "subscribe" => return None,
            other => other,
        };
        let ids = shape
            .trade_id
            .filter(|_| channel == "matches")
            .into_iter()
            .collect();
        (
            Wire::CoinbaseExchange,
            channel.to_owned(),
            vec![shape.product_id?],
            ids,
        )
    };
    Some(Recorded {
        at,
        wire,
        channel,
        symbols,
        ids,
        text: frame.to_owned(),
    })
}

fn binance_ids(shape: Option<&Shape>) -> Vec<u64> {
    shape
        .filter(|shape| shape.e.as_deref() == Some("trade"))
        .and_then(|shape| shape.t.as_ref()?.as_u64())
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(frame: &str) -> Option<(Wire, String, Vec<String>, Vec<u64>)> {
        let r = read_line(&format!("1723161254087896568 {frame}"))?;
        assert_eq!(r.at, 1_723_161_254_087_896_568);
        Some((r.wire, r.channel, r.symbols, r.ids))
    }

    #[test]
    fn frames_are_told_apart_by_their_shape() {
        let trade = r#"{"e":"trade","E":1,"s":"BTCUSDT","t":37,"p":"1.0","q":"2.0","T":1,"m":true,"M":true}"#;
        let expected = Some((
            Wire::Binance,
            "btcusdt@trade".into(),
            vec!["BTCUSDT".into()],
            vec![37],
        ));
        assert_eq!(one(trade), expected);
        let wrapped = format!(r#"{{"stream":"btcusdt@trade","data":{trade}}}"#);
        assert_eq!(one(&wrapped), expected);
        assert_eq!(
            read_line(&format!("5 {wrapped}")).map(|r| r.text),
            Some(trade.to_owned())
        );
        assert_eq!(
            one(r#"{"u":1,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}"#).map(|r| r.1),
            Some("btcusdt@bookTicker".into())
        );
        assert_eq!(
            one(
                r#"{"type":"match","trade_id":280232,"side":"sell","size":"985","price":"0.1","product_id":"SKL-BTC","sequence":17,"time":"x"}"#
            ),
            Some((
                Wire::CoinbaseExchange,
                "matches".into(),
                vec!["SKL-BTC".into()],
                vec![280_232]
            ))
        );
        assert_eq!(
            one(
                r#"{"channel":"market_trades","timestamp":"x","sequence_num":2,"events":[{"type":"update","trades":[{"product_id":"ETH-USDT","trade_id":"22","price":"1","size":"1","time":"x","side":"BUY"},{"product_id":"ETH-USDT","trade_id":"21","price":"1","size":"1","time":"x","side":"BUY"}]}]}"#
            ),
            Some((
                Wire::CoinbaseAdvanced,
                "market_trades".into(),
                vec!["ETH-USDT".into()],
                vec![22, 21]
            ))
        );
        assert_eq!(
            one(
                r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.0,"qty":0.1,"ord_type":"limit","trade_id":9,"timestamp":"x"}]}"#
            ),
            Some((
                Wire::Kraken,
                "trade".into(),
                vec!["BTC/USD".into()],
                vec![9]
            ))
        );
        assert_eq!(
            one(r#"{"channel":"heartbeat"}"#).map(|r| r.0),
            Some(Wire::Kraken)
        );
    }

    #[test]
    fn answers_and_noise_are_left_out() {
        for frame in [
            r#"{"result":null,"id":1}"#,
            r#"{"method":"subscribe","result":{"channel":"trade"},"success":true}"#,
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10"}]}"#,
            r#"{"type":"subscriptions","channels":[]}"#,
            "garbage",
        ] {
            assert_eq!(one(frame), None, "{frame}");
        }
        assert!(read_line("no number here").is_none());
        let cryptofeed =
            read_line(r#"1618677817.1295161: {"type":"match","trade_id":1,"product_id":"A-B"}"#);
        assert_eq!(cryptofeed.map(|r| r.at), Some(1_618_677_817_129_516_100));
    }
}
