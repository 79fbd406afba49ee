//! Sync groups, tracked interfaces and how addresses are announced.

use std::thread;
use std::time::Instant;

use super::lan::{Single, TRACK, VIP, VRID, in_window, instance, ms, says, script};
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::table::{Context, Scenario, original};
use crate::wire::Forged;
use crate::{ensure, ensure_same};

const F: &str = "together";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a group becomes master as a whole", group_start),
    original(F, "a stronger advert for one member takes the whole group down", group_yields),
    original(F, "a fault of one member is a fault of all", group_fault),
    original(F, "a tracked interface without weight is a fault when it is down", interface_fault),
    original(F, "a tracked interface with weight changes the priority", interface_weight),
    original(F, "garp_master_repeat, delay and refresh are kept", garp_settings),
    original(F, "garp_master_delay 0 means no second burst", garp_no_delay),
    original(F, "vrrp_garp_interval spaces the frames", garp_interval),
    original(F, "lower_prio_no_advert: a master leaves a weaker advert unanswered", no_answer),
    original(F, "unicast: adverts go to the peers alone and the peer's are heard", unicast),
    original(F, "several instances on one interface do not disturb each other", many_instances),
    original(F, "advert_int 2 doubles the times", slow_adverts),
];

fn second(config: &str) -> String {
    config.replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("0.100", "0.101")
}

/// Two instances in a group; the second one tracks a script.
fn group(context: &Context) -> Result<Single, Fault> {
    let group = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";
    let config = script("interval 1") + group + &instance(150, "") + &second(&instance(150, TRACK));
    let lan = Single::set(context, &config)?;
    lan.a.write("/tmp/ok", "", 0o644)?;
    Ok(lan)
}

fn holds_both(lan: &Single) -> bool {
    lan.a.holds(VIP) && lan.a.holds([10, 9, 0, 101].into())
}

fn holds_none(lan: &Single) -> bool {
    !lan.a.holds(VIP) && !lan.a.holds([10, 9, 0, 101].into())
}

fn group_start(context: &Context) -> Outcome {
    let lan = group(context)?;
    lan.start()?;
    says(&lan.a, "VRRP_Group(G1) Syncing instances to MASTER state", master_down(150) * 2 + ms(1500))?;
    until(ms(300), "both addresses", || holds_both(&lan))?;
    Ok(())
}

fn group_yields(context: &Context) -> Outcome {
    let lan = group(context)?;
    lan.start()?;
    until(master_down(150) * 2 + ms(1500), "both addresses", || holds_both(&lan))?;
    thread::sleep(ms(200));
    let at = Instant::now();
    lan.injector.send(&Single::forged(200).frame())?;
    until(ms(300), "no address", || holds_none(&lan))?;
    says(&lan.a, "VRRP_Group(G1) Syncing instances to BACKUP state", ms(300))?;
    let zeros = lan.lab.capture.adverts("a", 52, at).iter().filter(|advert| advert.priority == 0).count();
    ensure_same!(zeros, 0, "priority 0 of the member that was pulled along");
    Ok(())
}

fn group_fault(context: &Context) -> Outcome {
    let lan = group(context)?;
    lan.start()?;
    until(master_down(150) * 2 + ms(1500), "both addresses", || holds_both(&lan))?;
    let at = Instant::now();
    std::fs::remove_file(lan.a.path("/tmp/ok"))?;
    until(ms(1500), "no address", || holds_none(&lan))?;
    says(&lan.a, "VRRP_Group(G1) Syncing instances to FAULT state", ms(300))?;
    for vrid in [51, 52] {
        lan.lab.capture.wait_advert("a", vrid, at, ms(300), |advert| advert.priority == 0)?;
    }
    lan.a.write("/tmp/ok", "", 0o644)?;
    until(master_down(150) * 2 + ms(1500), "both addresses again", || holds_both(&lan))?;
    Ok(())
}

fn dummy(lan: &Single) -> Outcome {
    lan.a.must("ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up")?;
    Ok(())
}

fn interface_fault(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "track_interface {\n        d0\n    }"))?;
    dummy(&lan)?;
    lan.start_as_master(150)?;
    let at = Instant::now();
    lan.a.must("ip link set d0 down")?;
    lan.a.loses(VIP, ms(500))?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(300), |advert| advert.priority == 0)?;
    says(&lan.a, "(VI_1) Entering FAULT STATE", ms(300))?;
    lan.a.must("ip link set d0 up")?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}

fn interface_weight(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "track_interface {\n        d0 weight -40\n    }"))?;
    dummy(&lan)?;
    lan.start_as_master(150)?;
    let at = Instant::now();
    lan.a.must("ip link set d0 down")?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(1000) + SLACK, |advert| advert.priority == 110)?;
    let at = Instant::now();
    lan.a.must("ip link set d0 up")?;
    lan.lab.capture.wait_advert("a", VRID, at, ms(1000) + SLACK, |advert| advert.priority == 150)?;
    ensure!(lan.a.holds(VIP), "it stays master");
    Ok(())
}

fn garp_times(lan: &Single, begin: Instant) -> Vec<Instant> {
    lan.lab.capture.garps("a", begin).into_iter().map(|garp| garp.at).collect()
}

fn owner(more: &str) -> String {
    instance(255, more).replace("state BACKUP", "state MASTER")
}

