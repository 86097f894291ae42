//! Faults as text: `kind:key=value,key=value`. Knows the spelling only.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Fault, FaultKind};
use crate::market::Venue;

/// A fault that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read the fault `{text}`: {reason}; faults are written as\n{}",
    Fault::help()
)]
pub struct FaultError {
    text: String,
    reason: String,
}

impl Fault {
    /// The kinds of faults and their keys, for `--help` and error messages.
    #[must_use]
    pub fn help() -> &'static str {
        "  disconnect:every=30s|after=1000[,jitter=0.5][,code=1006]   end connections\n  \
           refuse:connections[=P][,status=503]                       refuse to connect\n  \
           refuse:subscriptions[=P]                                  refuse to subscribe\n  \
           stall:after=30s[,for=60s]                                 go silent, stay open\n  \
           drop:p=0.01                                               do not send trades\n  \
           duplicate:p=0.01                                          send trades twice\n  \
           reorder:p=0.01[,window=5]                                 send trades late\n  \
           malform:p=0.01                                            garble frames\n  \
           truncate:p=0.01                                           cut frames short\n  \
           skew:ms=-500                                              wrong venue clock\n  \
           ratelimit:p=0.1[,retry_after=5][,status=429|418]          refuse REST requests\n\
         and any of venue=binance|coinbase|kraken, symbol=BTCUSDT, seed=7, times=3"
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        parse(text).map_err(|reason| FaultError {
            text: text.to_owned(),
            reason,
        })
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

/// The keys given, each taken once.
struct Keys<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Keys<'a> {
    fn take(&mut self, key: &str) -> Option<Option<&'a str>> {
        let at = self.0.iter().position(|(k, _)| *k == key)?;
        Some(self.0.swap_remove(at).1)
    }

    fn value<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, String> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let value = value.ok_or_else(|| format!("`{key}` has no value"))?;
        value
            .parse()
            .map(Some)
            .map_err(|_| format!("`{value}` is no valid `{key}`"))
    }

    fn probability(&mut self, key: &str, default: Option<f64>) -> Result<f64, String> {
        let p = match self.take(key) {
            None => default.ok_or_else(|| format!("`{key}` is missing"))?,
            Some(None) => 1.0,
            Some(Some(value)) => value
                .parse()
                .map_err(|_| format!("`{value}` is no valid `{key}`"))?,
        };
        if (0.0..=1.0).contains(&p) {
            Ok(p)
        } else {
            Err(format!("`{key}` must be 0 to 1"))
        }
    }

    fn duration(&mut self, key: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let value = value.unwrap_or_default();
        let digits = value
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(value.len());
        let unit = match &value[digits..] {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => f64::NAN,
        };
        let seconds = value[..digits].parse::<f64>().unwrap_or(f64::NAN) * unit;
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => Err(format!("`{key}` must be a time like 500ms, 30s, 5m or 1h")),
        }
    }
}

fn parse(text: &str) -> Result<Fault, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let mut keys = Keys(
        rest.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.split_once('=')
                    .map_or((part, None), |(k, v)| (k, Some(v)))
            })
            .collect(),
    );
    let kind = match kind.trim() {
        "disconnect" => {
            let every = keys.duration("every")?;
            let after = keys.value("after")?;
            if every.is_none() && after.is_none() {
                return Err("it needs `every` or `after`".into());
            }
            let jitter = keys.probability("jitter", Some(0.0))?;
            FaultKind::Disconnect {
                every,
                after,
                jitter,
                code: keys.value("code")?,
            }
        }
        "refuse" if keys.0.iter().any(|(k, _)| *k == "subscriptions") => {
            FaultKind::RefuseSubscription {
                p: keys.probability("subscriptions", None)?,
            }
        }
        "refuse" => FaultKind::RefuseConnection {
            p: keys.probability("connections", Some(1.0))?,
            status: status(keys.value("status")?.unwrap_or(503))?,
        },
        "stall" => FaultKind::Stall {
            after: keys.duration("after")?.ok_or("`after` is missing")?,
            lasting: keys.duration("for")?,
        },
        "drop" => FaultKind::Drop {
            p: keys.probability("p", None)?,
        },
        "duplicate" => FaultKind::Duplicate {
            p: keys.probability("p", None)?,
        },
        "reorder" => FaultKind::Reorder {
            p: keys.probability("p", None)?,
            window: keys.value("window")?.unwrap_or(5).clamp(1, 1_000),
        },
        "malform" => FaultKind::Malform {
            p: keys.probability("p", None)?,
        },
        "truncate" => FaultKind::Truncate {
            p: keys.probability("p", None)?,
        },
        "skew" => FaultKind::Skew {
            ms: keys.value("ms")?.ok_or("`ms` is missing")?,
        },
        "ratelimit" => FaultKind::RateLimit {
            p: keys.probability("p", Some(1.0))?,
            retry_after: keys.value("retry_after")?.unwrap_or(5),
            status: status(keys.value("status")?.unwrap_or(429))?,
        },
        other => return Err(format!("there is no kind `{other}`")),
    };
    let venue = match keys.value::<String>("venue")? {
        None => None,
        Some(name) => {
            Some(Venue::from_name(&name).ok_or_else(|| format!("there is no venue `{name}`"))?)
        }
    };
    let fault = Fault {
        kind,
        venue,
        symbol: keys.value("symbol")?,
        seed: keys.value("seed")?.unwrap_or(0),
        times: keys.value("times")?,
    };
    match keys.0.first() {
        Some((key, _)) => Err(format!("`{key}` is not a key of it, or is given twice")),
        None => Ok(fault),
    }
}

