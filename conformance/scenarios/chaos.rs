//! Faults that users reported , each done to a healthy pair, and what has to hold
//! afterwards. The original may fail; the table of `--table` says where.

pub mod address6;
pub mod container;
pub mod crowds;
pub mod hooks;
pub mod kernel;
pub mod links;
pub mod network;
pub mod process;
pub mod reload;
pub mod scripts;
pub mod surroundings;
pub mod trackers;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::lan::{Two, VIP, instance, ms, start};
use super::stage::start_nginx;
use crate::ensure;
use crate::lab::client::Client;
use crate::lab::{Host, Lab, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, Vigil, master_down};
use crate::table::Context;

/// A pair with priorities 150 and 100, a customer of the address, and somebody who looks who holds it.
pub struct Couple {
    /// Box A, the stronger one.
    pub a: Host,
    /// Box B.
    pub b: Host,
    /// Who asks for a page of the address all the time.
    pub client: Client,
    /// Who looks at the boxes.
    pub vigil: Vigil,
    _customer: Host,
    lan: Lab,
}

impl Couple {
    /// The boxes, running and settled; `more` goes into both instances, `before` in front of them.
    pub fn settled(context: &Context, before: &str, more: &str) -> Result<Self, Fault> {
        Self::settled_with(context, before, more, |_| Ok(()))
    }

    /// The same on boxes that were prepared.
    pub fn settled_with(
        context: &Context,
        before: &str,
        more: &str,
        prepare: impl Fn(&Host) -> Outcome,
    ) -> Result<Self, Fault> {
        let config = |priority| before.to_owned() + &instance(priority, more);
        Self::prepared(context, &config(150), &config(100), prepare)
    }

    /// The same with these configurations.
    pub fn of(context: &Context, config_a: &str, config_b: &str) -> Result<Self, Fault> {
        Self::prepared(context, config_a, config_b, |_| Ok(()))
    }

    fn prepared(
        context: &Context,
        config_a: &str,
        config_b: &str,
        prepare: impl Fn(&Host) -> Outcome,
    ) -> Result<Self, Fault> {
        let Two { a, b, mut lab } = Two::set(context, config_a, config_b)?;
        let customer = lab.client([10, 9, 0, 50])?;
        for host in [&a, &b] {
            prepare(host)?;
            start_nginx(host)?;
            start(host)?;
        }
        let vigil = Vigil::over(&[&a, &b], VIP);
        let client = Client::start(&customer, VIP.octets());
        let couple = Self { a, b, client, vigil, _customer: customer, lan: lab };
        couple.is_with_a(master_down(100) + ms(1500))?;
        Ok(couple)
    }

    /// The LAN.
    pub fn lab(&self) -> &Lab {
        &self.lan
    }

    /// Waits until A alone holds the address and the customer is served there.
    pub fn is_with_a(&self, within: Duration) -> Result<Instant, Fault> {
        self.is_with(&self.a, &self.b, within)
    }

    /// The same of B.
    pub fn is_with_b(&self, within: Duration) -> Result<Instant, Fault> {
        self.is_with(&self.b, &self.a, within)
    }

    fn is_with(&self, holder: &Host, other: &Host, within: Duration) -> Result<Instant, Fault> {
        let what = format!("{VIP} is with {} alone", holder.name);
        let since = until(within, &what, || holder.holds(VIP) && !other.holds(VIP))?;
        self.client.served_by(&holder.name, since, SLACK * 2)
    }

    /// A alone holds the address for that long.
    pub fn stays_with_a(&self, during: Duration) -> Outcome {
        always(during, "A alone holds the address", || self.a.holds(VIP) && !self.b.holds(VIP))
    }

    /// Both boxes are [`sound`].
    pub fn is_sound(&self) -> Outcome {
        sound(&self.lan, &[&self.a, &self.b])
    }

    /// How long both held the address at most.
    pub fn never_doubled(&self, since: Instant, for_more_than: Duration) -> Outcome {
        let doubled = self.vigil.longest(since, |holders| holders > 1);
        ensure!(doubled <= for_more_than, "two holders for {doubled:?}");
        Ok(())
    }
}

