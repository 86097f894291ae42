//! Kraken v2 frames to venue events.

use serde_json::value::RawValue;

use super::messages::{Accepted, Envelope, TradePayload, UsualTrade, UsualTrades};
use crate::market::{Symbol, TakerSide, Trade};
use crate::venues::coinbase::AdvancedMarks;
use crate::venues::opening::first_member;
use crate::venues::protocol::{DecodeError, FrameDecoder, Scope, VenueEvent, shorten};
use crate::venues::scalar;
use crate::venues::symbols::Symbols;

/// Decodes v2.
pub(super) struct Decoder {
    symbols: Symbols,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            symbols: Symbols::new(|_| Ok(())),
        }
    }
}

impl FrameDecoder for Decoder {
    fn decode(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        // Nearly every frame is a trade, and its first member says so: those are parsed once.
        // Whatever is not quite as usual takes the general way, which also says what is wrong.
        if first_member(frame) == Some(("channel", "trade"))
            && let Ok(usual) = serde_json::from_str::<UsualTrades<'_>>(frame)
        {
            return self.usual_trades(&usual, events);
        }
        self.general(frame, events)
    }

    fn stream(&self, frame: &str) -> Option<String> {
        let envelope: Envelope<'_> = parse(frame).ok()?;
        // Coinbase's Advanced frames have a channel, too.
        if parse::<AdvancedMarks>(frame).ok()?.any() {
            return None;
        }
        let name = envelope.channel.or(envelope.method)?.text().ok()?;
        Some(shorten(match &*name {
            "trade" => "trade snapshot",
            other => other,
        }))
    }
}

impl Decoder {
    fn general(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        if frame.trim_start().starts_with('[') {
            return Err(DecodeError::malformed(
                "an array, as kraken's v1 protocol sends; this program reads v2",
            ));
        }
        let envelope: Envelope<'_> = parse(frame)?;
        if let Some(channel) = envelope.channel {
            return match &*channel.text()? {
                "trade" => self.trades(&envelope, events),
                // v2, heartbeat: about one a second while nothing else is sent.
                "heartbeat" => {
                    events.push(VenueEvent::Heartbeat(None));
                    Ok(())
                }
                // `status` on connecting, and channels we did not ask for.
                _ => Ok(()),
            };
        }
        if envelope.method.is_some() || envelope.error.is_some() {
            return self.answer(&envelope, events);
        }
        // Kraken Futures, feeds: `{"feed":"trade","product_id":"PI_XBTUSD",…}`.
        if first_member(frame) == Some(("feed", "trade")) {
            return Err(DecodeError::not_spot("a trade of Kraken Futures"));
        }
        Err(DecodeError::malformed("a frame without channel and method"))
    }

