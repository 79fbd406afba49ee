//! The packet filter: addresses that packets may not be sent to, in a table of our own (`spec` runtime 6.4).
//!
//! A table holds nothing but what we put there, so it is never read: when the kernel says that something of it is
//! missing, because somebody flushed all rules, it is written anew as a whole, in one transaction.

mod ruleset;
mod socket;

use std::collections::BTreeSet;
use std::net::IpAddr;

use keepalived_model::global::packet_filter::Nftables;
use keepalived_model::kernel::{Barred, Refusal};
use nix::errno::Errno;

use self::ruleset::Family;
use self::socket::Transactions;

/// How the tables are called and made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// The name of both, for IPv4 and IPv6.
    pub name: String,
    /// Priority of the chains relative to the filter's zero.
    pub priority: i32,
    /// Rules count packets and octets.
    pub counters: bool,
}

impl Default for Tables {
    /// What the original takes where nothing is configured.
    fn default() -> Self {
        Self { name: Nftables::TABLE.to_owned(), priority: -1, counters: false }
    }
}

/// What is barred, as far as we know.
pub struct Firewall {
    tables: Tables,
    transactions: Option<Transactions>,
    barred: BTreeSet<Barred>,
    /// Families whose table has been written by us.
    written: BTreeSet<Family>,
    /// Families whose table a predecessor may have left.
    doubtful: BTreeSet<Family>,
}

impl Firewall {
    /// Touches nothing yet.
    pub fn new(tables: Tables) -> Self {
        Self {
            tables,
            transactions: None,
            barred: BTreeSet::new(),
            written: BTreeSet::new(),
            doubtful: BTreeSet::from([Family::V4, Family::V6]),
        }
    }

    /// From now on packets to and from the address are dropped.
    ///
    /// # Errors
    /// The kernel refused; it has no nftables, for example.
    pub fn bar(&mut self, barred: Barred) -> Result<(), Refusal> {
        let family = family(&barred);
        self.barred.insert(barred);
        if self.written.contains(&family) {
            match self.transact(&ruleset::element(&self.tables, &barred, true)) {
                Err(refusal) if refusal.errno == Errno::EEXIST as i32 => return Ok(()),
                Err(refusal) if is_missing(&refusal) => {}
                done => return done,
            }
        }
        let outcome = self.write(family);
        if outcome.is_err() {
            self.barred.remove(&barred);
        }
        outcome
    }

    /// From now on they are let in and out again. The table stays.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn admit(&mut self, barred: Barred) -> Result<(), Refusal> {
        let family = family(&barred);
        if self.barred.remove(&barred) && self.written.contains(&family) {
            return match self.transact(&ruleset::element(&self.tables, &barred, false)) {
                Err(refusal) if is_missing(&refusal) => Ok(()),
                done => done,
            };
        }
        // Nothing of ours is there, but a predecessor that was killed may have left its table.
        if self.doubtful.remove(&family) { self.drop_table(family) } else { Ok(()) }
    }

    /// Writes again what somebody else removed.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn restore(&mut self) -> Result<(), Refusal> {
        for family in self.written.clone() {
            let some = self.barred.iter().find(|barred| family == self::family(barred)).copied();
            if let Some(some) = some {
                // Adding what is there does nothing; where the table is gone it is written anew.
                self.bar(some)?;
            }
        }
        Ok(())
    }

    /// Removes both tables, whoever wrote them.
    ///
    /// # Errors
    /// The last refusal of the kernel.
    pub fn remove(&mut self) -> Result<(), Refusal> {
        self.barred.clear();
        self.written.clear();
        self.doubtful.clear();
        let v4 = self.drop_table(Family::V4);
        self.drop_table(Family::V6).and(v4)
    }

    /// Whether any table was written.
    pub fn is_written(&self) -> bool {
        !self.written.is_empty()
    }

    fn write(&mut self, family: Family) -> Result<(), Refusal> {
        let of_it: Vec<Barred> =
            self.barred.iter().filter(|barred| family == self::family(barred)).copied().collect();
        let outcome = self.transact(&ruleset::table(&self.tables, family, &of_it));
        if outcome.is_ok() {
            self.written.insert(family);
            self.doubtful.remove(&family);
        }
        outcome
    }

    fn drop_table(&mut self, family: Family) -> Result<(), Refusal> {
        match self.transact(&ruleset::no_table(&self.tables, family)) {
            // No nftables, or no such table.
            Err(refusal) if is_missing(&refusal) || refusal.errno == Errno::EOPNOTSUPP as i32 => Ok(()),
            done => done,
        }
    }

    fn transact(&mut self, messages: &[ruleset::Message]) -> Result<(), Refusal> {
        let transactions = match &mut self.transactions {
            Some(open) => open,
            none => none.insert(Transactions::open().map_err(|error| refusal(&error))?),
        };
        transactions.commit(messages)
    }
}

fn refusal(error: &std::io::Error) -> Refusal {
    Refusal { errno: error.raw_os_error().unwrap_or(0), text: error.to_string() }
}

fn is_missing(refusal: &Refusal) -> bool {
    refusal.errno == Errno::ENOENT as i32
}

fn family(barred: &Barred) -> Family {
    match barred.ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}