fn status(status: u16) -> Result<u16, String> {
    if (400..=599).contains(&status) {
        Ok(status)
    } else {
        Err("`status` must be 400 to 599".into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |d: Duration| format!("{}ms", d.as_millis());
        match self.kind {
            FaultKind::Disconnect {
                every,
                after,
                jitter,
                code,
            } => {
                write!(f, "disconnect:jitter={jitter}")?;
                every.map_or(Ok(()), |every| write!(f, ",every={}", ms(every)))?;
                after.map_or(Ok(()), |after| write!(f, ",after={after}"))?;
                code.map_or(Ok(()), |code| write!(f, ",code={code}"))?;
            }
            FaultKind::RefuseConnection { p, status } => {
                write!(f, "refuse:connections={p},status={status}")?;
            }
            FaultKind::RefuseSubscription { p } => write!(f, "refuse:subscriptions={p}")?,
            FaultKind::Stall { after, lasting } => {
                write!(f, "stall:after={}", ms(after))?;
                lasting.map_or(Ok(()), |lasting| write!(f, ",for={}", ms(lasting)))?;
            }
            FaultKind::Drop { p } => write!(f, "drop:p={p}")?,
            FaultKind::Duplicate { p } => write!(f, "duplicate:p={p}")?,
            FaultKind::Reorder { p, window } => write!(f, "reorder:p={p},window={window}")?,
            FaultKind::Malform { p } => write!(f, "malform:p={p}")?,
            FaultKind::Truncate { p } => write!(f, "truncate:p={p}")?,
            FaultKind::Skew { ms } => write!(f, "skew:ms={ms}")?,
            FaultKind::RateLimit {
                p,
                retry_after,
                status,
            } => {
                write!(
                    f,
                    "ratelimit:p={p},retry_after={retry_after},status={status}"
                )?;
            }
        }
        self.venue
            .map_or(Ok(()), |venue| write!(f, ",venue={venue}"))?;
        self.symbol
            .as_ref()
            .map_or(Ok(()), |symbol| write!(f, ",symbol={symbol}"))?;
        self.times
            .map_or(Ok(()), |times| write!(f, ",times={times}"))?;
        write!(f, ",seed={}", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_prints() {
        for text in [
            "disconnect:every=30s,seed=7,jitter=0.5",
            "disconnect:after=100,code=1012,times=1",
            "refuse:connections=0.5,status=403,venue=kraken",
            "refuse:subscriptions,symbol=BTC-USD",
            "stall:after=500ms,for=2m",
            "drop:p=0.01,venue=binance,symbol=BTCUSDT,seed=9",
            "duplicate:p=1",
            "reorder:p=0.2,window=9",
            "malform:p=0.1",
            "truncate:p=0.1",
            "skew:ms=-1500",
            "ratelimit:status=418,retry_after=120",
        ] {
            let fault: Fault = text.parse().expect(text);
            assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault), "{text}");
        }
    }

    #[test]
    fn a_wrong_fault_says_what_is_wrong() {
        for (text, word) in [
            ("explode", "explode"),
            ("drop", "`p`"),
            ("drop:p=2", "0 to 1"),
            ("disconnect:code=1", "every"),
            ("stall:after=10x", "500ms"),
            ("drop:p=0.1,color=red", "color"),
            ("drop:p=0.1,venue=mtgox", "mtgox"),
        ] {
            let error = text.parse::<Fault>().expect_err(text).to_string();
            assert!(error.contains(word) && error.contains(text), "{error}");
        }
    }
}
