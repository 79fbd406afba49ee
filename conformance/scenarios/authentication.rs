//! Headers and signatures: wrong, old, again, rotated.

use std::time::Instant;

use super::lan::{Single, Two, VIP, VRID, instance, ms, says, start};
use crate::lab::always;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::table::{Context, Scenario, original, ours};
use crate::wire::{Frame, message};
use crate::{ensure, ensure_same};

const F: &str = "authentication";

pub const SCENARIOS: &[Scenario] = &[
    original(F, "a header that was used is refused and a master stays master", used_header),
    original(F, "a header of another password is told and not heard", wrong_header),
    ours(F, "signatures: takeover, and what was used, is old or unsigned is refused", signatures),
    ours(F, "signatures: keys are changed by reloads without a transition", rotation),
    ours(F, "signatures: permissive and receive-only live with those who do not sign", migration),
];

fn header(password: &str) -> String {
    format!("authentication {{\n auth_type AH\n auth_pass {password}\n }}")
}

/// What a box said for the plain LAN's router since then, as whole frames.
fn frames(lan: &Two, from: &str, since: Instant) -> Vec<Frame> {
    let all = lan.lab.capture.frames();
    let is_one = |frame: &Frame| message(frame).is_some_and(|message| message.get(1) == Some(&VRID));
    all.into_iter().filter(|frame| frame.from == from && frame.at >= since && is_one(frame)).collect()
}

fn used_header(context: &Context) -> Outcome {
    let mut lan = Two::set(context, &instance(150, &header("secret")), &instance(100, &header("secret")))?;
    let injector = lan.lab.injector()?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    std::thread::sleep(ms(2200));
    lan.a.power_cut()?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    let said = frames(&lan, "a", begin);
    let Some(last) = said.last() else { return crate::outcome::failed("a said nothing") };
    injector.send(&last.bytes)?;
    says(&lan.b, "already processed. Packet dropped. Local(", ms(500))?;
    always(ms(1300), "it stays master", || lan.b.holds(VIP))
}

fn wrong_header(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, &header("secret")), &instance(100, &header("other")))?;
    start(&lan.a)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    start(&lan.b)?;
    let text = "(VI_1) IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !";
    says(&lan.b, text, ms(2500))?;
    // Each of two routers that do not believe each other is master.
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    ensure!(lan.a.holds(VIP), "a believed what b said");
    Ok(())
}

fn keys(active: u8, more: &str) -> String {
    format!(
        "auth_hmac {{\n key 1 hex:{}\n key 2 ABCDEFGHIJKLMNOPQRSTUVWXYZ012345\n active_key {active}\n {more}\n }}",
        "0badc0de".repeat(8)
    )
}

fn signatures(context: &Context) -> Outcome {
    let mut lan = Two::set(context, &instance(150, &keys(1, "")), &instance(100, &keys(1, "")))?;
    let injector = lan.lab.injector()?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    std::thread::sleep(ms(1200));
    ensure_same!(frames(&lan, "b", begin).len(), 0, "adverts of the backup");
    let unsigned = Single::forged(200).frame();
    for host in [&lan.a, &lan.b] {
        injector.send(&unsigned)?;
        says(host, "(VI_1) missing authentication trailer from 10.9.0.77", ms(500))?;
    }
    lan.a.power_cut()?;
    lan.b.gains(VIP, master_down(100) + SLACK)?;
    let said = frames(&lan, "a", begin);
    let (Some(first), Some(last)) = (said.first(), said.last()) else {
        return crate::outcome::failed("a said nothing");
    };
    let mut damaged = last.bytes.clone();
    if let Some(octet) = damaged.last_mut() {
        *octet ^= 1;
    }
    injector.send(&last.bytes)?;
    says(&lan.b, "(VI_1) replayed authentication trailer from 10.9.0.1", ms(500))?;
    injector.send(&damaged)?;
    says(&lan.b, "(VI_1) invalid authentication HMAC from 10.9.0.1", ms(500))?;
    std::thread::sleep((first.at + ms(6500)).saturating_duration_since(Instant::now()));
    injector.send(&first.bytes)?;
    says(&lan.b, "(VI_1) stale authentication trailer from 10.9.0.1, clock skew -", ms(500))?;
    always(ms(1300), "it stays master", || lan.b.holds(VIP))
}

fn reload(host: &crate::lab::Host, config: &str) -> Outcome {
    host.configure(config)?;
    let mark = host.log.lines().len();
    host.must("kill -HUP $(cat /run/keepalived.pid)")?;
    host.log.wait(mark, "Configuration in force", ms(3000))?;
    Ok(())
}

fn rotation(context: &Context) -> Outcome {
    let lan = Two::set(context, &instance(150, &keys(1, "")), &instance(100, &keys(1, "")))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    reload(&lan.b, &instance(100, &keys(2, "")))?;
    reload(&lan.a, &instance(150, &keys(2, "")))?;
    always(master_down(100) + ms(500), "nothing moves", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    let said = frames(&lan, "a", begin);
    let key_of = |frame: &Frame| frame.bytes.get(frame.bytes.len() - 27).copied();
    let ids: Vec<_> = said.iter().filter_map(key_of).collect();
    ensure!(ids.first() == Some(&1) && ids.last() == Some(&2), "key numbers of the adverts: {ids:?}");
    ensure_same!(frames(&lan, "b", begin).len(), 0, "adverts of the backup");
    Ok(())
}

fn migration(context: &Context) -> Outcome {
    // One that does not know of signatures yet, and one that begins with them.
    let lan = Two::set(context, &instance(150, ""), &instance(100, &keys(1, "mode receive-only")))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    always(ms(2500), "the unsigned are heard", || !lan.b.holds(VIP))?;
    reload(&lan.a, &instance(150, &keys(1, "mode permissive")))?;
    always(master_down(100) + ms(500), "nothing moves", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    reload(&lan.b, &instance(100, &keys(1, "")))?;
    always(master_down(100) + ms(500), "nothing moves", || lan.a.holds(VIP) && !lan.b.holds(VIP))?;
    ensure_same!(frames(&lan, "b", begin).len(), 0, "adverts of the backup");
    Ok(())
}
