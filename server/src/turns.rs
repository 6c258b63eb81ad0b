//! Places for queries, given to clients in turns.
//!
//! A queue that serves whoever came first lets one dashboard with a hundred slow panels keep
//! everybody else out. Here each client has a queue of its own; a place that becomes free goes to
//! the next client in turn, and no client has more than three quarters of the places at a time, so
//! that there is nearly always one for somebody else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

/// Queries that may wait, whoever asks: the headers that tell users apart can be anything.
const MOST_WAITING: usize = 1000;

/// Who asks.
pub(crate) type Client = Arc<str>;

/// The places, and who waits for one.
#[derive(Debug)]
pub(crate) struct Turns {
    places: usize,
    /// Places that one client may have.
    share: usize,
    state: Mutex<State>,
    /// Told when all places have become free.
    rest: Notify,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// Too many wait already.
    Full,
    /// The server stops.
    Closed,
}

#[derive(Debug)]
struct State {
    is_closed: bool,
    free: usize,
    clients: HashMap<Client, Queue>,
    /// The clients that wait, the next one first.
    ring: VecDeque<Client>,
}

/// A client's queries.
#[derive(Debug, Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A place; given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    turns: Arc<Turns>,
    client: Client,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.turns.free(&self.client);
    }
}

impl Turns {
    /// So many places, at least one.
    pub(crate) fn new(places: usize) -> Self {
        let state = State {
            is_closed: false,
            free: places,
            clients: HashMap::new(),
            ring: VecDeque::new(),
        };
        Self {
            places,
            share: (places * 3 / 4).max(1),
            state: Mutex::new(state),
            rest: Notify::new(),
        }
    }

    /// Waits until no query runs, no longer than `patience`.
    pub(crate) async fn wait_for_rest(&self, patience: Duration) {
        // Made before the look, so that no rest between the two is missed.
        let rest = self.rest.notified();
        if self.state.lock().free < self.places {
            drop(tokio::time::timeout(patience, rest).await);
        }
    }

    /// Waits for a place. Who stops waiting loses nobody's turn.
    pub(crate) async fn wait(self: &Arc<Self>, client: &Client) -> Result<Place, NoPlace> {
        let place = self.queue(client)?;
        place.await.map_err(|_| NoPlace::Closed)
    }

    /// From now on there are no places: who waits is sent away.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.clients.values_mut().for_each(|queue| queue.waiting.clear());
        state.clients.retain(|_, queue| queue.running > 0);
        state.ring.clear();
    }

    fn queue(self: &Arc<Self>, client: &Client) -> Result<oneshot::Receiver<Place>, NoPlace> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        state.admit()?;
        let queue = state.clients.entry(Arc::clone(client)).or_default();
        queue.waiting.push_back(sender);
        if queue.waiting.len() == 1 {
            state.ring.push_back(Arc::clone(client));
        }
        let granted = state.grant(self.share);
        drop(state);
        self.hand_out(granted);
        Ok(receiver)
    }

    fn free(self: &Arc<Self>, client: &Client) {
        let mut state = self.state.lock();
        state.free += 1;
        if let Some(queue) = state.clients.get_mut(client) {
            queue.running -= 1;
            if queue.running == 0 && queue.waiting.is_empty() {
                state.clients.remove(client);
            }
        }
        let granted = state.grant(self.share);
        let rests = state.free == self.places;
        drop(state);
        self.hand_out(granted);
        if rests {
            self.rest.notify_waiters();
        }
    }

    /// Without the lock, because a place whose receiver is gone comes back at once.
    fn hand_out(self: &Arc<Self>, granted: Vec<(Client, oneshot::Sender<Place>)>) {
        for (client, sender) in granted {
            drop(sender.send(Place { turns: Arc::clone(self), client }));
        }
    }
}

impl State {
    /// Whether one more may wait.
    fn admit(&mut self) -> Result<(), NoPlace> {
        if self.is_closed {
            return Err(NoPlace::Closed);
        }
        if self.waiting() >= MOST_WAITING {
            // Who has gone is only taken out when its turn comes.
            let queues = self.clients.values_mut();
            queues.for_each(|queue| queue.waiting.retain(|sender| !sender.is_closed()));
            self.clients.retain(|_, queue| queue.running > 0 || !queue.waiting.is_empty());
            let Self { clients, ring, .. } = self;
            ring.retain(|client| {
                clients.get(client).is_some_and(|queue| !queue.waiting.is_empty())
            });
        }
        if self.waiting() >= MOST_WAITING { Err(NoPlace::Full) } else { Ok(()) }
    }

    fn waiting(&self) -> usize {
        self.ring
            .iter()
            .filter_map(|client| self.clients.get(client))
            .map(|q| q.waiting.len())
            .sum()
    }

