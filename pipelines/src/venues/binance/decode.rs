//! Binance frames to venue events.

use serde::de::IgnoredAny;

use super::Binance;
use super::messages::{Envelope, EventKind, TradePayload};
use super::usual::{UsualTrade, usual_trade};
use crate::market::{TakerSide, Trade, TradeId};
use crate::venues::protocol::{
    DecodeError, FrameDecoder, Scope, VenueEvent, VenueProtocol as _, shorten,
};
use crate::venues::scalar::{self, Scalar};
use crate::venues::symbols::Symbols;

/// Decodes raw and combined streams.
pub(super) struct Decoder {
    symbols: Symbols,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            symbols: Symbols::new(|symbol| {
                let spelled = Binance.spelling(symbol).map(drop);
                spelled.map_err(DecodeError::impossible)
            }),
        }
    }
}

impl FrameDecoder for Decoder {
    fn decode(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        // Nearly every frame is a trade written as always. Whatever is not takes the general way,
        // which also says what is wrong.
        if let Some(trade) = usual_trade(frame) {
            return self.usual_trade(&trade, events);
        }
        self.general(frame, events)
    }

    fn stream(&self, frame: &str) -> Option<String> {
        let envelope: Envelope<'_> = parse(frame).ok()?;
        let name = envelope.stream.and_then(|stream| stream.text().ok());
        // `btcusdt@aggTrade`, `btcusdt@depth@100ms`: of which instrument does not matter.
        let of_stream = name.map(|name| match name.split_once('@') {
            Some((_, stream)) => shorten(stream),
            None => shorten(&name),
        });
        of_stream.or_else(|| Some(shorten(&envelope.e?.text().ok()?)))
    }
}

