//! What reloads do.

use std::thread;
use std::time::Instant;

use super::Couple;
use crate::lab::{always, until};
use crate::outcome::Outcome;
use crate::probe::{SLACK, Vigil, master_down};
use crate::scenarios::lan::{Single, VIP, VRID, instance, ms};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F20",
        "a reload within the start delay, and one that removes it: in service in time",
        within_delay,
    ),
    withstands("F21", "a reload of a master with preempt_delay goes unnoticed", preempt_delay),
    withstands("F30", "two hundred addresses and reloads without a change: nothing is touched", no_change),
    withstands("F31", "a reload of a broken file leaves everything as it was", broken),
    withstands("F32", "an address moves to another instance and stays there all the time", moved),
    withstands("F34", "a third address on the backup first: no takeover", staged),
];

fn hup(host: &crate::lab::Host) -> Outcome {
    host.must("kill -HUP $(cat /run/keepalived.pid)")?;
    Ok(())
}

fn within_delay(context: &Context) -> Outcome {
    let delay = "global_defs {\n    vrrp_startup_delay 5\n}\n";
    for next in [delay, ""] {
        let lan = Single::set(context, &(delay.to_owned() + &instance(150, "")))?;
        let begin = lan.start()?;
        thread::sleep(ms(1500));
        lan.a.configure(&(next.to_owned() + &instance(150, "")))?;
        hup(&lan.a)?;
        let left = ms(5000 + 1500).saturating_sub(begin.elapsed());
        lan.a.gains(VIP, left + master_down(150) + SLACK)?;
    }
    Ok(())
}

fn preempt_delay(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "preempt_delay 60")?;
    let begin = Instant::now();
    for _ in 0..3 {
        hup(&pair.a)?;
        pair.stays_with_a(ms(2300))?;
    }
    let gap = pair.lab().capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn no_change(context: &Context) -> Outcome {
    let addresses: String = (1..=200).map(|last| format!("        10.9.7.{last}\n")).collect();
    let pair = Couple::settled(context, "", &format!("virtual_ipaddress_excluded {{\n{addresses}    }}"))?;
    until(ms(3000), "the last address", || pair.a.holds([10, 9, 7, 200].into()))?;
    thread::sleep(ms(6000));
    let begin = Instant::now();
    let mut watch = pair.a.background("exec timeout 30 ip monitor address > /tmp/changes")?;
    for _ in 0..10 {
        hup(&pair.a)?;
        thread::sleep(ms(700));
    }
    watch.kill()?;
    watch.wait()?;
    ensure_same!(pair.a.read("/tmp/changes").lines().count(), 0, "changes of addresses");
    ensure!(pair.client.outage_ms(begin) < 200, "the customer waited {} ms", pair.client.outage_ms(begin));
    let gap = pair.lab().capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn broken(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let mark_b = pair.b.log.mark();
    let broken = instance(150, "").replace("virtual_router_id 51", "");
    pair.a.configure(&broken)?;
    hup(&pair.a)?;
    pair.stays_with_a(ms(2500))?;
    std::fs::remove_file(pair.a.path("/etc/keepalived/keepalived.conf"))?;
    hup(&pair.a)?;
    pair.stays_with_a(ms(2500))?;
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    pair.a.configure(&instance(160, ""))?;
    let at = Instant::now();
    hup(&pair.a)?;
    pair.lab().capture.wait_advert("a", VRID, at, ms(2000), |advert| advert.priority == 160)?;
    Ok(())
}

fn moved(context: &Context) -> Outcome {
    let second = |config: String| config.replace("VI_1", "VI_2").replace("_id 51", "_id 52");
    let own = |config: String| config.replace("0.100", "0.103");
    let extra = "virtual_ipaddress_excluded {\n        10.9.0.111\n    }";
    let before = instance(150, extra) + &own(second(instance(150, "")));
    let after = instance(150, "") + &own(second(instance(150, extra)));
    let lan = Single::set(context, &before)?;
    lan.start_as_master(150)?;
    let wanderer = std::net::Ipv4Addr::new(10, 9, 0, 111);
    lan.a.gains(wanderer, ms(1000))?;
    lan.a.gains([10, 9, 0, 103].into(), ms(1500))?;
    let vigil = Vigil::over(&[&lan.a], wanderer);
    thread::sleep(ms(300));
    let at = Instant::now();
    lan.a.configure(&after)?;
    hup(&lan.a)?;
    thread::sleep(ms(2500));
    let absent = vigil.longest(at, |holders| holders == 0);
    ensure!(absent <= ms(10), "it was gone for {absent:?}");
    ensure!(lan.a.holds(wanderer), "it is gone");
    Ok(())
}

fn staged(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let third = |priority| {
        instance(priority, "").replace("        10.9.0.100\n", "        10.9.0.100\n        10.9.0.112\n")
    };
    let wanted = std::net::Ipv4Addr::new(10, 9, 0, 112);
    pair.b.configure(&third(100))?;
    hup(&pair.b)?;
    always(master_down(100) + ms(1500), "B holds neither", || !pair.b.holds(VIP) && !pair.b.holds(wanted))?;
    pair.a.configure(&third(150))?;
    hup(&pair.a)?;
    pair.a.gains(wanted, ms(1500))?;
    always(ms(2000), "A alone holds both", || {
        pair.a.holds(VIP) && pair.a.holds(wanted) && !pair.b.holds(VIP) && !pair.b.holds(wanted)
    })
}
