//! Coinbase frames, of Exchange and of Advanced Trade, to venue events.

use super::messages::{
    AdvancedMarks, AdvancedSubscriptions, Envelope, Failure, Heartbeat, MarketTrades,
    Subscriptions, TradePayload, UsualMarketTrades, UsualTrade,
};
use crate::market::{Symbol, TakerSide, Trade, TradeId};
use crate::venues::opening::first_member;
use crate::venues::protocol::{DecodeError, FrameDecoder, Scope, VenueEvent, shorten};
use crate::venues::scalar::{self, Scalar};
use crate::venues::symbols::Symbols;

/// Decodes both protocols: a frame's shape tells which.
pub(super) struct Decoder {
    symbols: Symbols,
    /// Trades of the frame at hand, to be sorted.
    batch: Vec<(Symbol, Trade)>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            symbols: Symbols::new(spot),
            batch: Vec::new(),
        }
    }
}

/// Advanced trades futures too: `BIT-26APR24-CDE`, `BTC-PERP-INTX`. Spot is `BASE-QUOTE`.
fn spot(product: &Symbol) -> Result<(), DecodeError> {
    match product.as_str().split_once('-') {
        Some((_, quote)) if quote.contains('-') || quote == "PERP" => Err(DecodeError::not_spot(
            format_args!("{product} is a future of coinbase's"),
        )),
        _ => Ok(()),
    }
}

impl FrameDecoder for Decoder {
    fn decode(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        // Nearly every frame is a trade, and its first member says so: those are parsed once.
        // Whatever is not quite as usual takes the general way, which also says what is wrong.
        match first_member(frame) {
            Some(("type", "match")) => {
                if let Ok(usual) = serde_json::from_str(frame) {
                    let (symbol, trade) = self.usual_trade::<TradeId>(&usual, |id| Ok(*id))?;
                    events.push(VenueEvent::Trade { symbol, trade });
                    return Ok(());
                }
            }
            Some(("channel", "market_trades")) => {
                if let Ok(usual) = serde_json::from_str(frame) {
                    return self.usual_market_trades(&usual, events);
                }
            }
            _ => {}
        }
        self.general(frame, events)
    }

    fn stream(&self, frame: &str) -> Option<String> {
        let envelope: Envelope<'_> = parse(frame).ok()?;
        // Kraken's frames have a channel, too.
        if envelope.channel.is_some() && !parse::<AdvancedMarks>(frame).ok()?.any() {
            return None;
        }
        let name = envelope.channel.or(envelope.kind)?.text().ok()?;
        Some(shorten(match &*name {
            "market_trades" => "market_trades snapshot",
            other => other,
        }))
    }
}

impl Decoder {
    fn general(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        let envelope: Envelope<'_> = parse(frame)?;
        if let Some(channel) = envelope.channel {
            return match &*channel.text()? {
                "market_trades" => self.market_trades(frame, events),
                // Advanced, channels: one a second, for the connection as a whole.
                "heartbeats" => {
                    events.push(VenueEvent::Heartbeat(None));
                    Ok(())
                }
                "subscriptions" => self.advanced_subscriptions(frame, events),
                _ => Ok(()),
            };
        }
        let Some(kind) = envelope.kind else {
            return Err(DecodeError::malformed("a frame without type and channel"));
        };
        match &*kind.text()? {
            "match" => {
                let (symbol, trade) = self.trade(&parse(frame)?)?;
                events.push(VenueEvent::Trade { symbol, trade });
            }
            "heartbeat" => events.push(self.heartbeat(frame)?),
            "subscriptions" => self.subscriptions(frame, events)?,
            "error" => events.push(self.error(frame)?),
            // `last_match` is a trade from before the subscription: counting it would double it
            // after a reconnect. Exchange, overview: unknown types are to be ignored.
            _ => {}
        }
        Ok(())
    }

    fn trade(&mut self, payload: &TradePayload<'_>) -> Result<(Symbol, Trade), DecodeError> {
        let (product_id, side) = (payload.product_id.text()?, payload.side.text()?);
        let (price, size, time) = (
            payload.price.text()?,
            payload.size.text()?,
            payload.time.text()?,
        );
        let usual = UsualTrade {
            product_id: &product_id,
            trade_id: payload.trade_id,
            price: &price,
            size: &size,
            time: &time,
            side: &side,
        };
        self.usual_trade(&usual, |id| id.trade_id())
    }

