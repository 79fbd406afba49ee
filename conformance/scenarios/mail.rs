//! Mail to the operators.

use std::fs;
use std::thread;
use std::time::Instant;

use super::lan::{Single, VIP, VRID, instance, ms, says};
use crate::both::of_both;
use crate::lab::mail_server::{COMMAND, SESSIONS};
use crate::lab::until;
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "mail";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "mails of a life are the same for both", same_mails),
    both(F, "mails with names and without faults are the same for both", same_names),
    original(F, "a mail server that hangs delays neither adverts nor the stop", hanging),
    original(F, "a mail server that refuses is told of in the log", refusing),
    ours(F, "what could not be delivered is tried again", again),
    ours(F, "many changes at a time are one mail", digest),
    ours(F, "the mail about the stop is delivered", last_mail),
    ours(F, "mail is sent by a process of its own that ends with the engine", process),
];

fn globals(more: &str) -> String {
    format!(
        "global_defs {{\n    notification_email {{\n        a@x.org\n        b@x.org\n    }}\n    \
         smtp_server 127.0.0.1\n    smtp_connect_timeout 2\n    {more}\n}}\n"
    )
}

fn serve(lan: &Single, manners: &str) -> Outcome {
    lan.a.background(&format!("exec /usr/sbin/lab-host {COMMAND} {manners}"))?;
    until(ms(2000), "a mail server", || lan.a.has_file(SESSIONS))?;
    thread::sleep(ms(50));
    Ok(())
}

/// What clients said in finished sessions, without the date, and with 2.2.7's one line of recipients.
fn sessions(lan: &Single) -> Vec<String> {
    let Ok(entries) = fs::read_dir(lan.a.path(SESSIONS)) else { return Vec::new() };
    let finished = entries.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "all"));
    let text = |path| fs::read_to_string(path).unwrap_or_default().replace(",\r\n ", ", ");
    let mut all: Vec<String> = finished
        .map(|entry| {
            let text = text(entry.path());
            text.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
        })
        .collect();
    all.sort();
    all
}

/// Waits for that many finished sessions in all, and a little longer.
fn wait_mails(lan: &Single, count: usize) -> Result<Vec<String>, Fault> {
    until(master_down(100) + SLACK, &format!("{count} mails"), || sessions(lan).len() >= count)?;
    thread::sleep(ms(200));
    Ok(sessions(lan))
}

fn life(subject: Subject, more: &str, silent: bool) -> Result<Vec<String>, Fault> {
    let group = "vrrp_sync_group G1 {\n    group {\n        VI_1\n    }\n}\n";
    let deleted = instance(1, "notify_deleted")
        .replace("VI_1", "VI_2")
        .replace("_id 51", "_id 52")
        .replace("0.100", "0.101");
    let quiet = instance(1, "smtp_alert off")
        .replace("VI_1", "VI_3")
        .replace("_id 51", "_id 53")
        .replace("0.100", "0.102");
    let rest = globals(more) + group + &instance(150, "") + &quiet;
    let lan = Single::of(subject, &(rest.clone() + &deleted))?;
    serve(&lan, "good")?;
    lan.start()?;
    let faults = if silent { 0 } else { 3 };
    wait_mails(&lan, 3)?;
    wait_mails(&lan, 6)?;
    lan.a.pull_cable()?;
    lan.a.loses(VIP, ms(1000))?;
    wait_mails(&lan, 6 + faults)?;
    lan.a.push_cable()?;
    wait_mails(&lan, 9 + faults)?;
    lan.a.configure(&rest)?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    wait_mails(&lan, 10 + faults)
}

fn same(more: &str, silent: bool) -> Outcome {
    let [theirs, ours] = of_both(|subject| life(subject, more, silent))?;
    ensure!(theirs.iter().any(|mail| mail.contains("VI_1 - Entering MASTER state")), "{theirs:#?}");
    ensure!(theirs.iter().any(|mail| mail.contains("VI_2 - Deleted")), "{theirs:#?}");
    ensure_same!(ours, theirs, "mails of ours and theirs");
    Ok(())
}

