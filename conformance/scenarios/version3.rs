//! VRRP version 3 over IPv4, with adverts a tenth of a second apart.

use std::thread;
use std::time::Duration;

use super::lan::{Two, VIP, VRID, in_window, instance, ms, start};
use crate::outcome::Outcome;
use crate::probe::SLACK;
use crate::subject::Subject::{Ours, Theirs};
use crate::table::{Context, Scenario, mixed, original};
use crate::{diary, ensure_same};

const NAME: &str = "version 3, ten adverts a second: start, crash, stop, and no takeover without a reason";

pub const SCENARIOS: &[Scenario] = &[
    original("version3", NAME, fast_life),
    mixed(NAME, Ours, Theirs, fast_life),
    mixed(NAME, Theirs, Ours, fast_life),
];

const INTERVAL: Duration = Duration::from_millis(100);

/// (256 − priority) × interval / 256 (RFC 5798 §6.1).
fn skew(priority: u8) -> Duration {
    INTERVAL * u32::from(256 - u16::from(priority)) / 256
}

fn down(priority: u8) -> Duration {
    INTERVAL * 3 + skew(priority)
}

fn config(priority: u8) -> String {
    instance(priority, "version 3").replace("advert_int 1\n", "advert_int 0.1\n")
}

fn fast_life(context: &Context) -> Outcome {
    let lan = Two::set(context, &config(150), &config(100))?;
    let begin = start(&lan.a)?;
    start(&lan.b)?;
    lan.a.gains(VIP, down(150) + ms(1000))?;
    diary::step("nothing happens for two seconds");
    thread::sleep(ms(2000));
    ensure_same!(lan.lab.capture.spoken("b", VRID, begin).len(), 0, "adverts of the backup");
    diary::step("crash of a");
    let cut = lan.a.power_cut()?;
    let last = lan.lab.capture.spoken("a", VRID, begin).last().map_or(cut, |spoken| spoken.at);
    let taken = lan.b.gains(VIP, down(100) + SLACK)?;
    in_window("took over", last, taken, down(100) - ms(5), down(100) + SLACK)?;
    diary::step("a is back");
    start(&lan.a)?;
    lan.b.loses(VIP, down(150) + ms(1500))?;
    lan.a.gains(VIP, SLACK)?;
    diary::step("a is stopped");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.b.gains(VIP, skew(100) + SLACK)?;
    Ok(())
}
