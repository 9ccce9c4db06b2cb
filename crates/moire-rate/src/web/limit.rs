use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Keys that are remembered at once; beyond it, those that have recovered are forgotten.
const REMEMBERED: usize = 100_000;

/// How often something may happen for each key: the generic cell rate algorithm, which allows `burst` at once and
/// then one each `every`.
struct Limit<K> {
    every: Duration,
    burst: u32,
    /// When the key's debt will be paid off.
    until: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> Limit<K> {
    fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst, until: Mutex::default() }
    }

    fn allows(&self, key: K, now: Instant) -> bool {
        let mut until = self.until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if until.len() >= REMEMBERED {
            until.retain(|_, at| *at > now);
            // Everything is in use: someone has very many addresses, and new ones wait.
            if until.len() >= REMEMBERED && !until.contains_key(&key) {
                return false;
            }
        }
        let at = until.entry(key).or_insert(now);
        let next = (*at).max(now) + self.every;
        let allowed = next <= now + self.every * self.burst;
        if allowed {
            *at = next;
        }
        allowed
    }
}

/// The limits of the server. None stands between a rater and an answer at a human pace, however many share one
/// address.
pub(super) struct Limits {
    /// Requests by one link.
    person: Limit<u64>,
    /// Requests by one address that led nowhere: unknown links, forged forms, wrong passwords.
    guess: Limit<IpAddr>,
    /// People who come by the open link from one address.
    join: Limit<IpAddr>,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            person: Limit::new(Duration::from_millis(40), 100),
            guess: Limit::new(Duration::from_secs(2), 30),
            join: Limit::new(Duration::from_secs(1), 120),
        }
    }

    pub(super) fn person(&self, token: &str) -> bool {
        use std::hash::{DefaultHasher, Hasher};
        // A hash with a fixed key is no secret: whoever makes tokens collide slows only themselves.
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        self.person.allows(hasher.finish(), Instant::now())
    }

    pub(super) fn guess(&self, from: IpAddr) -> bool {
        self.guess.allows(network(from), Instant::now())
    }

    pub(super) fn join(&self, from: IpAddr) -> bool {
        self.join.allows(network(from), Instant::now())
    }
}

/// The network that one customer has: in IPv6 the upper 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Limit, network};

    #[test]
    fn a_burst_passes_then_one_at_a_time() {
        let limit = Limit::new(Duration::from_secs(1), 3);
        let now = Instant::now();
        let at = |s: u64| now + Duration::from_secs(s);
        assert_eq!(
            [0, 0, 0, 0, 1, 1, 10].map(|s| limit.allows("a", at(s))),
            [true, true, true, false, true, false, true]
        );
        assert!(limit.allows("b", now), "another key is another matter");
    }

    #[test]
    fn a_customer_of_ipv6_is_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
