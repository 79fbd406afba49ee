//! Networks that lose, delay, double and reorder frames (netem).

use std::time::{Duration, Instant};

use super::super::lan::{Two, VIP, VRID, instance, ms, start};
use super::{F, PATIENCE, needs};
use crate::ensure;
use crate::lab::{always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::master_down;
use crate::table::{Context, Scenario, original};

pub const SCENARIOS: &[Scenario] = &[
    original(F, "delayed, doubled and reordered adverts cost no role", reordered),
    original(F, "with a tenth of the adverts lost only three lost in a row cost the role", lossy),
];

/// A settled pair with this many seconds between adverts, behind a bad network of A.
fn pair(context: &Context, interval: &str) -> Result<Two, Fault> {
    needs("netem")?;
    let config =
        |priority| instance(priority, "version 3").replace("advert_int 1", &format!("advert_int {interval}"));
    let lan = Two::set(context, &config(150), &config(100))?;
    for host in [&lan.a, &lan.b] {
        start(host)?;
        host.log.wait(0, "(VI_1) Entering BACKUP STATE", PATIENCE)?;
    }
    until(master_down(150) + PATIENCE, "A alone holds the address", || {
        lan.a.holds(VIP) && !lan.b.holds(VIP)
    })?;
    Ok(lan)
}

fn reordered(context: &Context) -> Outcome {
    let lan = pair(context, "1")?;
    let mark = lan.b.log.mark();
    for host in [&lan.a, &lan.b] {
        host.must("tc qdisc add dev eth0 root netem delay 300ms 250ms duplicate 30% reorder 25% 50%")?;
    }
    always(ms(8000), "A alone holds the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    ensure!(lan.b.log.since(mark, "Entering").is_empty(), "B changed its state");
    Ok(())
}

/// How long the network is bad.
const BAD: Duration = ms(12_000);

fn lossy(context: &Context) -> Outcome {
    let lan = pair(context, "0.4")?;
    let mark = lan.b.log.mark();
    let begin = Instant::now();
    lan.a.must("tc qdisc add dev eth0 root netem loss 10%")?;
    // What is captured has come through. Version 3: three adverts, and skew of one of them.
    let bound = ms(3 * 400) + ms(400 * (256 - 100) / 256);
    let heard = |till| lan.lab.capture.worst_gap(VRID, begin - ms(1000), till);
    let deadline = begin + BAD;
    while Instant::now() < deadline {
        let taken = lan.b.log.since(mark, "Entering MASTER STATE");
        if let Some(line) = taken.first() {
            let gap = heard(line.at);
            ensure!(gap >= bound, "B took over although the longest silence was {gap:?}");
            break;
        }
        std::thread::sleep(ms(100));
    }
    lan.a.must("tc qdisc del dev eth0 root")?;
    until(master_down(100) + PATIENCE, "A alone holds the address", || {
        lan.a.holds(VIP) && !lan.b.holds(VIP)
    })?;
    Ok(())
}
