//! The newest state of the open candle, which the store learns of later.

use coinsphere_actors::push::LiveCandle;

use super::SeriesRequest;
use crate::market::{Candles, SeriesCandle};

/// Puts the candle at the end of the page, if it belongs there.
pub(super) fn splice(live: LiveCandle, request: &SeriesRequest, page: &mut Candles) {
    let open_time = live.candle.open_time;
    let outside = request.from.is_some_and(|from| open_time < from)
        || request.to.is_some_and(|to| open_time >= to);
    if live.closed || outside || page.next.is_some() {
        return;
    }
    let live = SeriesCandle {
        candle: live.candle,
        revision: live.revision,
        open: true,
    };
    match page.candles.last_mut() {
        Some(last) if last.candle.open_time > open_time => return,
        Some(last) if last.candle.open_time == open_time => {
            if last.open && last.candle.trades <= live.candle.trades {
                *last = live;
            }
            return;
        }
        _ => {}
    }
    if page.candles.len() < request.limit {
        page.candles.push(live);
    } else if request.from.is_some() {
        page.next = Some(open_time);
    } else {
        page.candles.remove(0);
        page.candles.push(live);
        page.previous = page.candles.first().map(|first| first.candle.open_time);
    }
}
