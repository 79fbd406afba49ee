//! What is around the daemon: names that cannot be looked up, files of strangers, a container.

use std::thread;
use std::time::Instant;

use super::{quick, sound};
use crate::outcome::Outcome;
use crate::probe::SLACK;
use crate::scenarios::lan::{Single, VRID, ms};
use crate::table::{Context, Scenario, withstands};
use crate::{ensure, ensure_same};

pub const SCENARIOS: &[Scenario] = &[
    withstands("F52", "nobody answers questions about names: adverts flow within a second", no_names),
    withstands("F54", "links that strangers put where dumps go: what they lead to is left alone", traps),
];

/// Master at once.
fn owner(more: &str) -> String {
    quick(255, more).replace("BACKUP", "MASTER")
}

fn no_names(context: &Context) -> Outcome {
    let mail = "global_defs {\n    notification_email {\n        root@mail.example\n    }\n    \
                notification_email_from ka@mail.example\n    smtp_server mail.example\n    \
                smtp_connect_timeout 30\n    smtp_alert\n}\n";
    let lan = Single::set(context, &(mail.to_owned() + &owner("")))?;
    lan.a.write("/etc/resolv.conf", "nameserver 10.9.0.254\n", 0o644)?;
    lan.a.write("/etc/hosts", "127.0.0.1 localhost\n", 0o644)?;
    lan.a.must("hostname nobody-knows.example")?;
    let begin = lan.start()?;
    lan.lab.capture.wait_advert("a", VRID, begin, ms(1000) + SLACK, |advert| advert.priority == 255)?;
    thread::sleep(ms(2000));
    let gap = lan.lab.capture.worst_gap(VRID, Instant::now() - ms(2000), Instant::now());
    ensure!(gap <= ms(240) + SLACK / 2, "a gap of {gap:?} between adverts");
    sound(&lan.lab, &[&lan.a])
}

fn traps(context: &Context) -> Outcome {
    let lan = Single::set(context, &owner(""))?;
    let victims = ["/etc/victim", "/tmp/victim", "/etc/victim.json"];
    for victim in victims {
        lan.a.write(victim, "precious\n", 0o600)?;
    }
    lan.a.must(
        "setpriv --reuid 65534 --clear-groups ln -s /etc/victim /tmp/keepalived.data && \
         setpriv --reuid 65534 --clear-groups ln -s /etc/victim.json /tmp/keepalived.json && \
         ln /tmp/victim /tmp/keepalived.stats",
    )?;
    lan.start()?;
    lan.lab.capture.wait_advert("a", VRID, Instant::now(), ms(1500), |_| true)?;
    for signal in ["DATA", "STATS", "JSON"] {
        lan.a.must(&format!("kill -$(keepalived --signum={signal}) $(cat /run/keepalived.pid)"))?;
        thread::sleep(ms(400));
    }
    for victim in victims {
        ensure_same!(lan.a.read(victim), "precious\n", "{victim}");
    }
    Ok(())
}
