//! What a machine does to the daemon.

use std::thread;
use std::time::{Duration, Instant};

use super::Couple;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::scenarios::lan::{Single, VIP, VRID, instance, ms, start};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F05",
        "a master that was frozen for half a second to six seconds: one holder at once after",
        frozen_master,
    ),
    withstands(
        "F07",
        "a backup that was frozen reads its mail first: no takeover of a living master",
        frozen_backup,
    ),
    withstands("F08", "both processors busy: no transition at 100 ms", busy),
    withstands("F09", "nobody takes log lines for ten seconds: no advert late", silent_log),
    withstands(
        "F40",
        "the worker is killed: the other box takes over, or the worker goes on; one holder",
        killed_worker,
    ),
    withstands(
        "F40",
        "parent and worker are killed: nothing of them is left after the next start",
        killed_both,
    ),
    withstands("F40", "pid files of others do not keep it from starting", stale_pid),
    withstands("F53", "a runtime directory that cannot be written in ends nothing", full_disk),
];

const STOP: i32 = 19;
const CONTINUE: i32 = 18;
const KILL: i32 = 9;

fn to_all(host: &Host, number: i32) -> Outcome {
    for process in host.keepalived() {
        host.signal(process.pid, number)?;
    }
    Ok(())
}

fn frozen_master(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    for pause in [500, 2500, 6000] {
        to_all(&pair.a, STOP)?;
        thread::sleep(ms(pause));
        to_all(&pair.a, CONTINUE)?;
        let thawed = Instant::now();
        until(ms(1000), "one holder", || pair.a.holds(VIP) != pair.b.holds(VIP))?;
        pair.is_with_a(ms(1000) + SLACK)?;
        pair.never_doubled(thawed + ms(1000), ms(10))?;
        pair.stays_with_a(ms(1500))?;
    }
    pair.is_sound()
}

fn frozen_backup(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let (mark_a, mark_b) = (pair.a.log.mark(), pair.b.log.mark());
    for pause in [100, 900, 3700, 20, 4400, 350, 5100] {
        to_all(&pair.b, STOP)?;
        thread::sleep(ms(pause));
        to_all(&pair.b, CONTINUE)?;
        pair.stays_with_a(ms(1100))?;
    }
    ensure_same!(pair.a.log.since(mark_a, "Entering").len(), 0, "changes of A's role");
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    Ok(())
}

fn busy(context: &Context) -> Outcome {
    let fast = |priority| {
        "global_defs {\n    vrrp_version 3\n}\n".to_owned()
            + &instance(priority, "").replace("advert_int 1\n", "advert_int 0.1\n")
    };
    let pair = Couple::of(context, &fast(150), &fast(100))?;
    let (mark_a, mark_b) = (pair.a.log.mark(), pair.b.log.mark());
    let mut loads = Vec::new();
    for _ in 0..4 {
        loads.push(pair.a.background("exec timeout 12 sh -c 'while :; do :; done'")?);
        loads.push(pair.b.background("exec timeout 12 sh -c 'while :; do :; done'")?);
    }
    thread::sleep(ms(10_000));
    for load in &mut loads {
        load.kill()?;
        load.wait()?;
    }
    ensure_same!(pair.a.log.since(mark_a, "Entering").len(), 0, "changes of A's role");
    ensure_same!(pair.b.log.since(mark_b, "Entering").len(), 0, "changes of B's role");
    ensure!(pair.a.holds(VIP) && !pair.b.holds(VIP), "the address moved");
    Ok(())
}

fn silent_log(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    lan.a.log.pause();
    let begin = Instant::now();
    for _ in 0..2000 {
        // Each of them is worth a line.
        lan.injector.send(&Single::forged(50).frame())?;
        thread::sleep(ms(5));
    }
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    lan.a.log.resume();
    ensure!(gap < ms(1200), "a gap of {gap:?} between adverts");
    Ok(())
}

fn killed_worker(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    let worker = pair.a.pid_file("/run/vrrp.pid").ok_or_else(|| Fault::Failed("no vrrp.pid".to_owned()))?;
    let at = Instant::now();
    pair.a.signal(worker, KILL)?;
    // Wherever the role goes, there is one holder that answers, all the time but for an instant.
    thread::sleep(master_down(150) + master_down(100) + ms(1000));
    pair.never_doubled(at, ms(200))?;
    let none = pair.vigil.longest(at, |holders| holders == 0);
    ensure!(none <= ms(200), "nobody held the address for {none:?}");
    pair.is_with_a(ms(1000) + SLACK)?;
    pair.is_sound()
}

fn killed_both(context: &Context) -> Outcome {
    let pair = Couple::settled(context, "", "")?;
    pair.a.power_cut()?;
    pair.b.gains(VIP, master_down(100) + SLACK)?;
    // The next start finds the address and must not answer for it while it is a backup.
    pair.a.configure(&instance(50, ""))?;
    let begin = start(&pair.a)?;
    pair.a.loses(VIP, ms(1000))?;
    always(ms(1500), "B alone holds the address", || pair.b.holds(VIP) && !pair.a.holds(VIP))?;
    pair.client.served_by("b", begin + Duration::from_millis(500), ms(3000))?;
    Ok(())
}

fn stale_pid(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    let mut other = lan.a.background("exec sleep 1000")?;
    until(ms(1000), "somebody else runs", || lan.a.processes().iter().any(|one| one.comm == "sleep"))?;
    let pid = lan.a.processes().iter().find(|one| one.comm == "sleep").map_or(0, |one| one.pid);
    for file in ["/run/keepalived.pid", "/run/vrrp.pid"] {
        lan.a.write(file, &format!("{pid}\n"), 0o644)?;
    }
    lan.start_as_master(150)?;
    ensure!(lan.a.processes().iter().any(|one| one.pid == pid), "somebody else was ended");
    other.kill()?;
    other.wait()?;
    Ok(())
}

fn full_disk(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    lan.a.must("mount -t tmpfs -o size=4k full /tmp && head -c 8192 /dev/zero > /tmp/filler || true")?;
    for number in [10, 12] {
        let parent = lan.a.pid_file("/run/keepalived.pid").unwrap_or(0);
        lan.a.signal(parent, number)?;
        thread::sleep(ms(300));
    }
    lan.a.must("keepalived -t && kill -HUP $(cat /run/keepalived.pid)")?;
    always(skew(150) + ms(2500), "the address is held", || lan.a.holds(VIP))?;
    Ok(())
}