impl Decoder {
    fn general(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        // Array streams, such as all tickers on a raw connection.
        if frame.trim_start().starts_with('[') {
            return parse::<IgnoredAny>(frame).map(drop);
        }
        let envelope: Envelope<'_> = parse(frame)?;
        if let Some(data) = envelope.data {
            let data = data.get();
            if envelope.stream.is_some_and(|s| s.is("!serverShutdown")) {
                events.push(VenueEvent::Closing);
            } else if data.starts_with('{') {
                let kind: EventKind<'_> = parse(data)?;
                return self.event(kind.e, data, events);
            }
            return Ok(());
        }
        if envelope.e.is_some() {
            return self.event(envelope.e, frame, events);
        }
        let request = envelope.id.and_then(|id| id.unsigned("id").ok());
        let failure = match &envelope.error {
            Some(failure) => Some((failure.code, failure.msg)),
            None if envelope.code.is_some() => Some((envelope.code, envelope.msg)),
            None => None,
        };
        match (failure, request) {
            (Some((code, msg)), request) => {
                let reason = format!("{} (code {})", words(msg), words(code));
                events.push(match request {
                    Some(request) => VenueEvent::Refused {
                        scope: Some(Scope::Request(request)),
                        reason,
                    },
                    None => VenueEvent::Complaint(reason),
                });
            }
            // `{"result":null,"id":1}`: "the request sent was a success".
            (None, Some(request)) => {
                events.push(VenueEvent::Subscribed(Scope::Request(request)));
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn event(
        &mut self,
        kind: Option<Scalar<'_>>,
        payload: &str,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        match kind {
            Some(kind) if kind.is("trade") => {
                self.trade(&parse::<TradePayload<'_>>(payload)?, events)
            }
            // Sent shortly before the server closes the connection.
            Some(kind) if kind.is("serverShutdown") => {
                events.push(VenueEvent::Closing);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn trade(
        &mut self,
        payload: &TradePayload<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let symbol = payload.s.text()?;
        if let Some(order_type) = payload.order_type {
            return Err(DecodeError::not_spot(format_args!(
                "a trade of Binance futures ({symbol}, X {})",
                order_type.text()?
            )));
        }
        let symbol = self.symbols.get(&symbol)?;
        let trade = Trade {
            id: payload.t.trade_id()?,
            time: payload.time.epoch_time()?,
            price: payload.p.price()?,
            quantity: payload.q.quantity()?,
            taker: taker(payload.m),
        };
        events.push(VenueEvent::Trade { symbol, trade });
        Ok(())
    }

    fn usual_trade(
        &mut self,
        usual: &UsualTrade<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let symbol = self.symbols.get(usual.symbol)?;
        let trade = Trade {
            id: TradeId(usual.id),
            time: scalar::epoch_time(usual.time)?,
            price: scalar::price(usual.price)?,
            quantity: scalar::quantity(usual.quantity)?,
            taker: taker(usual.buyer_is_maker),
        };
        events.push(VenueEvent::Trade { symbol, trade });
        Ok(())
    }
}

/// Where the buyer was the maker, the taker sold.
pub(super) const fn taker(buyer_is_maker: bool) -> TakerSide {
    if buyer_is_maker {
        TakerSide::Sell
    } else {
        TakerSide::Buy
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(DecodeError::malformed)
}

fn words(text: Option<Scalar<'_>>) -> String {
    text.and_then(|text| text.text().ok())
        .map_or_else(|| "no reason given".to_owned(), |text| shorten(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;

    fn decode(frame: &str) -> Result<Vec<VenueEvent>, DecodeError> {
        let mut events = Vec::new();
        Decoder::default().decode(frame, &mut events)?;
        Ok(events)
    }

    fn one_trade(frame: &str) -> (String, Trade) {
        match decode(frame).unwrap().as_slice() {
            [VenueEvent::Trade { symbol, trade }] => (symbol.to_string(), *trade),
            other => panic!("{frame}: {other:?}"),
        }
    }

    #[test]
    fn a_trade_in_every_shape_is_the_same_trade() {
        let (symbol, trade) = one_trade(COMBINED);
        assert_eq!(symbol, "BTCUSDT");
        assert_eq!(trade.id.0, 3_735_683_259);
        assert_eq!(trade.time.to_string(), "2024-08-08T23:54:15.342Z");
        assert_eq!(trade.price.to_string(), "61837.63");
        assert_eq!(trade.quantity.to_string(), "0.02");
        assert_eq!(trade.taker, TakerSide::Sell, "the buyer was the maker");

        for frame in [
            // raw
            r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}"#,
            // 2019, with order ids
            r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63","q":"0.02","b":88,"a":50,"T":1723161255342,"m":true,"M":true}"#,
            // microseconds
            r#"{"e":"trade","E":1723161255343000,"s":"BTCUSDT","t":3735683259,"p":"61837.63","q":"0.02","T":1723161255342000,"m":true}"#,
            // other order and spacing
            r#" { "data" : { "m" : true, "T" : 1723161255342, "q" : "0.02", "p" : "61837.63", "t" : 3735683259, "s" : "BTCUSDT", "e" : "trade" } , "stream" : "btcusdt@trade" } "#,
            r#"{"s":"BTCUSDT","t":"3735683259","p":61837.63,"q":2e-2,"T":1723161255342,"m":true,"e":"trade"}"#,
        ] {
            assert_eq!(one_trade(frame), ("BTCUSDT".to_owned(), trade), "{frame}");
        }
        let bought = COMBINED.replace(r#""m":true"#, r#""m":false"#);
        assert_eq!(one_trade(&bought).1.taker, TakerSide::Buy);
    }

    #[test]
    fn other_streams_say_nothing() {
        for frame in [
            r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":1,"u":2,"b":[["61737.63","0"]],"a":[]}}"#,
            r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63","B":"3.7","a":"61837.64","A":"1.5"}}"#,
            r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"BTCUSDT","a":6,"p":"5","q":"1","f":1,"l":1,"T":1,"m":false,"M":true}}"#,
            r#"{"stream":"BTCUSDT_C@TRADE_ALL","data":{"e":"trade_all","E":1,"s":"BTCUSDT_C","t":[{"t":"315"}]}}"#,
            r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker"}]}"#,
            r#"[{"e":"24hrTicker","s":"ETHBTC"}]"#,
            r#"{"u":400900217,"s":"BNBUSDT","b":"25.3","B":"31.2","a":"25.4","A":"40.6"}"#,
            r#"{"lastUpdateId":160,"bids":[],"asks":[]}"#,
        ] {
            assert_eq!(decode(frame), Ok(Vec::new()), "{frame}");
        }
    }

    #[test]
    fn futures_are_refused_by_name() {
        for order_type in ["MARKET", "INSURANCE_FUND", "ADL", "NA"] {
            let price = if order_type == "NA" { "0" } else { "61837.63" };
            let raw = format!(
                r#"{{"e":"trade","E":1723161255343,"T":1723161255342,"s":"BTCUSDT","t":3735683259,"p":"{price}","q":"0.020","X":"{order_type}","m":true}}"#
            );
            let combined = format!(r#"{{"stream":"btcusdt@trade","data":{raw}}}"#);
            for frame in [raw, combined] {
                let error = decode(&frame).unwrap_err();
                assert_eq!(error.reason(), "not_spot", "{error}");
                assert!(error.to_string().contains("BTCUSDT"), "{error}");
                assert!(error.to_string().contains(order_type), "{error}");
            }
        }
    }

    #[test]
    fn streams_are_named_as_the_venue_names_them() {
        let stream = |frame: &str| Decoder::default().stream(frame);
        for (frame, name) in [
            (
                r#"{"stream": "btcusdt@aggTrade", "data": {"e": "aggTrade"}}"#,
                Some("aggTrade"),
            ),
            (
                r#"{"stream":"btcusdt@depth@100ms","data":{}}"#,
                Some("depth@100ms"),
            ),
            (r#"{"e":"24hrTicker","s":"ETHBTC"}"#, Some("24hrTicker")),
            (r#"{"u":400900217,"s":"BNBUSDT"}"#, None),
        ] {
            assert_eq!(stream(frame).as_deref(), name, "{frame}");
        }
    }

    #[test]
    fn answers_to_requests() {
        assert_eq!(
            decode(r#"{"result":null,"id":1}"#).unwrap(),
            [VenueEvent::Subscribed(Scope::Request(1))]
        );
        let refused = VenueEvent::Refused {
            scope: Some(Scope::Request(4)),
            reason: "Invalid request: missing field `method` (code 2)".into(),
        };
        for frame in [
            r#"{"error":{"code":2,"msg":"Invalid request: missing field `method`"},"id":4}"#,
            r#"{"code":2,"msg":"Invalid request: missing field `method`","id":4}"#,
        ] {
            assert_eq!(
                decode(frame).unwrap()[..],
                *std::slice::from_ref(&refused),
                "{frame}"
            );
        }
        for frame in [
            r#"{"code":-1003,"msg":"Too many requests"}"#,
            r#"{"error":{"code":3,"msg":"Invalid JSON"}}"#,
        ] {
            let events = decode(frame).unwrap();
            assert!(
                matches!(events[..], [VenueEvent::Complaint(_)]),
                "{events:?}"
            );
        }
    }

    #[test]
    fn a_shutdown_is_announced_raw_and_combined() {
        for frame in [
            r#"{"e":"serverShutdown","E":1770123456789}"#,
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#,
        ] {
            assert_eq!(decode(frame).unwrap(), [VenueEvent::Closing], "{frame}");
        }
    }

    #[test]
    fn impossible_values_are_told_from_malformed_frames() {
        let with = |from: &str, to: &str| {
            assert!(COMBINED.contains(from));
            decode(&COMBINED.replace(from, to)).unwrap_err().reason()
        };
        assert_eq!(with("61837.63000000", "-1"), "impossible_value");
        assert_eq!(with("61837.63000000", "0.00000000"), "impossible_value");
        assert_eq!(with("0.02000000", "0"), "impossible_value");
        assert_eq!(with("0.02000000", "NaN"), "impossible_value");
        assert_eq!(with("3735683259", "-3735683259"), "impossible_value");
        assert_eq!(with("3735683259", "1e99"), "impossible_value");
        assert_eq!(
            with("1723161255342", "99999999999999999999"),
            "impossible_value"
        );
        assert_eq!(with("\"BTCUSDT\"", "\"BTC USDT\""), "impossible_value");
        assert_eq!(with("\"BTCUSDT\"", "\"btcusdt\""), "impossible_value");
        assert_eq!(with("\"m\":true", "\"m\":1"), "malformed");
        assert_eq!(with("\"p\":\"61837.63000000\",", ""), "malformed");
        assert_eq!(with("}}", "}"), "malformed");
        assert_eq!(decode("").unwrap_err().reason(), "malformed");
        assert_eq!(decode("nonsense").unwrap_err().reason(), "malformed");
    }
}