fn garp_settings(context: &Context) -> Outcome {
    let more = "garp_master_repeat 2\n    garp_master_delay 1\n    garp_master_refresh 2\n    garp_master_refresh_repeat 3";
    let lan = Single::set(context, &owner(more))?;
    let begin = lan.start()?;
    until(ms(1000), "the first burst", || !garp_times(&lan, begin).is_empty())?;
    thread::sleep(ms(5600));
    let times = garp_times(&lan, begin);
    // Two at once, two after one second, then three every two seconds. 2.2.7 counts those from the beginning,
    // 2.4.3 from the second burst.
    ensure_same!(times.len(), 2 + 2 + 3 + 3, "gratuitous ARPs in 5.6 s");
    in_window("the second burst came", times[0], times[2], ms(970), ms(1000) + SLACK)?;
    in_window("the first refresh came", times[0], times[4], ms(1970), ms(3000) + SLACK)?;
    in_window("the second refresh came", times[4], times[7], ms(1970), ms(2000) + SLACK)
}

fn garp_no_delay(context: &Context) -> Outcome {
    let lan = Single::set(context, &owner("garp_master_delay 0"))?;
    let begin = lan.start()?;
    until(ms(1000), "the first burst", || garp_times(&lan, begin).len() == 5)?;
    thread::sleep(ms(6000));
    ensure_same!(garp_times(&lan, begin).len(), 5, "gratuitous ARPs");
    Ok(())
}

fn garp_interval(context: &Context) -> Outcome {
    let three = owner("").replace("10.9.0.100\n", "10.9.0.100\n        10.9.0.101\n        10.9.0.102\n");
    let lan = Single::set(context, &("global_defs {\n    vrrp_garp_interval 0.1\n}\n".to_owned() + &three))?;
    let begin = lan.start()?;
    let announced =
        |last: u8| lan.lab.capture.garps("a", begin).iter().any(|garp| garp.address.octets()[3] == last);
    until(ms(2000), "all are announced", || announced(100) && announced(101) && announced(102))?;
    // How often each is repeated is not the point: 2.2.7 folds repetitions that wait in the queue into one.
    for pair in garp_times(&lan, begin).windows(2) {
        in_window("the next frame came", pair[0], pair[1], ms(95), ms(100) + SLACK)?;
    }
    Ok(())
}

fn no_answer(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "lower_prio_no_advert true"))?;
    lan.start_as_master(150)?;
    let told = lan.adverts(Instant::now() - ms(2000));
    let last = told.last().map_or_else(Instant::now, |advert| advert.at);
    thread::sleep(ms(300));
    lan.injector.send(&Single::forged(50).frame())?;
    let next = lan.lab.capture.wait_advert("a", VRID, last + ms(1), ms(1000) + SLACK, |_| true)?;
    in_window("the next advert came", last, next.at, ms(990), ms(1400))
}

fn unicast(context: &Context) -> Outcome {
    let peer = "unicast_src_ip 10.9.0.1\n    unicast_peer {\n        10.9.0.2\n    }";
    let lan = super::lan::Two::set(
        context,
        &instance(150, peer),
        &instance(100, &peer.replace("0.2", "0.X").replace("0.1", "0.2").replace("0.X", "0.1")),
    )?;
    let begin = super::lan::start(&lan.a)?;
    super::lan::start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + ms(1500))?;
    always(ms(2500), "B hears A", || !lan.b.holds(VIP))?;
    let adverts = lan.lab.capture.adverts("a", VRID, begin);
    ensure!(adverts.len() >= 2, "adverts: {}", adverts.len());
    for advert in &adverts {
        ensure_same!(advert.bytes[30..34], [10, 9, 0, 2], "destination");
    }
    let at = lan.a.signal(lan.a.pid_file("/run/keepalived.pid").unwrap_or(0), 15)?;
    let first = lan.lab.capture.wait_advert("b", VRID, at, skew(100) + ms(800), |_| true)?;
    in_window("took over", at, first.at, skew(100) - ms(5), skew(100) + SLACK)
}

fn many_instances(context: &Context) -> Outcome {
    let mut config = String::new();
    for number in 1..=8_u8 {
        config += &instance(100 + number, "")
            .replace("VI_1", &format!("VI_{number}"))
            .replace("_id 51", &format!("_id {number}"))
            .replace("0.100", &format!("0.{}", 100 + number));
    }
    let lan = Single::set(context, &config)?;
    let begin = lan.start()?;
    lan.a.gains([10, 9, 0, 101].into(), master_down(101) + ms(1500))?;
    let stronger = Forged::new(super::lan::STRANGER, 3, 200, &[[10, 9, 0, 103]]);
    let at = Instant::now();
    lan.injector.send(&stronger.frame())?;
    lan.a.loses([10, 9, 0, 103].into(), ms(300))?;
    thread::sleep(ms(1200));
    for number in (1..=8_u8).filter(|number| *number != 3) {
        ensure!(lan.a.holds([10, 9, 0, 100 + number].into()), "VI_{number} lost its address");
        let first = lan.lab.capture.adverts("a", number, begin);
        ensure_same!(
            first.first().map(|advert| advert.priority),
            Some(100 + number),
            "priority of VI_{number}"
        );
        let gap = lan.lab.capture.worst_gap(number, at - ms(500), Instant::now());
        ensure!(gap < ms(1000) + SLACK, "VI_{number}: a gap of {gap:?}");
    }
    Ok(())
}

fn slow_adverts(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(200, "").replace("advert_int 1", "advert_int 2"))?;
    let begin = lan.start()?;
    let ready = says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let first = lan.lab.capture.wait_advert("a", VRID, begin, ms(8000), |_| true)?;
    let bound = ms(6000) + skew(200);
    in_window("the first advert came", ready.at, first.at, bound - ms(100), bound + SLACK)?;
    let next = lan.lab.capture.wait_advert("a", VRID, first.at + ms(1), ms(3000), |_| true)?;
    in_window("the second advert came", first.at, next.at, ms(1990), ms(2000) + SLACK)?;
    ensure_same!(first.bytes[34 + 5], 2, "interval in the advert");
    Ok(())
}
