//! Places for queries, given to clients in turns.
//!
//! A queue that serves whoever came first lets one dashboard with a hundred slow panels keep
//! everybody else out. Here each client has a queue of its own; a place that becomes free goes to
//! the next client in turn, and no client has more than three quarters of the places at a time, so
//! that there is nearly always one for somebody else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Who asks.
pub(crate) type Client = Arc<str>;

/// The places, and who waits for one.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Places that one client may have.
    share: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
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
        let state = State { free: places, clients: HashMap::new(), ring: VecDeque::new() };
        Self { share: (places * 3 / 4).max(1), state: Mutex::new(state) }
    }

    /// Waits for a place. Who stops waiting loses nobody's turn.
    pub(crate) async fn wait(self: &Arc<Self>, client: &Client) -> Option<Place> {
        let place = self.queue(client);
        place.await.ok()
    }

    fn queue(self: &Arc<Self>, client: &Client) -> oneshot::Receiver<Place> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        let queue = state.clients.entry(Arc::clone(client)).or_default();
        queue.waiting.push_back(sender);
        if queue.waiting.len() == 1 {
            state.ring.push_back(Arc::clone(client));
        }
        let granted = state.grant(self.share);
        drop(state);
        self.hand_out(granted);
        receiver
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
        drop(state);
        self.hand_out(granted);
    }

    /// Without the lock, because a place whose receiver is gone comes back at once.
    fn hand_out(self: &Arc<Self>, granted: Vec<(Client, oneshot::Sender<Place>)>) {
        for (client, sender) in granted {
            drop(sender.send(Place { turns: Arc::clone(self), client }));
        }
    }
}

impl State {
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

    fn got(waiting: &mut Waiting) -> Option<Place> {
        waiting.try_recv().ok()
    }

    #[test]
    fn places_go_round_by_client() {
        let turns = Arc::new(Turns::new(1));
        let (a, b) = (client("a"), client("b"));
        let running = got(&mut turns.queue(&a)).unwrap();
        let mut of_a: Vec<Waiting> = (0..3).map(|_| turns.queue(&a)).collect();
        let mut of_b = turns.queue(&b);
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
        let mut of_a: Vec<Waiting> = (0..4).map(|_| turns.queue(&a)).collect();
        let running: Vec<_> = of_a.iter_mut().filter_map(got).collect();
        assert_eq!(running.len(), 3);
        assert!(got(&mut turns.queue(&b)).is_some());
        drop(running);
        assert!(got(&mut of_a[3]).is_some());
    }

    #[test]
    fn who_stops_waiting_costs_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let a = client("a");
        let running = got(&mut turns.queue(&a)).unwrap();
        let left = turns.queue(&a);
        let mut stays = turns.queue(&a);
        drop(left);
        drop(running);
        assert!(got(&mut stays).is_some());
        assert_eq!(turns.state.lock().free, 1);
    }
}