    fn usual_trade<I>(
        &mut self,
        usual: &UsualTrade<'_, I>,
        id: impl FnOnce(&I) -> Result<TradeId, DecodeError>,
    ) -> Result<(Symbol, Trade), DecodeError> {
        let maker = if usual.side.eq_ignore_ascii_case("buy") {
            TakerSide::Buy
        } else if usual.side.eq_ignore_ascii_case("sell") {
            TakerSide::Sell
        } else {
            return Err(DecodeError::impossible(format_args!(
                "side {:?}",
                usual.side
            )));
        };
        let symbol = self.symbols.get(usual.product_id)?;
        let trade = Trade {
            id: id(&usual.trade_id)?,
            time: scalar::rfc3339(usual.time)?,
            price: scalar::price(usual.price)?,
            quantity: scalar::quantity(usual.size)?,
            // Exchange, channels, `match`: "The side field indicates the maker order side"; Advanced
            // documents the same of `market_trades`. Recorded: of 97 matches all have the side
            // opposite to the ticker's, which is the taker's.
            taker: maker.opposite(),
        };
        Ok((symbol, trade))
    }

    fn heartbeat(&mut self, frame: &str) -> Result<VenueEvent, DecodeError> {
        let heartbeat: Heartbeat<'_> = parse(frame)?;
        let Some(last) = heartbeat.last_trade_id else {
            return Ok(VenueEvent::Heartbeat(None));
        };
        let symbol = self.symbols.get(&heartbeat.product_id.text()?)?;
        let last = last.trade_id()?;
        // 0 is a product that never traded.
        Ok(VenueEvent::Heartbeat(
            (last.0 > 0).then_some((symbol, last)),
        ))
    }

    fn subscriptions(
        &mut self,
        frame: &str,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let subscriptions: Subscriptions<'_> = parse(frame)?;
        let products = subscriptions
            .channels
            .iter()
            .filter(|channel| channel.name.is("matches"))
            .flat_map(|channel| &channel.product_ids);
        self.acknowledge(products, events)
    }

    fn advanced_subscriptions(
        &mut self,
        frame: &str,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let subscriptions: AdvancedSubscriptions<'_> = parse(frame)?;
        let products = subscriptions
            .events
            .iter()
            .flat_map(|event| &event.subscriptions.market_trades);
        self.acknowledge(products, events)
    }

