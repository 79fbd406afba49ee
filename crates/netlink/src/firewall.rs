//! The packet filter: addresses that packets may not be sent to, and links that say nothing of their own accord, in a
//! table of our own (`spec` runtime 6.4).
//!
//! A table holds nothing but what we put there, so it is never read: when the kernel says that something of it is
//! missing, because somebody flushed all rules, it is written anew as a whole, in one transaction.

mod ruleset;
mod socket;

use std::collections::{BTreeMap, BTreeSet};

use keepalived_model::LinkId;
use keepalived_model::global::packet_filter::Nftables;
use keepalived_model::kernel::{Barred, Refusal};
use keepalived_model::vrrp::Family;
use nix::errno::Errno;

use self::ruleset::Element;
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

/// A VMAC that does not speak of its own accord: reports of memberships leave through its base, so that the switch does
/// not learn its address before it is master, and it asks for no routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hushed {
    /// In which protocol.
    pub family: Family,
    /// The VMAC.
    pub link: LinkId,
    /// The link below.
    pub base: LinkId,
}

/// Which rules a table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Those for VMACs.
    pub hushed: bool,
    /// Those for barred addresses.
    pub barred: bool,
}

impl Parts {
    fn with(self, element: &Element) -> Self {
        match element {
            Element::Hushed(_) => Self { hushed: true, ..self },
            Element::Barred(_) => Self { barred: true, ..self },
        }
    }
}

/// What the tables contain, as far as we know.
pub struct Firewall {
    tables: Tables,
    transactions: Option<Transactions>,
    elements: BTreeSet<Element>,
    /// Tables that were written by us.
    written: BTreeMap<Family, Parts>,
    /// Families whose table a predecessor may have left.
    doubtful: BTreeSet<Family>,
}

impl Firewall {
    /// Touches nothing yet.
    pub fn new(tables: Tables) -> Self {
        Self {
            tables,
            transactions: None,
            elements: BTreeSet::new(),
            written: BTreeMap::new(),
            doubtful: BTreeSet::from([Family::V4, Family::V6]),
        }
    }

    /// From now on packets to and from the address are dropped.
    ///
    /// # Errors
    /// The kernel refused; it has no nftables, for example.
    pub fn bar(&mut self, barred: Barred) -> Result<(), Refusal> {
        self.put(Element::Barred(barred))
    }

    /// From now on the link does not speak of its own accord.
    ///
    /// # Errors
    /// The kernel refused; it cannot send copies of packets through other links, for example.
    pub fn hush(&mut self, hushed: Hushed) -> Result<(), Refusal> {
        self.put(Element::Hushed(hushed))
    }

    /// From now on they are let in and out again. The table stays.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn admit(&mut self, barred: Barred) -> Result<(), Refusal> {
        let element = Element::Barred(barred);
        if self.elements.contains(&element) {
            return self.drop_element(element);
        }
        // Nothing of ours is there, but a predecessor that was killed may have left its table.
        let family = element.family();
        if self.doubtful.remove(&family) { self.drop_table(family) } else { Ok(()) }
    }

    /// A link is gone, whose number may be another one's some day.
    pub fn forget(&mut self, link: LinkId) {
        let is_its = |element: &Element| matches!(element, Element::Hushed(hushed) if hushed.link == link);
        let gone: Vec<Element> = self.elements.iter().copied().filter(is_its).collect();
        for element in gone {
            // The kernel has nothing against removing what is there; what is not is as it shall be.
            let _refusal = self.drop_element(element);
        }
    }

    /// Writes again what somebody else removed.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn restore(&mut self) -> Result<(), Refusal> {
        for family in [Family::V4, Family::V6] {
            let some = self.elements.iter().find(|element| family == element.family()).copied();
            if let Some(some) = some {
                // Adding what is there does nothing; where the table is gone it is written anew.
                self.put(some)?;
            }
        }
        Ok(())
    }

    /// Removes both tables, whoever wrote them.
    ///
    /// # Errors
    /// The last refusal of the kernel.
    pub fn remove(&mut self) -> Result<(), Refusal> {
        self.elements.clear();
        self.written.clear();
        self.doubtful.clear();
        let v4 = self.drop_table(Family::V4);
        self.drop_table(Family::V6).and(v4)
    }

    /// Whether any table was written.
    pub fn is_written(&self) -> bool {
        !self.written.is_empty()
    }

    fn put(&mut self, element: Element) -> Result<(), Refusal> {
        let family = element.family();
        let new = self.elements.insert(element);
        let parts = self.written.get(&family).copied().unwrap_or_default();
        if parts.with(&element) == parts {
            match self.transact(&ruleset::element(&self.tables, &element, true)) {
                Err(refusal) if refusal.errno == Errno::EEXIST as i32 => return Ok(()),
                Err(refusal) if is_missing(&refusal) => {}
                done => return done,
            }
        }
        let outcome = self.write(family, parts.with(&element));
        if outcome.is_err() && new {
            self.elements.remove(&element);
        }
        outcome
    }

    fn drop_element(&mut self, element: Element) -> Result<(), Refusal> {
        self.elements.remove(&element);
        match self.transact(&ruleset::element(&self.tables, &element, false)) {
            Err(refusal) if is_missing(&refusal) => Ok(()),
            done => done,
        }
    }

    fn write(&mut self, family: Family, parts: Parts) -> Result<(), Refusal> {
        let of_it: Vec<Element> =
            self.elements.iter().filter(|element| family == element.family()).copied().collect();
        let outcome = self.transact(&ruleset::table(&self.tables, family, parts, &of_it));
        if outcome.is_ok() {
            self.written.insert(family, parts);
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