    /// Gives free places to those whose turn it is.
    fn grant(&mut self, share: usize) -> Vec<(Client, oneshot::Sender<Place>)> {
        let mut granted = Vec::new();
        let mut full = 0;
        while self.free > 0 && full < self.ring.len() {
            let Some(client) = self.ring.pop_front() else { break };
            let Some(queue) = self.clients.get_mut(&client) else { continue };
            if queue.running >= share {
                full += 1;
                self.ring.push_back(client);
                continue;
            }
            if let Some(sender) = queue.next() {
                queue.running += 1;
                self.free -= 1;
                granted.push((Arc::clone(&client), sender));
            }
            if !queue.waiting.is_empty() {
                self.ring.push_back(client);
            } else if queue.running == 0 {
                self.clients.remove(&client);
            }
        }
        granted
    }
}

impl Queue {
    /// The next one that still waits.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|sender| !sender.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Waiting = oneshot::Receiver<Place>;

    fn client(name: &str) -> Client {
        name.into()
    }

    fn queue(turns: &Arc<Turns>, client: &Client) -> Waiting {
        turns.queue(client).unwrap()
    }

    fn got(waiting: &mut Waiting) -> Option<Place> {
        waiting.try_recv().ok()
    }

    #[test]
    fn places_go_round_by_client() {
        let turns = Arc::new(Turns::new(1));
        let (a, b) = (client("a"), client("b"));
        let running = got(&mut queue(&turns, &a)).unwrap();
        let mut of_a: Vec<Waiting> = (0..3).map(|_| queue(&turns, &a)).collect();
        let mut of_b = queue(&turns, &b);
        drop(running);
        let first = got(&mut of_a[0]).unwrap();
        assert!(got(&mut of_b).is_none());
        drop(first);
        let second = got(&mut of_b).expect("the other client's turn");
        assert!(got(&mut of_a[1]).is_none());
        drop(second);
        assert!(got(&mut of_a[1]).is_some());
        assert!(got(&mut of_a[2]).is_some());
        assert!(turns.state.lock().clients.is_empty());
    }

    #[test]
    fn one_client_does_not_get_all_places() {
        let turns = Arc::new(Turns::new(4));
        let (a, b) = (client("a"), client("b"));
        let mut of_a: Vec<Waiting> = (0..4).map(|_| queue(&turns, &a)).collect();
        let running: Vec<_> = of_a.iter_mut().filter_map(got).collect();
        assert_eq!(running.len(), 3);
        assert!(got(&mut queue(&turns, &b)).is_some());
        drop(running);
        assert!(got(&mut of_a[3]).is_some());
    }

    #[test]
    fn who_stops_waiting_costs_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let a = client("a");
        let running = got(&mut queue(&turns, &a)).unwrap();
        let left = queue(&turns, &a);
        let mut stays = queue(&turns, &a);
        drop(left);
        drop(running);
        assert!(got(&mut stays).is_some());
        assert_eq!(turns.state.lock().free, 1);
    }

    #[tokio::test]
    async fn so_many_wait_and_no_more() {
        let turns = Arc::new(Turns::new(1));
        let a = client("a");
        let running = got(&mut queue(&turns, &a)).unwrap();
        let mut waiting: Vec<Waiting> =
            (0..MOST_WAITING).map(|i| queue(&turns, &client(&i.to_string()))).collect();
        assert_eq!(turns.wait(&a).await.unwrap_err(), NoPlace::Full);
        // One of them goes.
        waiting.pop();
        waiting.push(queue(&turns, &a));
        assert_eq!(turns.wait(&a).await.unwrap_err(), NoPlace::Full);
        drop(running);
        assert!(got(&mut waiting[0]).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn rest_is_when_no_query_runs() {
        const LONG: Duration = Duration::from_hours(1);
        let turns = Arc::new(Turns::new(2));
        let waited = |since: tokio::time::Instant| since.elapsed();
        let begun = tokio::time::Instant::now();
        turns.wait_for_rest(LONG).await;
        assert_eq!(waited(begun), Duration::ZERO);

        let (a, b) = (client("a"), client("b"));
        let (first, second) = (turns.wait(&a).await.unwrap(), turns.wait(&b).await.unwrap());
        let mut rest = Box::pin(turns.wait_for_rest(LONG));
        drop(first);
        tokio::select! {
            () = &mut rest => panic!("the second still runs"),
            () = tokio::time::sleep(Duration::from_secs(1)) => drop(second),
        }
        rest.await;
        assert_eq!(waited(begun), Duration::from_secs(1));

        let _third = turns.wait(&a).await.unwrap();
        turns.wait_for_rest(Duration::from_secs(2)).await;
        assert_eq!(waited(begun), Duration::from_secs(3));
    }

    #[tokio::test]
    async fn at_the_end_who_waits_is_sent_away() {
        let turns = Arc::new(Turns::new(1));
        let a = client("a");
        let running = got(&mut queue(&turns, &a)).unwrap();
        let waiting = queue(&turns, &a);
        turns.close();
        assert!(waiting.await.is_err());
        assert_eq!(turns.wait(&a).await.unwrap_err(), NoPlace::Closed);
        drop(running);
        assert!(turns.state.lock().clients.is_empty());
    }
}
