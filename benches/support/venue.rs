//! A socket that speaks Binance's protocol and sends trades.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

/// Trades a second.
const RATE: u64 = 10_000;

pub(crate) const INSTRUMENTS: [&str; 10] = [
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "LINKUSDT",
    "AVAXUSDT", "DOTUSDT",
];

/// Sends `RATE` trades a second to whoever subscribes, for the duration.
pub(crate) async fn serve_venue(
    listener: TcpListener,
    mut started: oneshot::Receiver<()>,
    duration: Duration,
) {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut venue = tokio_tungstenite::accept_async(stream).await.unwrap();
    // One or more SUBSCRIBE messages; each is acknowledged.
    let mut subscribed = 0;
    while subscribed < INSTRUMENTS.len() {
        let Some(Ok(Message::Text(text))) = venue.next().await else {
            continue;
        };
        let request: serde_json::Value = serde_json::from_str(&text).unwrap();
        subscribed += request["params"].as_array().map_or(0, Vec::len);
        let answer = serde_json::json!({"result": null, "id": request["id"]}).to_string();
        venue.send(Message::text(answer)).await.unwrap();
    }
    // Until then its pings are answered.
    loop {
        tokio::select! {
            _ = &mut started => break,
            message = venue.next() => drop(message.unwrap().unwrap()),
        }
    }
    send(&mut venue, duration).await;
}

pub(crate) async fn send<S>(venue: &mut tokio_tungstenite::WebSocketStream<S>, duration: Duration)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let begun = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0;
    while begun.elapsed() < duration {
        every.tick().await;
        let due = (begun.elapsed().as_micros() as u64 * RATE) / 1_000_000;
        while sent < due {
            let symbol = INSTRUMENTS[sent as usize % INSTRUMENTS.len()];
            let id = sent / INSTRUMENTS.len() as u64 + 1;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let (millis, micros) = (now.as_millis(), now.as_micros());
            // The price carries the moment of sending.
            let frame = format!(
                r#"{{"stream":"{}@trade","data":{{"e":"trade","E":{millis},"s":"{symbol}","t":{id},"p":"{micros}","q":"0.01","T":{millis},"m":true,"M":true}}}}"#,
                symbol.to_lowercase()
            );
            venue.feed(Message::text(frame)).await.unwrap();
            sent += 1;
        }
        venue.flush().await.unwrap();
    }
}