fn same_mails(_: &Context) -> Outcome {
    same("smtp_alert", false)
}

fn same_names(_: &Context) -> Outcome {
    let more = "smtp_alert_vrrp\n    no_email_faults\n    notification_email_from ka@y.org\n    \
                router_id LAB\n    smtp_helo_name helo.example";
    same(more, true)
}

fn hanging(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("smtp_alert") + &instance(150, "")))?;
    serve(&lan, "mute")?;
    lan.start_as_master(150)?;
    let begin = Instant::now();
    says(&lan.a, "Timeout reading data to remote SMTP server [127.0.0.1]:25.", ms(8000))?;
    let gap = lan.lab.capture.worst_gap(VRID, begin, Instant::now());
    ensure!(gap < ms(1000) + SLACK, "a gap of {gap:?} between adverts");
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    Ok(())
}

fn refusing(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("smtp_alert") + &instance(150, "")))?;
    serve(&lan, "refuses")?;
    lan.start()?;
    says(&lan.a, "Remote SMTP server [127.0.0.1]:25 connected.", ms(3000))?;
    let text = "Error processing (E)SMTP cmd on SMTP server [127.0.0.1]:25. SMTP status code = 554";
    says(&lan.a, text, ms(3000))?;
    ensure_same!(wait_mails(&lan, 1)?[0], "QUIT", "what was said to it");
    Ok(())
}

fn again(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("smtp_alert") + &instance(150, "")))?;
    lan.start_as_master(150)?;
    says(&lan.a, "SMTP connection ERROR to [127.0.0.1]:25.", ms(1000))?;
    serve(&lan, "good")?;
    until(ms(13_000), "both mails", || sessions(&lan).len() == 2)?;
    let mails = sessions(&lan);
    ensure!(mails[0].contains("Entering BACKUP") && mails[1].contains("Entering MASTER"), "{mails:#?}");
    Ok(())
}

fn digest(context: &Context) -> Outcome {
    let many: String = (1..=20_u8)
        .map(|number| {
            instance(1, "")
                .replace("VI_1", &format!("VI_{number}"))
                .replace("_id 51", &format!("_id {number}"))
                .replace("0.100", &format!("0.{}", 100 + number))
        })
        .collect();
    let lan = Single::set(context, &(globals("smtp_alert") + &many))?;
    serve(&lan, "good")?;
    lan.start()?;
    let mail = wait_mails(&lan, 1)?.remove(0);
    ensure!(mail.contains("Subject: [localhost] 20 changes of VRRP state"), "{mail}");
    ensure!(mail.contains(" VRRP Instance VI_20 - Entering BACKUP state"), "{mail}");
    Ok(())
}

fn last_mail(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("smtp_alert") + &instance(150, "")))?;
    serve(&lan, "good")?;
    lan.start_as_master(150)?;
    wait_mails(&lan, 2)?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(4000))?;
    let mails = wait_mails(&lan, 3)?;
    ensure!(mails.iter().any(|mail| mail.contains("VI_1 - Stopping")), "{mails:#?}");
    Ok(())
}

fn process(context: &Context) -> Outcome {
    let lan = Single::set(context, &(globals("smtp_alert") + &instance(150, "")))?;
    serve(&lan, "mute")?;
    lan.start()?;
    let mailer = || lan.a.processes().into_iter().find(|process| process.comm == "ka-mail");
    until(ms(2000), "the process that sends mail", || mailer().is_some())?;
    lan.a.must("test $(pgrep -xc keepalived) = 2")?;
    lan.a.must("kill $(cat /run/keepalived.pid)")?;
    lan.a.quiet(ms(3000))?;
    until(ms(500), "it is gone", || mailer().is_none())?;
    Ok(())
}
