//! What a host looks like from outside: addresses and who holds what.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::lab::{Host, until};
use crate::outcome::Fault;

impl Host {
    /// Whether the host has that IPv4 address on any interface. Reads the kernel's table without a process of
    /// its own, so it can be asked often.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        let Ok(table) = fs::read_to_string(self.process_directory().join("net/fib_trie")) else {
            return false;
        };
        let wanted = format!("|-- {address}");
        let mut lines = table.lines().peekable();
        while let Some(line) = lines.next() {
            if line.trim_start() == wanted
                && lines.peek().is_some_and(|below| below.trim() == "/32 host LOCAL")
            {
                return true;
            }
        }
        false
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
    pub fn gains(&self, address: Ipv4Addr, within: Duration) -> Result<Instant, Fault> {
        until(within, &format!("{} holds {address}", self.name), || self.holds(address))
    }

    /// Waits until the host does not hold the address.
    ///
    /// # Errors
    /// It still did.
    pub fn loses(&self, address: Ipv4Addr, within: Duration) -> Result<Instant, Fault> {
        until(within, &format!("{} no longer holds {address}", self.name), || !self.holds(address))
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