    fn acknowledge<'a>(
        &mut self,
        products: impl Iterator<Item = &'a Scalar<'a>>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let symbols = products
            .map(|product| self.symbols.get(&product.text()?))
            .collect::<Result<Vec<_>, _>>()?;
        if !symbols.is_empty() {
            events.push(VenueEvent::Subscribed(Scope::Symbols(symbols)));
        }
        Ok(())
    }

    /// `{"type":"error","message":"Failed to subscribe","reason":"X-USD is not a valid product"}`.
    fn error(&mut self, frame: &str) -> Result<VenueEvent, DecodeError> {
        let failure: Failure<'_> = parse(frame)?;
        let text = |words: Option<Scalar<'_>>| -> Result<String, DecodeError> {
            Ok(words.map_or(Ok("".into()), Scalar::text)?.into_owned())
        };
        let (message, reason) = (text(failure.message)?, text(failure.reason)?);
        let words = match (message.as_str(), reason.as_str()) {
            ("", "") => "an error without words".to_owned(),
            (one, "") | ("", one) => shorten(one),
            (message, reason) => shorten(&format!("{message}: {reason}")),
        };
        if !message.to_ascii_lowercase().contains("subscribe") {
            return Ok(VenueEvent::Complaint(words));
        }
        let symbol = reason
            .split_ascii_whitespace()
            .next()
            .filter(|product| product.contains('-'))
            .and_then(|product| Symbol::new(product).ok());
        Ok(VenueEvent::Refused {
            scope: symbol.map(|symbol| Scope::Symbols(vec![symbol])),
            reason: words,
        })
    }

    fn market_trades(
        &mut self,
        frame: &str,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let message: MarketTrades<'_> = parse(frame)?;
        // Advanced, market trades: the first event is a `snapshot` of trades from before.
        let updates = message.events.iter().filter(|e| e.kind.is("update"));
        let trades = updates.flat_map(|event| &event.trades);
        self.sorted(trades, events, |decoder, trade| {
            parse(trade.get()).and_then(|payload| decoder.trade(&payload))
        })
    }

    fn usual_market_trades(
        &mut self,
        message: &UsualMarketTrades<'_>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(), DecodeError> {
        let updates = message.events.iter().filter(|e| e.kind == "update");
        let trades = updates.flat_map(|event| event.trades.iter());
        self.sorted(trades, events, |decoder, trade| {
            decoder.usual_trade(trade, |id| scalar::trade_id(id))
        })
    }

    /// The good ones of these trades in the order of their numbers: recorded frames have them newest
    /// first and oldest first.
    fn sorted<T>(
        &mut self,
        trades: impl Iterator<Item = T>,
        events: &mut Vec<VenueEvent>,
        mut decode: impl FnMut(&mut Self, T) -> Result<(Symbol, Trade), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut first_error = None;
        self.batch.clear();
        for trade in trades {
            match decode(self, trade) {
                Ok(trade) => self.batch.push(trade),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        self.batch.sort_by_key(|(_, trade)| trade.id);
        events.extend(
            self.batch
                .drain(..)
                .map(|(symbol, trade)| VenueEvent::Trade { symbol, trade }),
        );
        first_error.map_or(Ok(()), Err)
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(DecodeError::malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::TradeId;

    const MATCH: &str = r#"{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"985","price":"0.00001305","product_id":"SKL-BTC","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}"#;
    const UPDATE: &str = r#"{"channel":"market_trades","client_id":"","timestamp":"2024-10-04T07:13:31.158696693Z","sequence_num":2,"events":[{"type":"update","trades":[{"product_id":"ETH-USDT","trade_id":"22381691","price":"2375.56","size":"0.5","time":"2024-10-04T07:13:31.088388Z","side":"BUY"},{"product_id":"ETH-USDT","trade_id":"22381690","price":"2375.56","size":"0.5","time":"2024-10-04T07:13:31.084859Z","side":"BUY"}]}]}"#;

    fn decode(frame: &str) -> Result<Vec<VenueEvent>, DecodeError> {
        let mut events = Vec::new();
        Decoder::default().decode(frame, &mut events)?;
        Ok(events)
    }

    fn symbol(text: &str) -> Symbol {
        Symbol::new(text).unwrap()
    }

    #[test]
    fn a_match_has_the_makers_side() {
        let events = decode(MATCH).unwrap();
        let [VenueEvent::Trade { symbol, trade }] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(symbol.as_str(), "SKL-BTC");
        assert_eq!(trade.id, TradeId(280_232));
        assert_eq!(trade.price.to_string(), "0.00001305");
        assert_eq!(trade.quantity.to_string(), "985");
        assert_eq!(trade.time.to_string(), "2021-04-17T16:43:37.089723Z");
        assert_eq!(trade.taker, TakerSide::Buy, "the maker sold");
    }

    #[test]
    fn what_is_no_new_trade_says_nothing() {
        for frame in [
            MATCH.replace(r#""match""#, r#""last_match""#).as_str(),
            r#"{"type":"ticker","sequence":1,"product_id":"BAND-GBP","price":"14.7","side":"buy","time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}"#,
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","37378.26","0.02"]],"time":"2021-06-02T09:02:09.048568Z"}"#,
            r#"{"type":"brand_new_thing"}"#,
            r#"{"channel":"l2_data","events":[]}"#,
            UPDATE.replace(r#""update""#, r#""snapshot""#).as_str(),
        ] {
            assert_eq!(decode(frame), Ok(Vec::new()), "{frame}");
        }
    }

    #[test]
    fn heartbeats_carry_the_newest_trade() {
        let frame = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#;
        assert_eq!(
            decode(frame).unwrap(),
            [VenueEvent::Heartbeat(Some((
                symbol("BTC-USD"),
                TradeId(20)
            )))]
        );
        assert_eq!(
            decode(&frame.replace(":20,", ":0,")).unwrap(),
            [VenueEvent::Heartbeat(None)]
        );
        for counter in ["21697", "\"3049\""] {
            let frame = format!(
                r#"{{"channel":"heartbeats","client_id":"","timestamp":"2026-09-30T02:37:15.057895263Z","sequence_num":3,"events":[{{"current_time":"2026-09-30 02:37:15.057778606 +0000 UTC m=+21697.195984854","heartbeat_counter":{counter}}}]}}"#
            );
            assert_eq!(decode(&frame).unwrap(), [VenueEvent::Heartbeat(None)]);
        }
    }

    #[test]
    fn only_the_trade_channel_acknowledges() {
        assert_eq!(
            decode(r#"{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["NU-GBP"]},{"name":"matches","product_ids":["SKL-BTC","DASH-BTC"],"account_ids":null}]}"#).unwrap(),
            [VenueEvent::Subscribed(Scope::Symbols(vec![symbol("SKL-BTC"), symbol("DASH-BTC")]))]
        );
        assert_eq!(
            decode(
                r#"{"type":"subscriptions","channels":[{"name":"heartbeat","product_ids":["NU-GBP"]}]}"#
            ),
            Ok(Vec::new())
        );
        assert_eq!(
            decode(r#"{"channel":"subscriptions","client_id":"","timestamp":"2024-10-04T07:13:08.600625889Z","sequence_num":1,"events":[{"subscriptions":{"market_trades":["ETH-USDT"]}}]}"#).unwrap(),
            [VenueEvent::Subscribed(Scope::Symbols(vec![symbol("ETH-USDT")]))]
        );
        assert_eq!(
            decode(
                r#"{"channel":"subscriptions","events":[{"subscriptions":{"heartbeats":["heartbeats"]}}]}"#
            ),
            Ok(Vec::new())
        );
    }

    #[test]
    fn refusals_name_the_product_where_the_venue_does() {
        assert_eq!(
            decode(r#"{"type":"error","message":"Failed to subscribe","reason":"ABC-USD is not a valid product"}"#).unwrap(),
            [VenueEvent::Refused {
                scope: Some(Scope::Symbols(vec![symbol("ABC-USD")])),
                reason: "Failed to subscribe: ABC-USD is not a valid product".into(),
            }]
        );
        assert_eq!(
            decode(r#"{"type":"error","message":"rate limit exceeded"}"#).unwrap(),
            [VenueEvent::Complaint("rate limit exceeded".into())]
        );
    }

    #[test]
    fn advanced_updates_are_sorted_and_one_bad_trade_loses_no_other() {
        let ids = |events: &[VenueEvent]| -> Vec<u64> {
            events
                .iter()
                .map(|event| match event {
                    VenueEvent::Trade { trade, .. } => {
                        assert_eq!(trade.taker, TakerSide::Sell, "the maker bought");
                        trade.id.0
                    }
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(ids(&decode(UPDATE).unwrap()), [22_381_690, 22_381_691]);

        for bad in [
            r#"{"product_id":"ETH-USDT","trade_id":"22381691","price":"-1","#,
            r#"{"product_id":"ETH-USDT","trade_id":"22381691","price":null,"#,
            r#"{"product_id":"ETH-USDT","trade_id":[],"price":"1","#,
        ] {
            let frame = UPDATE.replace(
                r#"{"product_id":"ETH-USDT","trade_id":"22381691","price":"2375.56","#,
                bad,
            );
            assert_ne!(frame, UPDATE);
            let mut events = Vec::new();
            Decoder::default().decode(&frame, &mut events).unwrap_err();
            assert_eq!(ids(&events), [22_381_690], "{bad}");
        }
    }

    #[test]
    fn the_usual_and_the_general_way_are_the_same() {
        // A member in front sends the same frame the general way.
        for frame in [
            MATCH.to_owned(),
            MATCH.replace(",\"", " , \"").replace("\":", "\" : "),
            UPDATE.to_owned(),
            UPDATE.replace("22381691", "7"),
        ] {
            let general = frame.replacen('{', "{\"new\":0,", 1);
            assert_eq!(decode(&frame), decode(&general), "{frame}");
            assert!(decode(&frame).is_ok_and(|events| !events.is_empty()));
        }
        for (from, to) in [("985", "-1"), ("985", "x"), ("\"sell\"", "\"s\\u0065ll\"")] {
            let frame = MATCH.replace(from, to);
            let general = frame.replacen('{', "{\"new\":0,", 1);
            assert_eq!(decode(&frame), decode(&general), "{frame}");
        }
    }

    #[test]
    fn futures_are_refused_by_name() {
        for product in ["BIT-26APR24-CDE", "BTC-PERP-INTX", "BTC-PERP"] {
            for frame in [
                MATCH.replace("SKL-BTC", product),
                UPDATE.replace("ETH-USDT", product),
            ] {
                let error = decode(&frame).unwrap_err();
                assert_eq!(error.reason(), "not_spot", "{error}");
                assert!(error.to_string().contains(product), "{error}");
            }
        }
    }

    #[test]
    fn streams_are_named_as_the_venue_names_them() {
        let stream = |frame: &str| Decoder::default().stream(frame);
        for (frame, name) in [
            (r#"{"type":"ticker"}"#, Some("ticker")),
            (r#"{"channel":"l2_data","events":[]}"#, Some("l2_data")),
            (
                r#"{"channel":"market_trades","events":[]}"#,
                Some("market_trades snapshot"),
            ),
            ("{}", None),
            ("nonsense", None),
        ] {
            assert_eq!(stream(frame).as_deref(), name, "{frame}");
        }
    }

    #[test]
    fn impossible_values_are_told_from_malformed_frames() {
        let with = |from: &str, to: &str| {
            assert!(MATCH.contains(from));
            decode(&MATCH.replace(from, to)).unwrap_err().reason()
        };
        assert_eq!(with("\"985\"", "\"0\""), "impossible_value");
        assert_eq!(with("280232", "-1"), "impossible_value");
        assert_eq!(with("\"sell\"", "\"both\""), "impossible_value");
        assert_eq!(with("2021-04-17T", "yesterday "), "impossible_value");
        assert_eq!(with("\"size\"", "\"sizes\""), "malformed");
        assert_eq!(with("}", ""), "malformed");
        assert_eq!(decode("[]").unwrap_err().reason(), "malformed");
        assert_eq!(decode("{}").unwrap_err().reason(), "malformed");
    }
}
