//! What a host looks like from outside: addresses and who holds what.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Host, until};
use crate::outcome::Fault;

impl Host {
    /// Whether the host has that address on any interface. Reads the kernel's table without a process of its own,
    /// so it can be asked often.
    pub fn holds_ip(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.holds(address),
            IpAddr::V6(address) => self.holds_v6(address),
        }
    }

    fn holds_v6(&self, address: Ipv6Addr) -> bool {
        let table = fs::read_to_string(self.process_directory().join("net/if_inet6")).unwrap_or_default();
        let wanted = format!("{:032x}", u128::from(address));
        table.lines().any(|line| line.starts_with(&wanted))
    }

    /// The same of IPv4 alone.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        holds(&self.process_directory(), address)
    }

    /// The lines of `ip -d -o addr` for its interface, without index and life times.
    ///
    /// # Errors
    /// `ip` failed.
    pub fn addresses(&self) -> Result<Vec<String>, Fault> {
        let text = self.must(&format!("ip -d -o -4 addr show dev {}", self.interface))?;
        let tidy = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            words.join(" ").replace('\\', "")
        };
        Ok(text.lines().map(tidy).collect())
    }

    /// Waits until the host holds the address.
    ///
    /// # Errors
    /// It did not in time.
    pub fn gains_ip(&self, address: IpAddr, within: Duration) -> Result<Instant, Fault> {
        until(within, &format!("{} holds {address}", self.name), || self.holds_ip(address))
    }

    /// Waits until the host does not hold the address.
    ///
    /// # Errors
    /// It still did.
    pub fn loses_ip(&self, address: IpAddr, within: Duration) -> Result<Instant, Fault> {
        until(within, &format!("{} no longer holds {address}", self.name), || !self.holds_ip(address))
    }

    /// The same of IPv4 alone.
    ///
    /// # Errors
    /// It did not in time.
    pub fn gains(&self, address: Ipv4Addr, within: Duration) -> Result<Instant, Fault> {
        self.gains_ip(address.into(), within)
    }

    /// The same of IPv4 alone.
    ///
    /// # Errors
    /// It still did.
    pub fn loses(&self, address: Ipv4Addr, within: Duration) -> Result<Instant, Fault> {
        self.loses_ip(address.into(), within)
    }

    /// Waits until no keepalived process is left.
    ///
    /// # Errors
    /// Some were.
    pub fn quiet(&self, within: Duration) -> Result<Instant, Fault> {
        let what = format!("no keepalived process left on {}", self.name);
        until(within, &what, || self.keepalived().is_empty())
    }
}

/// Whether the host with this process 1 has that IPv4 address.
fn holds(process: &Path, address: Ipv4Addr) -> bool {
    let Ok(table) = fs::read_to_string(process.join("net/fib_trie")) else { return false };
    let wanted = format!("|-- {address}");
    let mut lines = table.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim_start() == wanted && lines.peek().is_some_and(|below| below.trim() == "/32 host LOCAL") {
            return true;
        }
    }
    false
}

/// Looks every few milliseconds who holds an address, until it is dropped.
pub struct Vigil {
    seen: Arc<Mutex<Vec<(Instant, usize)>>>,
    stop: Arc<AtomicBool>,
}

/// Pause between two looks.
const VIGIL_PERIOD: Duration = Duration::from_millis(5);

impl Vigil {
    /// Begins to look at these hosts.
    pub fn over(hosts: &[&Host], address: Ipv4Addr) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (into, halt) = (Arc::clone(&seen), Arc::clone(&stop));
        let processes: Vec<PathBuf> = hosts.iter().map(|host| host.process_directory()).collect();
        thread::spawn(move || {
            while !halt.load(Ordering::Relaxed) {
                let count = processes.iter().filter(|process| holds(process, address)).count();
                into.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), count));
                thread::sleep(VIGIL_PERIOD);
            }
        });
        Self { seen, stop }
    }

    /// The longest time since then in which as many hosts held it as `counts` says.
    pub fn longest(&self, since: Instant, counts: impl Fn(usize) -> bool) -> Duration {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut longest = Duration::ZERO;
        let mut from = None;
        for (at, count) in seen.iter().filter(|(at, _)| *at >= since) {
            if counts(*count) {
                let begin = *from.get_or_insert(*at);
                longest = longest.max(at.saturating_duration_since(begin));
            } else {
                from = None;
            }
        }
        longest
    }
}

impl Drop for Vigil {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The skew of version 2 in microseconds (RFC 3768 §6.2): (256 − priority) / 256 s.
pub fn skew(priority: u8) -> Duration {
    Duration::from_micros((256 - u64::from(priority)) * 1_000_000 / 256)
}

/// How long a backup with one-second adverts waits for a silent master: three adverts plus skew.
pub fn master_down(priority: u8) -> Duration {
    Duration::from_secs(3) + skew(priority)
}

/// What every wait gets on top of the protocol's own bound, for the machine.
pub const SLACK: Duration = Duration::from_millis(400);
