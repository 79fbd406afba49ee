//! The lab: hosts on one switch, all of it in namespaces that this run made and that end with it.
//!
//! ```text
//!   runner's network namespace          host "a": own network, PID, mount, UTS namespaces
//!   ┌───────────────────────────┐       ┌────────────────────────────┐
//!   │ bridge ── port ═══════════╪═══════╪══ eth0   process 1 (reaper)│
//!   │   │  │      ▲ capture      │       │          keepalived, nginx │
//!   │   │  └ port ═ …            │       └────────────────────────────┘
//!   │   └ tap: injected frames  │
//!   └───────────────────────────┘
//! ```

pub mod client;
pub mod host;
pub mod mail_server;
pub mod syslog;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use host::{Blueprint, First, Host};

use crate::diary;
use crate::outcome::{Fault, failed};
use crate::subject::Subject;
use crate::wire::{self, Capture, Injector};

/// A switch and what hangs on it.
pub struct Lab {
    /// What the hosts sent, from the first frame on.
    pub capture: Capture,
    number: u32,
    bridge: String,
    ports: u32,
}

impl Lab {
    /// A switch with nothing on it.
    ///
    /// # Errors
    /// No right to make a bridge.
    pub fn new() -> Result<Self, Fault> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let bridge = format!("lab{number}");
        ip(&format!("link add {bridge} type bridge mcast_snooping 0 forward_delay 0"))?;
        ip(&format!("link set {bridge} up"))?;
        Ok(Self { capture: Capture::default(), number, bridge, ports: 0 })
    }

    /// The switch's name in the runner's network.
    pub fn switch(&self) -> &str {
        &self.bridge
    }

    /// A host that runs a subject, plugged in.
    ///
    /// # Errors
    /// The subject's binary is missing or the host did not come up.
    pub fn host(
        &mut self,
        subject: Subject,
        name: &str,
        interface: &str,
        address: [u8; 4],
    ) -> Result<Host, Fault> {
        self.host_that_boots(subject, name, interface, address, First::Reaper)
    }

    /// The same with a process 1 of one's choice.
    ///
    /// # Errors
    /// The subject's binary is missing or the host did not come up.
    pub fn host_that_boots(
        &mut self,
        subject: Subject,
        name: &str,
        interface: &str,
        address: [u8; 4],
        first: First,
    ) -> Result<Host, Fault> {
        let Some(binary) = subject.binary() else {
            return crate::outcome::skipped(format!("no binary of subject '{subject}' here"));
        };
        let script = subject.init_script();
        self.add(&Blueprint {
            name,
            interface,
            address: Ipv4Addr::from(address),
            subject: &binary,
            init_script: script.as_deref(),
            first,
        })
    }

    /// A host without keepalived: the customer.
    ///
    /// # Errors
    /// The host did not come up.
    pub fn client(&mut self, address: [u8; 4]) -> Result<Host, Fault> {
        self.add(&Blueprint {
            name: "client",
            interface: "eth0",
            address: Ipv4Addr::from(address),
            subject: Path::new("/bin/true"),
            init_script: None,
            first: First::Reaper,
        })
    }

    fn add(&mut self, plan: &Blueprint<'_>) -> Result<Host, Fault> {
        self.ports += 1;
        let port = format!("lab{}p{}", self.number, self.ports);
        let host = Host::start(plan, port)?;
        self.plug(&host)?;
        Ok(host)
    }

    /// Plugs a host in and listens to it; also again after its interface was deleted.
    ///
    /// # Errors
    /// `ip` refused.
    pub fn plug(&self, host: &Host) -> Result<(), Fault> {
        let tail = host.port.rsplit('p').next().and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
        let mac = format!("{:02x}:{:02x}:{tail:02x}", self.number >> 8, self.number & 255);
        host.plug(&self.bridge, &mac)?;
        self.capture.watch(&host.name, &host.port)
    }

    /// A port on which frames can be put that no host sent.
    ///
    /// # Errors
    /// The port cannot be made.
    pub fn injector(&mut self) -> Result<Injector, Fault> {
        self.ports += 1;
        let (port, tap) =
            (format!("lab{}p{}", self.number, self.ports), format!("lab{}t{}", self.number, self.ports));
        ip(&format!("link add {port} type veth peer name {tap}"))?;
        ip(&format!("link set {port} master {} up", self.bridge))?;
        ip(&format!("link set {tap} up"))?;
        Injector::open(&tap)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.capture.stop();
        for frame in self.capture.frames() {
            if let Some(advert) = wire::advert(&frame) {
                let line = format!("{:<6} advert vrid {} prio {}", frame.from, advert.vrid, advert.priority);
                diary::note(frame.at, &line);
            } else if let Some(garp) = wire::garp(&frame) {
                diary::note(frame.at, &format!("{:<6} garp {}", frame.from, garp.address));
            }
        }
        let _ = ip(&format!("link del {}", self.bridge));
    }
}

/// Runs `ip` in the runner's own network namespace.
///
/// # Errors
/// `ip` is missing or refused.
pub fn ip(words: &str) -> Result<(), Fault> {
    let done = Command::new("ip").args(words.split_whitespace()).output()?;
    if done.status.success() {
        return Ok(());
    }
    failed(format!("ip {words}: {}", String::from_utf8_lossy(&done.stderr).trim()))
}

/// Waits until the condition holds and says when it did.
///
/// # Errors
/// It did not within that time; the text says what was waited for.
pub fn until(within: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Result<Instant, Fault> {
    let deadline = Instant::now() + within;
    loop {
        if holds() {
            return Ok(Instant::now());
        }
        if Instant::now() > deadline {
            return failed(format!("not within {} ms: {what}", within.as_millis()));
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Watches that the condition holds all that time.
///
/// # Errors
/// It stopped holding; the text says what was to stay.
pub fn always(during: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Result<(), Fault> {
    let deadline = Instant::now() + during;
    while Instant::now() < deadline {
        if !holds() {
            let left = deadline.saturating_duration_since(Instant::now());
            return failed(format!("{} ms before the end no longer true: {what}", left.as_millis()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
