//! Who sends new series, and who floods: the clients of remote write, by address and program.

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

/// A request floods if one in so many of its samples is a new series'.
const FLOOD_SHARE: u64 = 8;
/// For so long after such a request its sender is taken to flood, ms.
const FLOOD_MS: i64 = 10_000;

/// A sender of remote write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Client {
    address: String,
    program: String,
    new_series: u64,
    last_ms: i64,
    /// When a request of it flooded last.
    flooded_ms: Option<i64>,
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

impl Client {
    fn is(&self, sender: &Sender) -> bool {
        self.address == sender.address && self.program == sender.program
    }

    fn add(&mut self, (new_series, samples): (u64, u64), now_ms: i64) {
        self.new_series += new_series;
        self.last_ms = now_ms;
        if new_series.saturating_mul(FLOOD_SHARE) >= samples {
            self.flooded_ms = Some(now_ms);
        }
    }
}

impl Clients {
    /// Counts the new series of a request, and how many samples it had. If there are too many clients,
    /// the new one takes the place and the count of the one with the fewest.
    pub(crate) fn sent(&self, sender: Sender, counts: (u64, u64), now_ms: i64) {
        let mut clients = self.0.lock();
        if let Some(client) = clients.iter_mut().find(|client| client.is(&sender)) {
            return client.add(counts, now_ms);
        }
        let Sender { address, program } = sender;
        let mut client =
            Client { address, program, new_series: 0, last_ms: now_ms, flooded_ms: None };
        client.add(counts, now_ms);
        if clients.len() < MOST {
            clients.push(client);
        } else if let Some(least) = clients.iter_mut().min_by_key(|client| client.new_series) {
            client.new_series += least.new_series;
            *least = client;
        }
    }

    /// Whether a sender's requests are mostly of new series.
    pub(crate) fn is_flooding(&self, sender: &Sender, now_ms: i64) -> bool {
        let clients = self.0.lock();
        let flooded = clients.iter().find(|client| client.is(sender)).and_then(|c| c.flooded_ms);
        flooded.is_some_and(|at| (0..FLOOD_MS).contains(&(now_ms - at)))
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
            clients.sent(sender("busy".to_owned()), (500, 500), 0);
        }
        (0..1000).for_each(|i| clients.sent(sender(i.to_string()), (1, 1), 1000));
        let told = clients.value(2);
        assert_eq!(told[0]["address"], "busy");
        assert_eq!(
            (&told[0]["newSeries"], &told[0]["last"]),
            (&json!(1500), &json!("1970-01-01T00:00:00Z"))
        );
        assert_eq!(clients.0.lock().len(), MOST);
    }

    #[test]
    fn who_sends_mostly_new_series_floods_for_a_while() {
        let clients = Clients::default();
        let sender = |address: &str| Sender { address: address.to_owned(), ..Sender::default() };
        clients.sent(sender("churn"), (10, 1000), 0);
        clients.sent(sender("flood"), (1000, 1000), 0);
        clients.sent(sender("flood"), (1, 1000), 5000);
        let floods = |address, now| clients.is_flooding(&sender(address), now);
        assert!(floods("flood", 0) && floods("flood", FLOOD_MS - 1));
        assert!(!floods("flood", FLOOD_MS) && !floods("churn", 0) && !floods("nobody", 0));
        assert!(!floods("flood", -1), "the clock went back");
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