/// Drops what comes in from that address, of that protocol, until [`open`].
pub fn deafen(host: &Host, filter: &str) -> Outcome {
    host.must(
        "nft add table inet fault && nft 'add chain inet fault in { type filter hook input priority 0; }'",
    )?;
    host.must(&format!("nft add rule inet fault in {filter} drop"))?;
    Ok(())
}

/// Refuses what goes out.
pub fn muzzle(host: &Host, filter: &str) -> Outcome {
    host.must(
        "nft add table inet fault && nft 'add chain inet fault out { type filter hook output priority 0; }'",
    )?;
    host.must(&format!("nft add rule inet fault out {filter} drop"))?;
    Ok(())
}

/// The end of [`deafen`] and [`muzzle`].
pub fn open(host: &Host) -> Outcome {
    host.must("nft delete table inet fault")?;
    Ok(())
}

/// An instance of version 3 with a fifth of a second between adverts, for faults that take many of them.
pub fn quick(priority: u8, more: &str) -> String {
    instance(priority, &format!("version 3\n    {more}")).replace("advert_int 1\n", "advert_int 0.2\n")
}

/// How long a [`quick`] backup waits for a silent master.
pub fn quick_down(priority: u8) -> Duration {
    master_down(priority) / 5
}

/// Holds for every box that is left in peace, whatever was done to it before: what the daemon says of itself is what
/// the kernel has, and who is master has its addresses, announced since it became master.
pub fn sound(lab: &Lab, hosts: &[&Host]) -> Outcome {
    for host in hosts {
        let mut wrong = String::new();
        let agrees = || {
            wrong = disagreement(lab, host).unwrap_or_else(|_| "no answer".to_owned());
            wrong.is_empty()
        };
        let settled = until(ms(3000), "daemon and kernel agree", agrees);
        settled.map_err(|_| Fault::Failed(format!("{}: {wrong}", host.name)))?;
    }
    Ok(())
}

/// What of the daemon's view is not so; empty where all is.
fn disagreement(lab: &Lab, host: &Host) -> Result<String, Fault> {
    let _before = std::fs::remove_file(host.path("/tmp/keepalived.data"));
    host.must("kill -USR1 $(cat /run/keepalived.pid)")?;
    let dump = || host.read("/tmp/keepalived.data");
    until(ms(1500), "a dump", || dump().contains("< Interfaces >"))?;
    let (mut name, mut state, mut listed) = (String::new(), String::new(), false);
    let text = dump();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(" VRRP Instance = ") {
            name = rest.to_owned();
        } else if let Some(rest) = line.strip_prefix("   State = ") {
            state = rest.to_owned();
        } else if !line.starts_with("     ") {
            listed = line.starts_with("   Virtual IP");
        } else if let (true, Some(word)) = (listed, line.split_whitespace().next()) {
            let Ok(ip) = word.split('/').next().unwrap_or_default().parse::<IpAddr>() else { continue };
            let (master, held) = (state == "MASTER", host.holds_ip(ip));
            if master != held || held != line.ends_with(" set") {
                return Ok(format!("{name} is {state}, the kernel has {ip}: {held}, the dump: {line}"));
            }
            let entered = host.log.since(0, &format!("({name}) Entering MASTER STATE"));
            // Lines arrive a little later than what they tell of.
            let since = entered
                .last()
                .and_then(|line| line.at.checked_sub(SLACK))
                .filter(|_| master && line.contains("dev eth0"));
            if let (Some(at), IpAddr::V4(ip)) = (since, ip)
                && !lab.capture.garps(&host.name, at).iter().any(|garp| garp.address == ip)
            {
                return Ok(format!("{name} is {state} and has not announced {ip}"));
            }
        }
    }
    Ok(if name.is_empty() { "no instance".to_owned() } else { String::new() })
}

/// Asks the daemon to read its file again, and waits until it did.
pub fn reload(host: &Host) -> Outcome {
    let mark = host.log.mark();
    host.must("kill -HUP $(cat /run/keepalived.pid)")?;
    host.log.wait(mark, "Reload", ms(3000))?;
    Ok(())
}

/// Addresses of the boxes as words.
pub fn address(octets: [u8; 4]) -> String {
    std::net::Ipv4Addr::from(octets).to_string()
}
