//! Packets that are refused: a line that says why, and nothing else happens.

use std::time::{Duration, Instant};

use super::lan::{A, STRANGER, Single, VIP, VRID, in_window, instance, ms, says};
use crate::ensure;
use crate::lab::always;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, original};
use crate::wire::{Forged, checksum};

const F: &str = "rejects";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "every reason is said once and a backup stays backup", backup_says_why),
    original(F, "a wrong password is said and a backup stays backup", password),
    original(F, "refused packets are no sign of life", no_sign_of_life),
    original(F, "refused packets now and then leave a master alone", master_unmoved),
    original(F, "frames padded by the network card are accepted", padding),
];

/// A refused packet and the line about it.
struct Refused {
    frame: Vec<u8>,
    /// Word for word in 2.2.7.
    theirs: &'static str,
    /// In 2.4.3, which names the sender.
    ours: &'static str,
}

fn changed(change: impl FnOnce(&mut Forged)) -> Vec<u8> {
    let mut forged = Single::forged(200);
    change(&mut forged);
    forged.frame()
}

/// Puts another protocol into the IPv4 header and mends its checksum.
fn with_protocol(mut frame: Vec<u8>, protocol: u8) -> Vec<u8> {
    frame[14 + 9] = protocol;
    frame[14 + 10..14 + 12].fill(0);
    let sum = checksum(&frame[14..34]).to_be_bytes();
    frame[14 + 10..14 + 12].copy_from_slice(&sum);
    frame
}

/// Cuts a frame to that many octets of VRRP and mends the IPv4 header.
fn cut(octets: usize) -> Vec<u8> {
    let mut frame = Single::forged(200).frame();
    frame.truncate(34 + octets);
    let total = u16::try_from(20 + octets).unwrap_or(0).to_be_bytes();
    frame[16..18].copy_from_slice(&total);
    with_protocol(frame, 112)
}

fn plain_reasons() -> Vec<Refused> {
    vec![
        Refused {
            frame: changed(|p| p.ttl = 254),
            theirs: "(VI_1) invalid TTL/HL. Received 254 and expect 255",
            ours: "(VI_1) invalid TTL/HL from 10.9.0.77. Received 254 and expect 255",
        },
        Refused {
            frame: changed(|p| p.trailer = vec![0; 9]),
            theirs: "(VI_1) vrrp packet too long, length 49 and expect 40",
            ours: "(VI_1) vrrp packet from 10.9.0.77 too long, length 49 and expect 40",
        },
        Refused {
            frame: changed(|p| p.auth_type = 7),
            theirs: "(VI_1) Invalid auth type: 7",
            ours: "(VI_1) Invalid auth type from 10.9.0.77: 7",
        },
        Refused {
            frame: changed(|p| p.auth_type = 1),
            theirs: "(VI_1) received a 1 auth, expecting 0!",
            ours: "(VI_1) received a 1 auth from 10.9.0.77, expecting 0!",
        },
        Refused {
            frame: changed(|p| p.interval = 3),
            theirs: "(VI_1) advertisement interval mismatch mine=1 sec rcv'd=3 sec",
            ours: "(VI_1) advertisement interval mismatch with 10.9.0.77 mine=1 sec rcv'd=3 sec",
        },
        Refused {
            frame: changed(|p| p.version_type = 0x22),
            theirs: "(VI_1) Invalid packet type. 2 and expect 1",
            ours: "(VI_1) Invalid packet type from 10.9.0.77. 2 and expect 1",
        },
        Refused {
            frame: changed(|p| p.checksum_error = 1),
            theirs: "(VI_1) Invalid VRRPv2 checksum",
            ours: "(VI_1) Invalid VRRPv2 checksum from 10.9.0.77",
        },
        Refused {
            frame: changed(|p| {
                p.version_type = 0x31;
                p.auth.clear();
            }),
            theirs: "(VI_1) wrong version. Received 3 and expect 2",
            ours: "(VI_1) wrong VRRP version from 10.9.0.77. Received 3 and expect 2",
        },
        Refused { frame: cut(4), theirs: "IPv4 VRRP packet too short", ours: "IPv4 VRRP packet too short" },
    ]
}

fn backup_says_why(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let alive = Single::forged(200);
    for reason in plain_reasons() {
        lan.injector.send(&alive.frame())?;
        lan.injector.send(&reason.frame)?;
        let text = if context.subject() == Subject::Ours { reason.ours } else { reason.theirs };
        says(&lan.a, text, ms(500))?;
        std::thread::sleep(ms(300));
    }
    ensure!(lan.adverts(begin).is_empty() && !lan.a.holds(VIP), "a refused packet caused a transition");
    Ok(())
}

fn password(context: &Context) -> Outcome {
    let auth = "authentication {\n        auth_type PASS\n        auth_pass secret\n    }";
    let lan = Single::set(context, &instance(100, auth))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let mut right = Single::forged(200);
    right.auth_type = 1;
    right.auth = b"secret\0\0".to_vec();
    let mut wrong = right.clone();
    wrong.auth = b"secres\0\0".to_vec();
    lan.other_master(&right, 4, || lan.injector.send(&wrong.frame()))?;
    let text = match context.subject() {
        Subject::Ours => "(VI_1) received an invalid passwd from 10.9.0.77!",
        Subject::Theirs => "(VI_1) received an invalid passwd!",
    };
    says(&lan.a, text, ms(100))?;
    ensure!(lan.adverts(begin).is_empty() && !lan.a.holds(VIP), "a refused packet caused a transition");
    Ok(())
}

fn no_sign_of_life(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    lan.other_master(&Single::forged(200), 2, || Ok(()))?;
    let last = Instant::now();
    lan.injector.send(&Single::forged(200).frame())?;
    let wrong = changed(|p| p.checksum_error = 1);
    let until = last + master_down(100);
    while Instant::now() < until {
        lan.injector.send(&wrong)?;
        std::thread::sleep(ms(450));
    }
    let first = lan.lab.capture.wait_advert("a", VRID, last, SLACK + ms(500), |_| true)?;
    in_window("took over", last, first.at, master_down(100) - ms(5), master_down(100) + SLACK)
}

fn master_unmoved(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    lan.start_as_master(100)?;
    for reason in plain_reasons().iter().take(5) {
        lan.injector.send(&reason.frame)?;
        // Slower than the advert interval: faster ones silence the original (decision D3).
        always(Duration::from_millis(1300), "it stays master", || lan.a.holds(VIP))?;
    }
    ensure!(lan.a.log.since(0, "Entering BACKUP STATE").len() == 1, "no transition");
    Ok(())
}

fn padding(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(100, ""))?;
    let begin = lan.start()?;
    says(&lan.a, "(VI_1) Entering BACKUP STATE (init)", ms(1500))?;
    let mut padded = Forged::new(STRANGER, VRID, 200, &[VIP.octets()]).frame();
    padded.resize(60, 0);
    for _ in 0..5 {
        lan.injector.send(&padded)?;
        std::thread::sleep(ms(900));
    }
    ensure!(lan.adverts(begin).is_empty(), "it did not hear the padded adverts of {A:?}'s peer");
    Ok(())
}
