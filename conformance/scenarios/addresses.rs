//! The address grammar in the kernel, word by word.

use super::lan::{Single, VIP, VRID, ms};
use crate::compare::difference;
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "addresses";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "addresses with every word of their grammar look the same in the kernel", same_addresses),
    ours(F, "a reload gives addresses the traits they have now, and touches no other", reloaded),
    original(F, "static addresses without an interface are on the default interface", default_interface),
];

/// Wherever the original can do it, an instance of IPv4 and static addresses of both families.
const GRAMMAR: &str = "virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24 dev eth0 label eth0:v1 scope link
        10.9.0.102/24 brd +
        10.9.0.103/24 brd -
        10.9.0.104 peer 10.9.7.7
        10.9.0.105/24 dev eth1 noprefixroute
        10.9.0.106/24 autojoin
        10.9.0.107/24 preferred_lft 300
        10.9.0.108/24 no_track
        10.9.0.109/24 home mngtmpaddr
        10.9.0.110/28 broadcast 10.9.0.127
        10.9.0.111
    }
    virtual_ipaddress_excluded {
        10.9.2.1/24 label eth0:x
        10.9.3.1/24 scope 77
        10.9.4.1/24 scope host noprefixroute
        fd00:9::1/64
        fd00:9::2
        fd00:9::3/64 home mngtmpaddr noprefixroute
        fd00:9::4/64 -nodad
        fd00:9::5/64 preferred_lft 300
        fd00:9::6 preferred_lft forever no_track
        fd00:9::7 peer fd00:9::77
    }";

const STATIC: &str = "static_ipaddress {
    10.44.0.1/24 dev eth1
    10.44.1.1/24 dev eth1 label eth1:s scope site
    10.44.2.1 dev eth1 peer 10.44.2.2
    10.44.3.1/24 dev eth1 noprefixroute brd +
    10.44.4.1/24 dev eth1 no_track
    fd00:44::1/64 dev eth1
    fd00:44::2 dev eth1
    fd00:44::3/64 dev eth1 home
    fd00:44::4/64 dev eth1 mngtmpaddr
    fd00:44::5/64 dev eth1 noprefixroute
    fd00:44::6/64 dev eth1 autojoin
    fd00:44::7/64 dev eth1 -nodad
    fd00:44::8/64 dev eth1 preferred_lft 300
    fd00:44::9 dev eth1 preferred_lft forever
    fd00:44::a/64 dev eth1 preferred_lft 0
    fd00:44::b dev eth1 peer fd00:44::77
    fd00:45::1/48 dev eth1 home mngtmpaddr noprefixroute -nodad no_track
}
";

fn config(addresses: &str, rest: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state MASTER\n    interface eth0\n    virtual_router_id {VRID}\n    priority 255\n    \
         advert_int 1\n    {addresses}\n}}\n{rest}"
    )
}

fn master(subject: Subject, text: &str) -> Result<Single, Fault> {
    let lan = Single::of(subject, text)?;
    lan.a.must(
        "ip link add eth1 type veth peer name p1 && ip link set p1 up && ip link set eth1 up && \
         ip addr add 10.8.0.1/24 dev eth1",
    )?;
    until(ms(2000), "eth1 is up", || {
        lan.a.must("ip -o link show eth1").is_ok_and(|text| text.contains("state UP"))
    })?;
    lan.start()?;
    lan.a.gains(VIP, ms(3000))?;
    Ok(lan)
}

/// `ip -d -o addr` without what differs from box to box and from moment to moment.
fn addresses(lan: &Single) -> Result<Vec<String>, Fault> {
    let text = lan.a.must("ip -d -o addr show dev eth0; ip -d -o addr show dev eth1")?;
    let tidy = |line: &str| {
        let words = line.split_whitespace().skip(1);
        // What is left of 300 seconds.
        let words =
            words.map(|word| if word.starts_with("29") && word.ends_with("sec") { "300sec" } else { word });
        words.collect::<Vec<_>>().join(" ").replace(" proto keepalived", "").replace(" proto 18", "")
    };
    let lines = text.lines().filter(|line| !line.contains("inet6 fe80:"));
    Ok(lines.map(tidy).collect())
}

