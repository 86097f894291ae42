//! Steps that channels share when they make a request.

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::Value;
use url::Url;

use crate::error::DeliveryError;
use crate::outbound::OutboundRequest;

/// A request with a body of JSON.
pub(crate) fn json(url: Url, body: Vec<u8>) -> OutboundRequest {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("Coinsphere"));
    OutboundRequest {
        url,
        headers,
        body: body.into(),
    }
}

/// A header's value that no log shows.
pub(crate) fn secret_header(text: &str) -> Result<HeaderValue, DeliveryError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        DeliveryError::Settings("the token contains characters that no header can have")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The server's URL with more segments in its path, whether it ends with a slash or not.
pub(crate) fn below(server: &Url, segments: &[&str]) -> Result<Url, DeliveryError> {
    let mut url = server.clone();
    url.set_query(None);
    url.path_segments_mut()
        .map_err(|()| DeliveryError::Settings("the server's URL cannot have a path"))?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

/// JSON as bytes.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
