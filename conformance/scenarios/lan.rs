//! The plain LAN of most scenarios: A 10.9.0.1, B 10.9.0.2, VRID 51, VIP 10.9.0.100.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::lab::syslog::Line;
use crate::lab::{Host, Lab};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::Context;
use crate::wire::{Advert, Forged, Injector};

/// The virtual router of the plain LAN.
pub const VRID: u8 = 51;
/// Its address.
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 100);
/// Address of box A.
pub const A: [u8; 4] = [10, 9, 0, 1];
/// Address of box B.
pub const B: [u8; 4] = [10, 9, 0, 2];
/// The address forged packets come from.
pub const STRANGER: [u8; 4] = [10, 9, 0, 77];

/// One box under test, and a port for forged packets.
pub struct Single {
    /// The box.
    pub a: Host,
    /// What nobody sent.
    pub injector: Injector,
    /// The switch.
    pub lab: Lab,
}

/// Two boxes.
pub struct Two {
    /// Box A.
    pub a: Host,
    /// Box B.
    pub b: Host,
    /// The switch.
    pub lab: Lab,
}

/// An instance block for the plain LAN; `more` goes into it.
pub fn instance(priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state BACKUP\n    interface eth0\n    virtual_router_id {VRID}\n    \
         priority {priority}\n    advert_int 1\n    {more}\n    virtual_ipaddress {{\n        {VIP}\n    }}\n}}\n"
    )
}

/// A script that succeeds as long as `/tmp/ok` is there, and its use inside [`instance`].
pub fn script(settings: &str) -> String {
    format!("vrrp_script chk {{\n    script \"/usr/bin/test -e /tmp/ok\"\n    {settings}\n}}\n")
}

/// The line of an instance that uses [`script`].
pub const TRACK: &str = "track_script {\n        chk\n    }";

impl Single {
    /// A box of the context's first subject with this configuration, keepalived not started.
    pub fn set(context: &Context, config: &str) -> Result<Self, Fault> {
        Self::of(context.subject(), config)
    }

    /// The same of any subject.
    pub fn of(subject: Subject, config: &str) -> Result<Self, Fault> {
        let mut lab = Lab::new()?;
        let a = lab.host(subject, "a", "eth0", A)?;
        a.configure(config)?;
        let injector = lab.injector()?;
        Ok(Self { a, injector, lab })
    }

    /// Starts keepalived in detail mode; says when.
    pub fn start(&self) -> Result<Instant, Fault> {
        start(&self.a)
    }

    /// Starts keepalived and waits until it is master of the plain LAN's router.
    pub fn start_as_master(&self, priority: u8) -> Result<Instant, Fault> {
        let begin = self.start()?;
        self.a.gains(VIP, master_down(priority) + SLACK)?;
        Ok(begin)
    }

    /// What the box said for the plain LAN's router since then.
    pub fn adverts(&self, since: Instant) -> Vec<Advert> {
        self.lab.capture.adverts("a", VRID, since)
    }

    /// A correct advert of a stranger for the plain LAN's router.
    pub fn forged(priority: u8) -> Forged {
        Forged::new(STRANGER, VRID, priority, &[VIP.octets()])
    }

    /// Plays another master that many times, nine tenths of a second apart; `between` is called after each.
    pub fn other_master(&self, advert: &Forged, times: u32, mut between: impl FnMut() -> Outcome) -> Outcome {
        for _ in 0..times {
            self.injector.send(&advert.frame())?;
            between()?;
            std::thread::sleep(Duration::from_millis(900));
        }
        Ok(())
    }
}

impl Two {
    /// Boxes of the context's pair with these configurations, keepalived not started.
    pub fn set(context: &Context, config_a: &str, config_b: &str) -> Result<Self, Fault> {
        let mut lab = Lab::new()?;
        let a = lab.host(context.pair.a, "a", "eth0", A)?;
        let b = lab.host(context.pair.b, "b", "eth0", B)?;
        a.configure(config_a)?;
        b.configure(config_b)?;
        Ok(Self { a, b, lab })
    }
}

/// Starts keepalived in detail mode; says when it was asked to.
pub fn start(host: &Host) -> Result<Instant, Fault> {
    let begin = Instant::now();
    host.must("keepalived -D")?;
    Ok(begin)
}

/// Waits for a line of the box's log from its beginning on.
pub fn says(host: &Host, text: &str, within: Duration) -> Result<Line, Fault> {
    host.log.wait(0, text, within)
}

/// Fails unless an instant lies in a window after another one.
pub fn in_window(what: &str, from: Instant, at: Instant, low: Duration, high: Duration) -> Outcome {
    let took = at.saturating_duration_since(from);
    crate::ensure!(
        took >= low && took <= high,
        "{what} after {:.4} s, expected {:.4} to {:.4} s",
        took.as_secs_f64(),
        low.as_secs_f64(),
        high.as_secs_f64()
    );
    Ok(())
}

/// Milliseconds, shorter to write.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
