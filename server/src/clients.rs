//! Who sends new series: the clients of remote write, by address and program.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Most clients that are kept.
const MOST: usize = 200;
/// Most characters of an address or a program.
const LONGEST: usize = 100;

/// A sender of remote write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Client {
    address: String,
    program: String,
    new_series: u64,
    last_ms: i64,
}

/// Clients that have sent new series since the start.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<Vec<Client>>);

/// Who sent a request: the address (behind a proxy the one that it names), and the program.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    address: String,
    program: String,
}

/// The other end of a request's connection, if it is known.
#[derive(Debug)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(info.map(|info| info.0.ip())))
    }
}

impl Sender {
    pub(crate) fn new(headers: &HeaderMap, peer: Option<IpAddr>) -> Self {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let forwarded = text("x-forwarded-for").split(',').next().unwrap_or_default().trim();
        let address = match peer {
            _ if !forwarded.is_empty() => cut(forwarded),
            Some(peer) => peer.to_canonical().to_string(),
            None => String::new(),
        };
        Self { address, program: cut(text(header::USER_AGENT.as_str())) }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

impl Clients {
    /// Counts new series. If there are too many clients, the new one takes the place and the count
    /// of the one with the fewest.
    pub(crate) fn sent(&self, sender: Sender, new_series: u64, now_ms: i64) {
        let Sender { address, program } = sender;
        let mut clients = self.0.lock();
        let same = |c: &&mut Client| c.address == address && c.program == program;
        if let Some(client) = clients.iter_mut().find(same) {
            client.new_series += new_series;
            client.last_ms = now_ms;
            return;
        }
        let mut client = Client { address, program, new_series, last_ms: now_ms };
        if clients.len() < MOST {
            clients.push(client);
        } else if let Some(least) = clients.iter_mut().min_by_key(|client| client.new_series) {
            client.new_series += least.new_series;
            *least = client;
        }
    }

    /// The `top` clients with the most new series.
    pub(crate) fn value(&self, top: usize) -> Value {
        let mut clients = self.0.lock().clone();
        clients.sort_by_key(|client| std::cmp::Reverse(client.new_series));
        let value = |client: &Client| {
            let last = jiff::Timestamp::from_millisecond(client.last_ms).unwrap_or_default();
            json!({
                "address": client.address, "userAgent": client.program,
                "newSeries": client.new_series, "last": last.to_string(),
            })
        };
        clients.iter().take(top).map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_bounded_and_the_busiest_stay() {
        let clients = Clients::default();
        let sender = |address: String| Sender { address, program: "p".to_owned() };
        for _ in 0..3 {
            clients.sent(sender("busy".to_owned()), 500, 0);
        }
        (0..1000).for_each(|i| clients.sent(sender(i.to_string()), 1, 1000));
        let told = clients.value(2);
        assert_eq!(told[0]["address"], "busy");
        assert_eq!(
            (&told[0]["newSeries"], &told[0]["last"]),
            (&json!(1500), &json!("1970-01-01T00:00:00Z"))
        );
        assert_eq!(clients.0.lock().len(), MOST);
    }

    #[test]
    fn a_proxy_names_whom_it_speaks_for() {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, "Prometheus/3.5.0".parse().unwrap());
        let peer: IpAddr = "::ffff:10.0.0.7".parse().unwrap();
        assert_eq!(Sender::new(&headers, Some(peer)).address, "10.0.0.7");
        headers.insert("x-forwarded-for", "10.1.1.1, 10.2.2.2".parse().unwrap());
        let sender = Sender::new(&headers, Some(peer));
        assert_eq!(
            (sender.address.as_str(), sender.program.as_str()),
            ("10.1.1.1", "Prometheus/3.5.0")
        );
    }
}
