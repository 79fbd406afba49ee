//! Scripts that cannot be trusted, and those who are told of changes.

use std::thread;
use std::time::Instant;

use super::{deafen, open, quick, quick_down, reload, sound};
use crate::ensure;
use crate::lab::until;
use crate::outcome::Outcome;
use crate::probe::{SLACK, master_down};
use crate::scenarios::lan::{Single, Two, VIP, VRID, instance, ms, start};
use crate::table::{Context, Scenario, withstands};

pub const SCENARIOS: &[Scenario] = &[
    withstands(
        "F25",
        "scripts that cannot be trusted or run: the log says which step of the path and which rule",
        untrusted,
    ),
    withstands("F27", "the winner of a contest has its hooks run again, its own and its group's", winner),
    withstands(
        "F28",
        "a slow reader of a FIFO, killed once, and thirty reloads: whole lines, nobody late",
        slow_reader,
    ),
];

fn slow_reader(context: &Context) -> Outcome {
    let globals = "global_defs {\n    script_user root\n    notify_fifo /tmp/fifo\n    \
                   notify_fifo_script /opt/reader\n    fifo_write_vrrp_states_on_reload\n}\n";
    let second = quick(150, "").replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("0.100", "0.101");
    let lan = Single::set(context, &(globals.to_owned() + &quick(150, "") + &second))?;
    let reader = "#!/bin/sh\nwhile read line; do echo \"$line\" >>/opt/got; sleep 0.02; done <\"$1\"\n";
    lan.a.write("/opt/reader", reader, 0o755)?;
    lan.start()?;
    lan.a.gains(VIP, quick_down(150) + ms(1500))?;
    let readers = || lan.a.processes().iter().filter(|one| one.comm == "reader" && one.state != 'Z').count();
    until(ms(1500), "a reader", || readers() == 1)?;
    let begin = Instant::now();
    for number in 0..30 {
        if number == 15 {
            lan.a.must("pkill -KILL -x reader")?;
        }
        reload(&lan.a)?;
    }
    until(ms(2000), "one reader", || readers() == 1)?;
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap <= ms(240) + SLACK / 2, "a gap of {gap:?} between adverts");
    thread::sleep(ms(500));
    std::fs::remove_file(lan.a.path("/opt/got"))?;
    reload(&lan.a)?;
    for name in ["VI_1", "VI_2"] {
        let line = format!("INSTANCE \"{name}\" MASTER 150\n");
        until(ms(2500), &format!("what {name} is, once more"), || lan.a.read("/opt/got").contains(&line))?;
    }
    let got = lan.a.read("/opt/got");
    let whole = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        matches!(words.as_slice(), ["INSTANCE", "\"VI_1\"" | "\"VI_2\"", "MASTER" | "BACKUP", "150"])
    };
    ensure!(got.lines().all(whole), "mixed lines: {got}");
    sound(&lan.lab, &[&lan.a])
}

fn winner(context: &Context) -> Outcome {
    let config = |priority| {
        let hooks = |whose: &str| {
            format!(
                "notify_master \"/opt/claim {whose} master\"\n    \
                 notify_master_rx_lower_pri \"/opt/claim {whose} again\""
            )
        };
        format!(
            "global_defs {{\n    script_user root\n}}\nvrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    \
             {}\n}}\n{}",
            hooks("group"),
            instance(priority, &hooks("instance")).replace("10.9.0.100", "10.9.0.100\n        10.9.0.101")
        )
    };
    let Two { a, b, lab } = Two::set(context, &config(150), &config(100))?;
    for host in [&a, &b] {
        host.write("/opt/claim", "#!/bin/sh\necho $* >>/opt/claims\n", 0o755)?;
        start(host)?;
    }
    until(master_down(100) + ms(1500), "A alone has it", || a.holds(VIP) && !b.holds(VIP))?;
    deafen(&b, "ip protocol 112")?;
    b.gains(VIP, master_down(100) + SLACK)?;
    thread::sleep(ms(1200));
    open(&b)?;
    b.loses(VIP, ms(1000) + SLACK)?;
    for whose in ["instance", "group"] {
        until(ms(1000), &format!("the {whose}'s hook was run again"), || {
            a.read("/opt/claims").contains(&format!("{whose} again"))
        })?;
        ensure!(b.read("/opt/claims").contains(&format!("{whose} master")), "B's {whose} was never told");
    }
    // Otherwise its claims would be the last.
    ensure!(!b.read("/opt/claims").contains("again"), "the loser had its hooks run again");
    sound(&lab, &[&a, &b])
}

fn untrusted(context: &Context) -> Outcome {
    let scripts = [
        ("open", "/opt/open/check", ""),
        ("gone", "/opt/gone", ""),
        ("bent", "/opt/bent", ""),
        ("orphan", "/opt/fine", "user nobody-at-all"),
    ];
    let blocks: String = scripts
        .iter()
        .map(|(name, path, more)| {
            format!("vrrp_script {name} {{\n    script {path}\n    interval 1\n    {more}\n}}\n")
        })
        .collect();
    let globals = "global_defs {\n    enable_script_security\n    script_user root\n}\n";
    let track = "track_script {\n        open\n        gone\n        bent\n        orphan\n    }";
    let lan = Single::set(context, &(globals.to_owned() + &blocks + &quick(150, track)))?;
    lan.a.write("/opt/open/check", "#!/bin/sh\nexit 1\n", 0o755)?;
    lan.a.write("/opt/bent", "#!/no/such/shell\nexit 1\n", 0o755)?;
    lan.a.must("chgrp 50 /opt/open && chmod 775 /opt/open")?;
    lan.start()?;
    // A check that cannot be made is no reason to be without an address.
    lan.a.gains(VIP, quick_down(150) + ms(2500))?;
    for text in [
        "'/opt/open/check' would run as root, but group 50 may write /opt/open (mode 0775)",
        "/opt/gone cannot be accessed",
        "command '/opt/bent', error 2: No such file or directory",
        "nobody-at-all",
    ] {
        lan.a.log.wait(0, text, ms(1500))?;
    }
    lan.a.must("kill -USR1 $(cat /run/keepalived.pid)")?;
    for text in [
        "Reason = insecure: group 50 may write /opt/open",
        "Name = gone\n   Status = unrunnable",
        "Name = orphan",
    ] {
        until(ms(1500), text, || lan.a.read("/tmp/keepalived.data").contains(text))?;
    }
    std::fs::remove_file(lan.a.path("/opt/bent"))?;
    thread::sleep(ms(1500));
    ensure!(lan.a.holds(VIP), "the address is gone");
    Ok(())
}
