//! A socket that speaks Binance's protocol and sends trades.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
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
    // The program connects again when it has waited long enough for a trade.
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut venue = tokio_tungstenite::accept_async(stream).await.unwrap();
        if is_waited_for(&mut venue, &mut started).await {
            return send(&mut venue, duration).await;
        }
    }
}

/// Acknowledges subscriptions and answers pings until the start; false if the connection ended before.
async fn is_waited_for(
    venue: &mut tokio_tungstenite::WebSocketStream<TcpStream>,
    started: &mut oneshot::Receiver<()>,
) -> bool {
    let mut subscribed = 0;
    loop {
        let message = tokio::select! {
            _ = &mut *started, if subscribed >= INSTRUMENTS.len() => return true,
            message = venue.next() => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                let request: serde_json::Value = serde_json::from_str(&text).unwrap();
                subscribed += request["params"].as_array().map_or(0, Vec::len);
                let answer = serde_json::json!({"result": null, "id": request["id"]}).to_string();
                if venue.send(Message::text(answer)).await.is_err() {
                    return false;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return false,
        }
    }
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