fn same_addresses(_: &Context) -> Outcome {
    let text = config(GRAMMAR, STATIC);
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = master(subject, &text)?;
        lan.a.gains([10, 9, 4, 1].into(), ms(2000))?;
        until(ms(3000), "duplicate detection is over", || {
            lan.a.must("ip -6 addr show tentative").is_ok_and(|text| text.is_empty())
        })?;
        seen.push(addresses(&lan)?);
    }
    let (ours, theirs) = difference(&seen[1], &seen[0]);
    ensure_same!(ours, theirs, "addresses only ours or only theirs has");
    ensure!(seen[0].len() > 28, "only {} addresses were compared", seen[0].len());
    Ok(())
}

fn reloaded(context: &Context) -> Outcome {
    let before = "virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24
        10.9.0.102/24 brd +
    }
    virtual_ipaddress_excluded {
        10.9.2.1/24
    }";
    let rest = "static_ipaddress {\n    fd00:44::1/64 dev eth1\n    fd00:44::2/64 dev eth1\n}\n";
    let lan = master(context.subject(), &config(before, rest))?;
    until(ms(1000), "static addresses are there", || {
        lan.a.must("ip -6 addr show dev eth1").is_ok_and(|text| text.contains("fd00:44::2"))
    })?;
    // A trait nobody asked for shows who was touched.
    lan.a.must("ip addr change 10.9.0.100/24 dev eth0 metric 77; ip addr change 10.9.0.102/24 brd + dev eth0 metric 78")?;
    lan.a.must("ip addr change fd00:44::1/64 dev eth1 metric 79")?;
    let after = before
        .replace("10.9.0.101/24", "10.9.0.101/24 label eth0:new")
        .replace("10.9.2.1/24", "10.9.2.1/24 noprefixroute");
    lan.a.configure(&config(&after, &rest.replace("::2/64 dev eth1", "::2/64 dev eth1 noprefixroute")))?;
    let pid = lan.a.pid_file("/run/keepalived.pid").unwrap_or_default();
    lan.a.signal(pid, 1)?;
    let has = |text: &str| lan.a.must("ip -o addr").is_ok_and(|all| all.contains(text));
    until(ms(2000), "the new label is there", || has("eth0:new"))?;
    until(ms(1000), "the new flags are there", || {
        let all = lan.a.must("ip -d -o addr").unwrap_or_default();
        let flagged =
            |address: &str| all.lines().any(|line| line.contains(address) && line.contains("noprefixroute"));
        flagged("10.9.2.1/24") && flagged("fd00:44::2/64")
    })?;
    for kept in ["metric 77", "metric 78", "metric 79"] {
        ensure!(has(kept), "the address with {kept} was touched");
    }
    Ok(())
}

fn default_interface(context: &Context) -> Outcome {
    let text = |interface: &str| {
        let global = format!("global_defs {{\n    default_interface {interface}\n}}\n");
        let lasting = "static_ipaddress {\n    10.44.0.1/24\n    10.44.1.1/24 dev eth1\n}\n";
        global + &config("virtual_ipaddress {\n        10.9.0.100\n    }", lasting)
    };
    let lan = master(context.subject(), &text("eth1"))?;
    let on = |interface: &str, address: &str| {
        lan.a.must(&format!("ip -o addr show dev {interface}")).is_ok_and(|text| text.contains(address))
    };
    until(ms(1000), "it is on eth1", || on("eth1", "10.44.0.1/24") && on("eth1", "10.44.1.1/24"))?;
    lan.a.configure(&text("eth0"))?;
    lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or_default(), 1)?;
    until(ms(2000), "it is on eth0 alone", || on("eth0", "10.44.0.1/24") && !on("eth1", "10.44.0.1/24"))?;
    ensure!(on("eth1", "10.44.1.1/24"), "the address that names an interface has moved");
    Ok(())
}
