//! Who asks, and for which panel.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::turns::Client;

/// Who asks, as far as the request says.
#[derive(Debug)]
pub(crate) struct Asking {
    /// What has a turn of its own in the queue of queries: the address, and the user and the
    /// organisation that Grafana names.
    pub(crate) client: Client,
    /// The dashboard that Grafana names, and its panel.
    pub(crate) dashboard: String,
    pub(crate) panel: String,
}

impl Asking {
    fn new(address: Option<SocketAddr>, headers: &HeaderMap) -> Self {
        let text = |name: &str| -> String {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().chars().take(100).collect()
        };
        let mut client = address.map_or_else(String::new, |address| address.ip().to_string());
        for name in ["x-grafana-org-id", "x-grafana-user"] {
            let value = text(name);
            if !value.is_empty() {
                client.push('/');
                client.push_str(&value);
            }
        }
        let (dashboard, panel) = (text("x-dashboard-uid"), text("x-panel-id"));
        Self { client: client.into(), dashboard, panel }
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self::new(address.map(|info| info.0), &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_behind_one_address_are_told_apart() {
        let address = Some(SocketAddr::from(([10, 0, 0, 1], 4000)));
        let mut headers = HeaderMap::new();
        assert_eq!(&*Asking::new(address, &headers).client, "10.0.0.1");
        headers.insert("x-grafana-user", "ada".parse().unwrap());
        headers.insert("x-panel-id", "7".parse().unwrap());
        let asking = Asking::new(address, &headers);
        assert_eq!((&*asking.client, &*asking.panel), ("10.0.0.1/ada", "7"));
    }
}
