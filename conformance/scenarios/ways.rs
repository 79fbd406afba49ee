//! Every way adverts travel and prove themselves: over both families, to a group and to peers, with passwords,
//! headers and signatures. Each is played alone, frame by frame beside the original, and on mixed LANs.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use super::lan::{A, B, Two, in_window, ms, start};
use crate::lab::{Host, Lab};
use crate::outcome::{Fault, Outcome};
use crate::probe::SLACK;
use crate::subject::Subject::{self, Ours, Theirs};
use crate::table::{Context, Scenario, both, mixed, original};
use crate::wire::{Frame, garp, hex, is_unsolicited, message};
use crate::{diary, ensure, ensure_same};

const F: &str = "ways";

/// A way.
pub struct Way {
    /// The virtual router's.
    pub vrid: u8,
    /// Of box A and of box B.
    pub intervals: [Duration; 2],
    /// (256 − priority) × unit / 256.
    pub skew_unit: Duration,
    /// An address that comes and goes with the role.
    pub vip: &'static str,
    /// Lines of box A and of box B.
    pub lines: [&'static str; 2],
}

const SECOND: Duration = ms(1000);

/// Two addresses of IPv6, version 3.
pub const IPV6: Way = Way {
    vrid: 6,
    intervals: [SECOND; 2],
    skew_unit: SECOND,
    vip: "fe80::9:6",
    lines: ["virtual_ipaddress {\n fe80::9:6\n fd00:9::106/64\n fd00:9::107\n }"; 2],
};

const IPV6_VERSION_2: Way =
    Way { vrid: 7, lines: ["version 2\n virtual_ipaddress {\n fe80::9:7\n }"; 2], vip: "fe80::9:7", ..IPV6 };

const IPV6_UNICAST: Way = Way {
    vrid: 10,
    vip: "fd00:9::110",
    lines: [
        "unicast_src_ip fd00:9::1\n unicast_peer {\n fd00:9::2\n }\n virtual_ipaddress {\n fd00:9::110\n }",
        "unicast_src_ip fd00:9::2\n unicast_peer {\n fd00:9::1\n }\n virtual_ipaddress {\n fd00:9::110\n }",
    ],
    ..IPV6
};

const BOTH_FAMILIES: Way = Way {
    vrid: 11,
    vip: "fd00:9::111",
    lines: ["virtual_ipaddress {\n 10.9.0.111\n }\n virtual_ipaddress_excluded {\n fd00:9::111\n }"; 2],
    ..IPV6
};

const HEADER: Way = Way {
    vrid: 3,
    vip: "10.9.0.104",
    lines: ["authentication {\n auth_type AH\n auth_pass secret\n }\n virtual_ipaddress {\n 10.9.0.104\n }";
        2],
    ..IPV6
};

const UNICAST: Way = Way {
    vrid: 8,
    vip: "10.9.0.108",
    lines: [
        "unicast_src_ip 10.9.0.1\n unicast_peer {\n 10.9.0.2\n }\n virtual_ipaddress {\n 10.9.0.108\n }",
        "unicast_src_ip 10.9.0.2\n unicast_peer {\n 10.9.0.1\n }\n virtual_ipaddress {\n 10.9.0.108\n }",
    ],
    ..IPV6
};

const UNICAST_HEADER: Way = Way {
    vrid: 12,
    vip: "10.9.0.112",
    lines: [
        "unicast_src_ip 10.9.0.1\n unicast_peer {\n 10.9.0.2\n }\n authentication {\n auth_type AH\n \
         auth_pass secret\n }\n virtual_ipaddress {\n 10.9.0.112\n }",
        "unicast_src_ip 10.9.0.2\n unicast_peer {\n 10.9.0.1\n }\n authentication {\n auth_type AH\n \
         auth_pass secret\n }\n virtual_ipaddress {\n 10.9.0.112\n }",
    ],
    ..IPV6
};

const UNICAST_VERSION_3: Way = Way {
    vrid: 9,
    vip: "10.9.0.109",
    lines: [
        "version 3\n unicast_src_ip 10.9.0.1\n unicast_peer {\n 10.9.0.2\n }\n unicast_ttl 200\n \
         virtual_ipaddress {\n 10.9.0.109\n }",
        "version 3\n unicast_src_ip 10.9.0.2\n unicast_peer {\n 10.9.0.1\n }\n unicast_ttl 200\n \
         virtual_ipaddress {\n 10.9.0.109\n }",
    ],
    ..IPV6
};

/// A backup follows the master's interval, not its own.
const UNEVEN_VERSION_3: Way = Way {
    vrid: 5,
    intervals: [ms(500), ms(2000)],
    skew_unit: ms(500),
    vip: "10.9.0.106",
    lines: ["version 3\n virtual_ipaddress {\n 10.9.0.106\n }"; 2],
};

pub const SCENARIOS: &[Scenario] = &[
    both(F, "IPv6: every frame of a life is the same for both", |_| same_life(&IPV6)),
    both(F, "IPv6, version 2: every frame of a life is the same for both", |_| same_life(&IPV6_VERSION_2)),
    both(F, "IPv6, unicast: every frame of a life is the same for both", |_| same_life(&IPV6_UNICAST)),
    both(F, "an excluded address of the other family: every frame is the same", |_| {
        same_life(&BOTH_FAMILIES)
    }),
    both(F, "authentication header: every frame of a life is the same for both", |_| same_life(&HEADER)),
    both(F, "unicast: every frame of a life is the same for both", |_| same_life(&UNICAST)),
    both(F, "unicast with authentication header: every frame is the same", |_| same_life(&UNICAST_HEADER)),
    both(F, "unicast, version 3: every frame of a life is the same for both", |_| {
        same_life(&UNICAST_VERSION_3)
    }),
    original(F, "IPv6: crash, return and stop", |c| duel(c, &IPV6)),
    mixed("IPv6: crash, return and stop", Ours, Theirs, |c| duel(c, &IPV6)),
    mixed("IPv6: crash, return and stop", Theirs, Ours, |c| duel(c, &IPV6)),
    original(F, "IPv6, unicast: crash, return and stop", |c| duel(c, &IPV6_UNICAST)),
    mixed("IPv6, unicast: crash, return and stop", Ours, Theirs, |c| duel(c, &IPV6_UNICAST)),
    mixed("IPv6, unicast: crash, return and stop", Theirs, Ours, |c| duel(c, &IPV6_UNICAST)),
    mixed("IPv6, version 2: crash, return and stop", Ours, Theirs, |c| duel(c, &IPV6_VERSION_2)),
    mixed("IPv6, version 2: crash, return and stop", Theirs, Ours, |c| duel(c, &IPV6_VERSION_2)),
    original(F, "authentication header: crash, return and stop", |c| duel(c, &HEADER)),
    mixed("authentication header: crash, return and stop", Ours, Theirs, |c| duel(c, &HEADER)),
    mixed("authentication header: crash, return and stop", Theirs, Ours, |c| duel(c, &HEADER)),
    mixed("unicast with authentication header: crash, return and stop", Ours, Theirs, |c| {
        duel(c, &UNICAST_HEADER)
    }),
    mixed("unicast with authentication header: crash, return and stop", Theirs, Ours, |c| {
        duel(c, &UNICAST_HEADER)
    }),
    original(F, "version 3, different intervals: crash, return and stop", |c| duel(c, &UNEVEN_VERSION_3)),
    mixed("version 3, different intervals: crash, return and stop", Ours, Theirs, |c| {
        duel(c, &UNEVEN_VERSION_3)
    }),
    mixed("version 3, different intervals: crash, return and stop", Theirs, Ours, |c| {
        duel(c, &UNEVEN_VERSION_3)
    }),
    mixed("unicast, version 3: crash, return and stop", Ours, Theirs, |c| duel(c, &UNICAST_VERSION_3)),
    mixed("unicast, version 3: crash, return and stop", Theirs, Ours, |c| duel(c, &UNICAST_VERSION_3)),
];

impl Way {
    /// The configuration of box A, number zero, or of box B.
    pub fn config(&self, number: usize, priority: u8) -> String {
        format!(
            "vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id {}\n priority {priority}\n \
             advert_int {}\n {}\n}}\n",
            self.vrid,
            self.intervals[number].as_secs_f64(),
            self.lines[number]
        )
    }