    fn usual_trades(
        &mut self,
        usual: &UsualTrades<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        // v2, trade: a `snapshot` holds the last 50 trades from before the subscription.
        if usual.kind != "update" {
            return Ok(());
        }
        let mut first_error = None;
        for trade in usual.data.iter() {
            match self.usual_trade(trade) {
                Ok((symbol, trade)) => events.push(VenueEvent::Trade { symbol, trade }),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn trades(
        &mut self,
        envelope: &Envelope<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        if !envelope.kind.is_some_and(|kind| kind.is("update")) {
            return Ok(());
        }
        let data = envelope
            .data
            .ok_or_else(|| DecodeError::malformed("a trade update without data"))?;
        let mut first_error = None;
        for trade in parse::<Vec<&RawValue>>(data.get())? {
            match parse(trade.get()).and_then(|payload| self.trade(&payload)) {
                Ok((symbol, trade)) => events.push(VenueEvent::Trade { symbol, trade }),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn trade(&mut self, payload: &TradePayload<'_>) -> Result<(Symbol, Trade), DecodeError> {
        self.usual_trade(&UsualTrade {
            symbol: &payload.symbol.text()?,
            side: &payload.side.text()?,
            price: payload.price,
            qty: payload.qty,
            trade_id: payload.trade_id.trade_id()?,
            timestamp: &payload.timestamp.text()?,
        })
    }

    fn usual_trade(&mut self, usual: &UsualTrade<'_>) -> Result<(Symbol, Trade), DecodeError> {
        // v2, trade: "Side of taker order".
        let taker = match usual.side {
            "buy" => TakerSide::Buy,
            "sell" => TakerSide::Sell,
            other => return Err(DecodeError::impossible(format_args!("side {other:?}"))),
        };
        let symbol = self.symbols.get(usual.symbol)?;
        let trade = Trade {
            id: usual.trade_id,
            time: scalar::rfc3339(usual.timestamp)?,
            price: usual.price.price()?,
            quantity: usual.qty.quantity()?,
            taker,
        };
        Ok((symbol, trade))
    }

    fn answer(
        &mut self,
        envelope: &Envelope<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let method = envelope.method.map(scalar::Scalar::text).transpose()?;
        if envelope.success == Some(false) || envelope.error.is_some() {
            let reason = match envelope.error {
                Some(error) => shorten(&error.text()?),
                None => "refused without a reason".to_owned(),
            };
            events.push(if method.as_deref() == Some("subscribe") {
                VenueEvent::Refused {
                    scope: self.refused_scope(envelope)?,
                    reason,
                }
            } else {
                VenueEvent::Complaint(reason)
            });
            return Ok(());
        }
        match (method.as_deref(), envelope.result) {
            (Some("pong"), _) => events.push(VenueEvent::Heartbeat(None)),
            (Some("subscribe"), Some(result)) => {
                let accepted: Accepted<'_> = parse(result.get())?;
                if accepted.channel.is_some_and(|channel| channel.is("trade"))
                    && let Some(symbol) = accepted.symbol
                {
                    let symbol = self.symbols.get(&symbol.text()?)?;
                    events.push(VenueEvent::Subscribed(Scope::Symbols(vec![symbol])));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn refused_scope(&mut self, envelope: &Envelope<'_>) -> Result<Option<Scope>, DecodeError> {
        if let Some(symbol) = envelope.symbol {
            let symbol = self.symbols.get(&symbol.text()?)?;
            return Ok(Some(Scope::Symbols(vec![symbol])));
        }
        let request = envelope
            .req_id
            .map(|id| id.unsigned("req_id"))
            .transpose()?;
        Ok(request.map(Scope::Request))
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(DecodeError::malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPDATE: &str = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":83744.3,"qty":0.00044780,"ord_type":"limit","trade_id":109116693,"timestamp":"2026-09-25T17:48:26.844359Z"}]}"#;

    fn decode(frame: &str) -> Result<Vec<VenueEvent>, DecodeError> {
        let mut events = Vec::new();
        Decoder::default().decode(frame, &mut events)?;
        Ok(events)
    }

    fn trades(frame: &str) -> Vec<(String, Trade)> {
        decode(frame)
            .unwrap()
            .into_iter()
            .map(|event| match event {
                VenueEvent::Trade { symbol, trade } => (symbol.to_string(), trade),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn numbers_are_read_from_their_digits() {
        let [(symbol, trade)] = trades(UPDATE).try_into().unwrap();
        assert_eq!(symbol, "BTC/USD");
        assert_eq!(trade.id.0, 109_116_693);
        assert_eq!(trade.price.to_string(), "83744.3");
        assert_eq!(trade.quantity.to_string(), "0.0004478");
        assert_eq!(trade.taker, TakerSide::Buy, "the side is the taker's");
        assert_eq!(trade.time.to_string(), "2026-09-25T17:48:26.844359Z");
        // Digits that an f64 does not hold, an exponent, strings.
        for (written, exact) in [
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("4.478e-4", "0.0004478"),
            ("\"0.00044780\"", "0.0004478"),
        ] {
            let frame = UPDATE.replace("0.00044780", written);
            assert_eq!(trades(&frame)[0].1.quantity.to_string(), exact);
        }
    }

    #[test]
    fn snapshots_and_other_channels_say_nothing() {
        for frame in [
            UPDATE.replace("\"update\"", "\"snapshot\"").as_str(),
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":18125794168470749634}]}"#,
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":83744.2}]}"#,
        ] {
            assert_eq!(decode(frame), Ok(Vec::new()), "{frame}");
        }
    }

    #[test]
    fn answers_as_recorded() {
        let symbol = |text| Symbol::new(text).unwrap();
        assert_eq!(
            decode(r#"{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,"time_in":"2026-09-25T17:48:24.745996Z","time_out":"2026-09-25T17:48:24.746032Z"}"#).unwrap(),
            [VenueEvent::Subscribed(Scope::Symbols(vec![symbol("BTC/USD")]))]
        );
        assert_eq!(
            decode(r#"{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD","time_in":"2026-09-25T17:48:54.701041Z","time_out":"2026-09-25T17:48:54.701062Z"}"#).unwrap(),
            [VenueEvent::Refused {
                scope: Some(Scope::Symbols(vec![symbol("XBT/USD")])),
                reason: "Currency pair not supported XBT/USD".into(),
            }]
        );
        assert_eq!(
            decode(
                r#"{"error":"Exceeded msg rate","method":"subscribe","success":false,"req_id":3}"#
            )
            .unwrap(),
            [VenueEvent::Refused {
                scope: Some(Scope::Request(3)),
                reason: "Exceeded msg rate".into()
            }]
        );
        for alive in [
            r#"{"channel":"heartbeat"}"#,
            r#"{"method":"pong","req_id":1,"time_in":"2026-09-25T17:48:24.7Z","time_out":"2026-09-25T17:48:24.7Z"}"#,
        ] {
            assert_eq!(decode(alive).unwrap(), [VenueEvent::Heartbeat(None)]);
        }
        assert!(matches!(
            decode(r#"{"error":"Unknown method","method":"nonsense","success":false}"#).unwrap()[..],
            [VenueEvent::Complaint(_)]
        ));
    }

    #[test]
    fn one_bad_trade_loses_no_other() {
        let good = UPDATE
            .split_once("[")
            .unwrap()
            .1
            .strip_suffix("]}")
            .unwrap();
        for bad in [
            good.replace("83744.3", "-83744.3"),
            good.replace("\"buy\"", "\"none\""),
            good.replace("\"qty\"", "\"quantity\""),
            "7".to_owned(),
        ] {
            let frame = UPDATE.replace(good, &format!("{good},{bad},{good}"));
            let mut events = Vec::new();
            Decoder::default().decode(&frame, &mut events).unwrap_err();
            assert_eq!(events.len(), 2, "{bad}");
        }
    }

    #[test]
    fn the_usual_and_the_general_way_are_the_same() {
        // A member in front sends the same frame the general way.
        for (from, to) in [
            ("", ""),
            (":", " : "),
            ("0.00044780", "\"0.00044780\""),
            ("0.00044780", "-1"),
            ("0.00044780", "{}"),
            ("\"buy\"", "\"b\\u0075y\""),
            ("109116693", "\"109116693\""),
            ("109116693", "-1"),
            ("\"update\"", "\"snapshot\""),
        ] {
            let frame = UPDATE.replacen(from, to, 1);
            let general = frame.replacen('{', "{\"new\":0,", 1);
            assert_eq!(decode(&frame), decode(&general), "{frame}");
        }
    }

    #[test]
    fn futures_are_refused_by_name() {
        let error = decode(
            r#"{"feed":"trade","product_id":"PI_XBTUSD","side":"sell","type":"fill","seq":653355,"time":1612266317519,"qty":15000,"price":34969.5}"#,
        );
        assert_eq!(error.unwrap_err().reason(), "not_spot");
    }

    #[test]
    fn streams_are_named_as_the_venue_names_them() {
        let stream = |frame: &str| Decoder::default().stream(frame);
        for (frame, name) in [
            (r#"{"channel":"ticker","type":"update"}"#, Some("ticker")),
            (
                r#"{"channel":"trade","type":"snapshot","data":[]}"#,
                Some("trade snapshot"),
            ),
            ("{}", None),
        ] {
            assert_eq!(stream(frame).as_deref(), name, "{frame}");
        }
    }

    #[test]
    fn v1_is_named() {
        let error = decode(
            r#"[321,[["57126.70000","0.02","1616333924.737428","b","m",""]],"trade","XBT/USD"]"#,
        );
        assert!(error.unwrap_err().to_string().contains("v1"));
        assert_eq!(decode("{}").unwrap_err().reason(), "malformed");
    }
}
