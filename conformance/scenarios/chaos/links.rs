//! Interfaces, routes and rules that are not there when they are needed.

use std::thread;
use std::time::Instant;

use super::{quick, quick_down, sound};
use crate::lab::until;
use crate::outcome::Outcome;
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, VIP, ms, says};
use crate::scenarios::soak::Census;
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F13",
        "a route, a rule and a whole table removed by others are back at once, and counted",
        table,
    ),
    withstands("F15", "an interface that appears long after the start is used at once", late),
    withstands("F15", "an interface that is not there stops the start, and the log names it", absent),
    withstands(
        "F16",
        "interfaces of three kinds deleted and made again fifty times: in service each time",
        parents,
    ),
];

fn table(context: &Context) -> Outcome {
    let more = "virtual_routes {\n        10.20.0.0/24 via 10.9.0.2 dev eth0\n        \
                10.21.0.0/24 via 10.9.0.2 dev eth0 table 88\n        10.22.0.0/24 dev eth0 table 88\n    }\n    \
                virtual_rules {\n        from 10.9.0.100 table 88 priority 500\n    }";
    let lan = Single::set(context, &quick(150, more))?;
    lan.start()?;
    let all_there = || {
        let shown = lan.a.must("ip route; ip route show table 88 2>/dev/null; ip rule").unwrap_or_default();
        ["10.20.0.0", "10.21.0.0", "10.22.0.0", "500:"].iter().all(|sign| shown.contains(sign))
    };
    until(quick_down(150) + ms(1500), "routes and the rule", all_there)?;
    let mark = lan.a.log.mark();
    for command in ["ip route del 10.20.0.0/24", "ip rule del pref 500", "ip route flush table 88"] {
        lan.a.must(command)?;
        until(ms(100) + SLACK / 2, &format!("everything is there after {command}"), all_there)?;
        thread::sleep(ms(300));
        ensure!(all_there() && lan.a.holds(VIP), "it did not stay after {command}");
    }
    ensure_same!(lan.a.log.since(mark, "Entering").len(), 0, "changes of the role");
    ensure_same!(lan.a.log.since(mark, "was removed by another program").len(), 4, "removals in the log");
    sound(&lan.lab, &[&lan.a])
}

fn elsewhere() -> String {
    quick(150, "").replace("eth0", "eth9").replace("10.9.0.100", "10.8.0.100")
}

fn late(context: &Context) -> Outcome {
    let config = "global_defs {\n    dynamic_interfaces\n}\n".to_owned() + &elsewhere();
    let lan = Single::set(context, &config)?;
    lan.start()?;
    let line = says(&lan.a, "FAULT state (", ms(2000))?;
    ensure!(line.text.contains("eth9"), "no cause: {}", line.text);
    thread::sleep(ms(1000));
    let mark = lan.a.log.mark();
    lan.a.cable("eth9", "10.8.0.1/24", None)?;
    let usable = Instant::now();
    let line = lan.a.log.wait(mark, "Entering BACKUP STATE", ms(200) + SLACK)?;
    ensure!(line.at <= usable + ms(200) + SLACK, "backup {:?} after it could be", line.at - usable);
    lan.a.gains([10, 8, 0, 100].into(), quick_down(150) + SLACK)?;
    sound(&lan.lab, &[&lan.a])
}

fn absent(context: &Context) -> Outcome {
    let lan = Single::set(context, &elsewhere())?;
    let run = lan.a.run("timeout 10 keepalived -n")?;
    ensure_same!(run.code, 2, "exit status");
    ensure!(!lan.a.log.since(0, "eth9").is_empty(), "no line names the interface");
    lan.a.quiet(ms(500))?;
    Ok(())
}

/// Routers on a cable, on a macvlan, and with an own MAC on the cable.
fn three_kinds() -> String {
    let other = |number: u8, interface: &str, more: &str| {
        quick(150, more)
            .replace("advert_int 0.2", "advert_int 0.1")
            .replace("VI_1", &format!("VI_{number}"))
            .replace("_id 51", &format!("_id {}", 50 + number))
            .replace("eth0", interface)
            .replace("10.9.0.100", &format!("10.{number}.0.100"))
    };
    let dynamic = "global_defs {\n    dynamic_interfaces allow_if_changes\n}\n".to_owned();
    dynamic + &other(1, "eth1", "") + &other(2, "eth2", "") + &other(3, "eth1", "use_vmac")
}

fn parents(context: &Context) -> Outcome {
    let lan = Single::set(context, &three_kinds())?;
    let make = "ip link add eth1 type veth peer name p1 && ip link set p1 up && \
                ip addr add 10.8.0.1/24 dev eth1 && ip link set eth1 up && \
                ip link add eth2 link eth0 type macvlan mode bridge && \
                ip addr add 10.7.0.1/24 dev eth2 && ip link set eth2 up";
    let in_service = || (1..=3).all(|number| lan.a.holds([10, number, 0, 100].into()));
    let serves = |within| until(quick_down(150) / 2 + ms(within), "all are in service", in_service);
    lan.a.must(make)?;
    lan.start()?;
    serves(2000)?;
    let mut before = None;
    for round in 1..=50 {
        lan.a.must("ip link del eth1 && ip link del eth2")?;
        lan.a.must(make)?;
        // The others are deleted while they wait, or are in FAULT.
        if round % 5 == 0 {
            serves(700)?;
            thread::sleep(ms(100));
        }
        if round == 10 {
            before = Some(Census::of(&lan.a));
        }
    }
    thread::sleep(ms(500));
    ensure!(in_service(), "it did not stay");
    sound(&lan.lab, &[&lan.a])?;
    before.map_or(Ok(()), |before| before.compare(&Census::of(&lan.a)))
}