    /// Its address.
    pub fn vip(&self) -> IpAddr {
        self.vip.parse().unwrap_or(IpAddr::from([0; 4]))
    }

    /// How much longer than three intervals a backup of that priority waits.
    pub fn skew(&self, priority: u8) -> Duration {
        self.skew_unit * u32::from(256 - u16::from(priority)) / 256
    }
}

/// Gives a box addresses of IPv6 that are there at once, and a MAC address that is the same in every lab.
pub fn give_ipv6(host: &Host, number: u8) -> Outcome {
    host.must(&format!(
        "ip link set eth0 address 02:00:00:00:00:0{number} && ip -6 addr flush dev eth0 && ip -6 addr add fe80::a:{number}/64 dev eth0 nodad && \
         ip -6 addr add fd00:9::{number}/64 dev eth0 nodad"
    ))?;
    Ok(())
}

/// What a box said, all of it that is of VRRP's making, without the flow label of IPv6, which is the kernel's.
fn spoken(lab: &Lab) -> Vec<String> {
    let ours = |frame: &Frame| message(frame).is_some() || garp(frame).is_some() || is_unsolicited(frame);
    let text = |mut frame: Frame| {
        if message(&frame).is_some() && frame.bytes[12] == 0x86 {
            frame.bytes[15] &= 0xf0;
            frame.bytes[16..18].fill(0);
        }
        hex(&frame.bytes)
    };
    let frames = lab.capture.frames();
    let mut all: Vec<String> =
        frames.into_iter().filter(|frame| frame.from == "a" && ours(frame)).map(text).collect();
    // Only the order within one kind is promised.
    all.sort();
    all.dedup();
    all
}

fn alone(subject: Subject, way: &Way) -> Result<Vec<String>, Fault> {
    let mut lab = Lab::new()?;
    let a = lab.host(subject, "a", "eth0", A)?;
    // Somebody unicast adverts reach.
    let b = lab.client(B)?;
    for (number, host) in [(1, &a), (2, &b)] {
        give_ipv6(host, number)?;
    }
    a.configure(&way.config(0, 150))?;
    start(&a)?;
    let bound = way.intervals[0] * 3 + way.skew(150) + SLACK;
    a.gains_ip(way.vip(), bound)?;
    thread::sleep(way.intervals[0] * 2 + ms(300));
    a.must("kill $(cat /run/keepalived.pid)")?;
    a.quiet(ms(3000))?;
    Ok(spoken(&lab))
}

/// Plays a life on each program and compares what was sent.
pub fn same_life(way: &Way) -> Outcome {
    let (theirs, ours) = (alone(Theirs, way)?, alone(Ours, way)?);
    let only = |left: &[String], right: &[String]| {
        left.iter().filter(|text| !right.contains(text)).cloned().collect::<Vec<_>>().join("\n  ")
    };
    ensure!(theirs.len() >= 3, "only {} frames were captured", theirs.len());
    ensure!(
        theirs == ours,
        "frames differ; only theirs:\n  {}\nonly ours:\n  {}",
        only(&theirs, &ours),
        only(&ours, &theirs)
    );
    Ok(())
}

fn duel(context: &Context, way: &Way) -> Outcome {
    let lan = Two::set(context, &way.config(0, 150), &way.config(1, 100))?;
    give_ipv6(&lan.a, 1)?;
    give_ipv6(&lan.b, 2)?;
    let vip = way.vip();
    let begin = start(&lan.a)?;
    lan.a.gains_ip(vip, way.intervals[0] * 3 + way.skew(150) + SLACK)?;
    start(&lan.b)?;
    diary::step("nothing happens for two intervals");
    thread::sleep(way.intervals[1] * 2);
    ensure_same!(lan.lab.capture.spoken("b", way.vrid, begin).len(), 0, "adverts of the backup");
    ensure!(!lan.b.holds_ip(vip), "the backup has the address");
    diary::step("crash of a");
    let cut = lan.a.power_cut()?;
    let last = lan.lab.capture.spoken("a", way.vrid, begin).last().map_or(cut, |spoken| spoken.at);
    // Seconds of version 2, or the master's interval.
    let down = way.intervals[0] * 3 + way.skew(100);
    let taken = lan.b.gains_ip(vip, down + SLACK)?;
    in_window("took over", last, taken, down - ms(15), down + SLACK)?;
    diary::step("a is back");
    start(&lan.a)?;
    lan.b.loses_ip(vip, way.intervals[1].max(way.intervals[0]) * 4 + way.skew(150) + SLACK)?;
    lan.a.gains_ip(vip, SLACK)?;
    diary::step("a is stopped");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.b.gains_ip(vip, way.skew(100) + SLACK)?;
    ensure!(!lan.a.holds_ip(vip), "the address is left on a");
    Ok(())
}
