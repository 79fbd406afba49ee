//! Junk on the wire: too much of it, and too strange.

use std::thread;
use std::time::{Duration, Instant};

use super::lan::{Single, VIP, VRID, instance, ms, says};
use crate::ensure;
use crate::outcome::Outcome;
use crate::table::{Context, Scenario, decision, original};
use crate::wire::Forged;

const F: &str = "junk";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "packets cut at every length cause no transition of a backup", cut_backup),
    original(F, "adverts of other virtual routers leave a master alone", other_routers),
    decision("D3", F, "twenty refused packets a second for our router: no advert late", refused_stream),
    decision("D3", F, "a flood of refused packets for ten seconds: no advert late", refused_flood),
    decision("D3", F, "a flood of changed octets for ten seconds: no advert late", changed_flood),
];

/// A correct advert cut at every length, the IPv4 header left as it was.
fn cuts() -> Vec<Vec<u8>> {
    let whole = Single::forged(250).frame();
    (14..whole.len()).map(|length| whole[..length].to_vec()).collect()
}

fn cut_backup(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let cuts = cuts();
    lan.other_master(&Single::forged(200), 5, || cuts.iter().try_for_each(|cut| lan.injector.send(cut)))?;
    ensure!(lan.adverts(begin).is_empty() && !lan.a.holds(VIP), "a transition");
    Ok(())
}

fn other_routers(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    let frames: Vec<Vec<u8>> = (1..=255)
        .filter(|vrid| *vrid != VRID)
        .map(|vrid| Forged::new([10, 9, 0, 77], vrid, 250, &[VIP.octets()]).frame())
        .collect();
    undisturbed(&lan, &frames, 1000, Duration::from_secs(4))
}

/// Sends the frames over and over to a master and wants every advert on time.
fn undisturbed(lan: &Single, frames: &[Vec<u8>], per_second: u32, during: Duration) -> Outcome {
    thread::sleep(ms(500));
    let mark = lan.a.log.mark();
    let begin = Instant::now();
    lan.injector.flood(frames, per_second, during);
    let gap = lan.lab.capture.worst_gap(VRID, begin - ms(1000), Instant::now());
    ensure!(gap < ms(1050), "a gap of {gap:?} between adverts");
    ensure!(lan.a.holds(VIP), "the address is gone");
    ensure!(lan.a.log.since(mark, "Entering").is_empty(), "a transition");
    ensure!(lan.a.log.mark() - mark < 200, "{} log lines", lan.a.log.mark() - mark);
    Ok(())
}

fn refused() -> Vec<Vec<u8>> {
    let forged = |change: fn(&mut Forged)| {
        let mut forged = Single::forged(250);
        change(&mut forged);
        forged.frame()
    };
    vec![
        forged(|p| p.ttl = 1),
        forged(|p| p.checksum_error = 7),
        forged(|p| p.interval = 9),
        forged(|p| p.auth_type = 1),
        forged(|p| p.version_type = 0x2f),
    ]
}

fn refused_stream(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    undisturbed(&lan, &refused(), 20, Duration::from_secs(6))
}

fn refused_flood(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    undisturbed(&lan, &refused(), 50_000, Duration::from_secs(10))
}

fn changed_flood(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    let whole = Single::forged(250).frame();
    let mut frames = Vec::new();
    // Every octet of the VRRP message but the VRID, with every bit turned: the checksum never fits.
    for place in (34..whole.len()).filter(|place| *place != 35) {
        for bit in 0..8 {
            let mut frame = whole.clone();
            frame[place] ^= 1 << bit;
            frames.push(frame);
        }
    }
    frames.extend(cuts());
    undisturbed(&lan, &frames, 20_000, Duration::from_secs(10))
}
