//! What other programs rest on: each scenario does what one of them does, with a reader of its own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lan::{Single, VIP, instance, ms, says};
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome, failed};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, original};
use crate::{ensure, ensure_same};

const F: &str = "contracts";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "keepalived-exporter reads the same out of the files of both", exporter),
    original(F, "VyOS: its command line, its pid file, its FIFO script and the JSON dump", vyos),
    original(F, "OpenShift: its command line, swapped configuration and liveness probe", openshift),
    original(F, "Neutron: -P -f -p -r inside a namespace, routes of a router, reload, two daemons", neutron),
    original(F, "puppet: the first line of keepalived -v", version_line),
    original(F, "template validators: the exit status of -t", validator),
];

/// Values by key, as keepalived-exporter finds them: one blank begins a section of its own, three blanks a value
/// of that, five blanks an item of the list that a line with a colon opened.
fn sections(text: &str, kind: &str) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let (mut section, mut list) = (None, None);
    for line in text.lines() {
        let depth = line.len() - line.trim_start_matches(' ').len();
        let rest = line.trim();
        match (depth, rest.split_once(" = ")) {
            (1, Some((key, name))) => {
                section = (key == kind).then(|| name.to_owned());
                list = None;
            }
            (0, _) => section = None,
            (3, value) => {
                let Some(section) = &section else { continue };
                let values = found.entry(section.clone()).or_default();
                match value {
                    Some((key, value)) => {
                        values.entry(key.to_owned()).or_default().push(value.to_owned());
                        list = None;
                    }
                    None => list = rest.strip_suffix(':').map(|key| key.trim().to_owned()),
                }
            }
            (5, _) => {
                let Some((section, list)) = section.as_ref().zip(list.as_ref()) else { continue };
                let values = found.entry(section.clone()).or_default();
                values.entry(list.clone()).or_default().push(rest.to_owned());
            }
            _ => {}
        }
    }
    found
}

/// Counters by instance: its name behind `VRRP Instance: `, two blanks a group, four blanks a counter of it.
fn counters(text: &str) -> BTreeMap<(String, String, String), u64> {
    let (mut instance, mut group) = (String::new(), String::new());
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim_start().split_once(':') else { continue };
        let value = value.trim();
        match line.len() - line.trim_start_matches(' ').len() {
            0 if key == "VRRP Instance" => instance = value.to_owned(),
            2 => {
                group = key.to_owned();
                if let Ok(number) = value.parse() {
                    found.insert((instance.clone(), String::new(), group.clone()), number);
                }
            }
            4 => {
                if let Ok(number) = value.parse() {
                    found.insert((instance.clone(), group.clone(), key.to_owned()), number);
                }
            }
            _ => {}
        }
    }
    found
}

const SCRAPED: &str = "vrrp_script chk {
    script \"/usr/bin/test -d /tmp\"
    interval 1
    rise 1
}
";

/// What the exporter makes labels and numbers of.
fn scrape(subject: Subject) -> Result<Vec<String>, Fault> {
    let more =
        "track_script {\n        chk\n    }\n    virtual_ipaddress_excluded {\n        10.9.0.110\n    }";
    let lan = Single::of(subject, &(SCRAPED.to_owned() + &instance(150, more)))?;
    lan.start_as_master(150)?;
    for signal in ["DATA", "STATS"] {
        lan.a.must(&format!("kill -s $(keepalived --signum={signal}) $(cat /var/run/keepalived.pid)"))?;
    }
    let [data, stats] = ["/tmp/keepalived.data", "/tmp/keepalived.stats"];
    until(ms(3000), "both files", || {
        lan.a.read(data).contains("Interfaces >") && lan.a.read(stats).contains("Priority Zero")
    })?;
    let mut seen = Vec::new();
    let instances = sections(&lan.a.read(data), "VRRP Instance");
    for (name, values) in &instances {
        for key in [
            "State",
            "Wantstate",
            "Interface",
            "Virtual Router ID",
            "Priority",
            "Gratuitous ARP delay",
            "Virtual IP (1)",
            "Virtual IP Excluded",
            "Tracked scripts",
        ] {
            seen.push(format!("{name}: {key} = {:?}", values.get(key)));
        }
    }
    for (name, values) in &sections(&lan.a.read(data), "VRRP Script") {
        for key in ["Status", "State"] {
            seen.push(format!("{name}: {key} = {:?}", values.get(key)));
        }
    }
    for ((instance, group, key), number) in counters(&lan.a.read(stats)) {
        // 2.4.3 has one group more.
        if group != "Authentication Extension Errors" {
            let number = if key == "Sent" { u64::from(number > 0) } else { number };
            seen.push(format!("{instance}: {group}/{key} {number}"));
        }
    }
    Ok(seen)
}

fn exporter(_: &Context) -> Outcome {
    let theirs = scrape(Subject::Theirs)?;
    let ours = scrape(Subject::Ours)?;
    for line in [
        "VI_1: State = Some([\"MASTER\"])",
        "chk: Status = Some([\"GOOD\"])",
        "VI_1: /Became master 1",
        "VI_1: Advertisements/Sent 1",
    ] {
        ensure!(theirs.iter().any(|seen| seen == line), "no '{line}' in {theirs:#?}");
    }
    ensure!(theirs.iter().any(|seen| seen.contains("10.9.0.100")), "no address in {theirs:#?}");
    ensure_same!(ours, theirs, "what is read out of both");
    Ok(())
}

const VYOS: &str = "global_defs {
    dynamic_interfaces
    script_user root
    notify_fifo /run/keepalived/keepalived_notify_fifo
    notify_fifo_script /opt/fifo
}
vrrp_instance foo {
    description \"foo\"
    state BACKUP
    interface eth0
    virtual_router_id 10
    priority 150
    advert_int 1
    garp_master_delay 1
    nopreempt
    authentication {
        auth_type PASS
        auth_pass \"s3cret\"
    }
    virtual_ipaddress {
        10.9.0.100/24
    }
}
vrrp_sync_group GLOBAL {
    group {
        foo
    }
}
";

/// Takes lines apart as VyOS does: type, name in quotes, state, the rest.
const VYOS_FIFO: &str = "#!/bin/bash
exec 3<>\"$1\"
while read -r line <&3; do
    [[ $line =~ ^([A-Z]+)\\ \\\"([^\\\"]+)\\\"\\ ([A-Z_]+) ]] && echo \"${BASH_REMATCH[1]}/${BASH_REMATCH[2]}/${BASH_REMATCH[3]}\" >> /tmp/events
done
";

fn vyos(context: &Context) -> Outcome {
    // 2.2.7 does not know `description`.
    let lan = Single::set(context, &VYOS.replace("    description \"foo\"\n", ""))?;
    lan.a.write("/opt/fifo", VYOS_FIFO, 0o755)?;
    lan.a.must("mkdir -p /run/keepalived; cp /etc/keepalived/keepalived.conf /run/keepalived/")?;
    let command = "keepalived --use-file /run/keepalived/keepalived.conf --pid /run/keepalived/keepalived.pid \
                   --dont-fork";
    lan.a.background(command)?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    let events = || lan.a.read("/tmp/events");
    until(ms(1500), "the events", || events().contains("GROUP/GLOBAL/MASTER"))?;
    let expected = "GROUP/GLOBAL/BACKUP\nINSTANCE/foo/BACKUP\nINSTANCE/foo/MASTER\nGROUP/GLOBAL/MASTER\n";
    ensure_same!(events(), expected, "events");
    lan.a.must("kill -s 36 $(cat /run/keepalived/keepalived.pid)")?;
    let json = || serde_json::from_str::<Value>(&lan.a.read("/tmp/keepalived.json")).ok();
    until(ms(1000), "a JSON file", || json().is_some())?;
    let Some(all) = json() else { return failed("the JSON file is gone") };
    let Some(data) = all.get(0).and_then(|first| first.get("data")) else {
        return failed(format!("no array of instances: {all}"));
    };
    let number = |key: &str| data.get(key).and_then(Value::as_f64);
    ensure_same!(data.get("iname").and_then(Value::as_str), Some("foo"), "name");
    ensure_same!(data.get("ifp_ifname").and_then(Value::as_str), Some("eth0"), "interface");
    ensure_same!((number("vrid"), number("state")), (Some(10.0), Some(2.0)), "VRID and state");
    ensure_same!(number("effective_priority"), Some(150.0), "priority");
    ensure!(number("last_transition").is_some_and(|at| at > 1e9), "{data}");
    Ok(())
}

/// The file is there within five seconds, and says nothing of FAULT.
const PROBE: &str = "#!/bin/bash
rm -f /tmp/keepalived.data
kill -s SIGUSR1 \"$(pgrep -o keepalived)\" || exit 1
for i in $(seq 50); do grep -qs 'Interfaces >' /tmp/keepalived.data && break; sleep 0.1; done
! grep -q 'State = FAULT' /tmp/keepalived.data && grep -q 'State = ' /tmp/keepalived.data
";

fn openshift(context: &Context) -> Outcome {
    let lan = Single::set(context, "")?;
    lan.a.write("/etc/keepalived/ka.conf", &instance(150, ""), 0o644)?;
    lan.a.background(
        "exec keepalived -f /etc/keepalived/ka.conf --dont-fork --vrrp --log-detail --log-console 2>/tmp/console",
    )?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    ensure!(lan.a.read("/tmp/console").contains(": (VI_1) Entering MASTER STATE"), "no line on the console");
    lan.a.write("/opt/probe", PROBE, 0o755)?;
    let probe = "/opt/probe";
    lan.a.must(probe)?;
    lan.a.pull_cable()?;
    lan.a.loses(VIP, ms(1000))?;
    ensure!(lan.a.run(probe)?.code != 0, "a router in FAULT counts as alive");
    lan.a.push_cable()?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    lan.a.must(probe)?;
    let swapped = instance(150, "").replace("10.9.0.100\n", "10.9.0.100\n        10.9.0.101\n");
    lan.a.write("/etc/keepalived/ka.new", &swapped, 0o644)?;
    lan.a.must("mv /etc/keepalived/ka.new /etc/keepalived/ka.conf; kill -HUP $(pgrep -o keepalived)")?;
    lan.a.gains([10, 9, 0, 101].into(), ms(2000))?;
    ensure!(lan.a.holds(VIP), "the old address stays");
    Ok(())
}

fn router(number: u8, vrid: u8) -> String {
    format!(
        "global_defs {{\n    notification_email_from neutron@openstack.local\n    router_id neutron\n}}\n\
         vrrp_instance VR_{number} {{\n    state BACKUP\n    interface ha-{number}\n    virtual_router_id {vrid}\n    \
         priority 50\n    garp_master_delay 60\n    nopreempt\n    advert_int 1\n    track_interface {{\n        \
         ha-{number}\n    }}\n    virtual_ipaddress {{\n        169.254.0.{number}/24 dev ha-{number}\n    }}\n    \
         virtual_ipaddress_excluded {{\n        10.77.{number}.1/24 dev qr-{number}\n    }}\n}}\n"
    )
}

fn in_namespace(host: &Host, number: u8, command: &str) -> Result<String, Fault> {
    host.must(&format!("ip netns exec q{number} {command}"))
}

fn neutron(context: &Context) -> Outcome {
    let lan = Single::set(context, "")?;
    for number in [1, 2_u8] {
        lan.a.must(&format!(
            "ip netns add q{number} && ip link add ha-{number} type veth peer name hb-{number} && \
             ip link set hb-{number} up && ip link set ha-{number} netns q{number} && \
             ip netns exec q{number} ip link set lo up && ip netns exec q{number} ip link set ha-{number} up && \
             ip netns exec q{number} ip addr add 169.254.192.{number}/18 dev ha-{number} && \
             ip netns exec q{number} ip link add qr-{number} type veth peer name qs-{number} && \
             ip netns exec q{number} ip link set qr-{number} up && ip netns exec q{number} ip link set qs-{number} up"
        ))?;
        lan.a.write(&format!("/var/lib/q{number}/keepalived.conf"), &router(number, 1), 0o644)?;
        let place = format!("/var/lib/q{number}");
        in_namespace(
            &lan.a,
            number,
            &format!("keepalived -P -f {place}/keepalived.conf -p {place}.pid -r {place}.pid-vrrp -D"),
        )?;
    }
    let addresses = |number: u8| in_namespace(&lan.a, number, "ip -4 -o addr show").unwrap_or_default();
    let has = |number: u8, tail: &str| addresses(number).contains(&format!("{tail}.{number}/24 "));
    for number in [1, 2] {
        until(master_down(50) + ms(1500), "the address of the router", || has(number, "169.254.0"))?;
        until(ms(500), "the address inside", || {
            addresses(number).contains(&format!("10.77.{number}.1/24 "))
        })?;
        let pids = [format!("/var/lib/q{number}.pid"), format!("/var/lib/q{number}.pid-vrrp")];
        for file in pids {
            let pid = lan.a.pid_file(&file);
            ensure!(lan.a.keepalived().iter().any(|process| Some(process.pid) == pid), "{file}: {pid:?}");
        }
    }
    let mark = lan.a.log.mark();
    let swapped = router(1, 1).replace("10.77.1.1/24", "10.77.1.9/24");
    lan.a.write("/var/lib/q1/keepalived.conf", &swapped, 0o644)?;
    lan.a.must("kill -HUP $(cat /var/lib/q1.pid)")?;
    lan.a.log.wait(mark, "Reload complete", ms(3000))?;
    until(ms(1500), "the new address", || addresses(1).contains("10.77.1.9/24 "))?;
    ensure!(!addresses(1).contains("10.77.1.1/24 ") && has(1, "169.254.0"), "{}", addresses(1));
    lan.a.must("kill $(cat /var/lib/q1.pid)")?;
    until(ms(3000), "no address", || !has(1, "169.254.0"))?;
    ensure!(has(2, "169.254.0"), "the other router is not touched");
    Ok(())
}

fn version_line(context: &Context) -> Outcome {
    let lan = Single::set(context, "")?;
    let run = lan.a.run("keepalived -v")?;
    ensure_same!(run.code, 0, "exit status");
    let first = run.err.lines().next().unwrap_or_default();
    let version = first.strip_prefix("Keepalived v").and_then(|rest| rest.split(' ').next());
    let numbers: Vec<&str> = version.unwrap_or_default().split('.').collect();
    ensure!(
        numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u8>().is_ok()),
        "the first line is '{first}'"
    );
    Ok(())
}

fn validator(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.a.write("/tmp/good", &instance(150, ""), 0o644)?;
    lan.a.write("/tmp/bad", &instance(150, "prioritty 7"), 0o644)?;
    ensure_same!(lan.a.run("keepalived -t -f /tmp/good")?.code, 0, "status of a good file");
    ensure_same!(lan.a.run("keepalived -t -f /tmp/bad")?.code, 5, "status of a bad file");
    ensure_same!(lan.a.run("keepalived --config-test -f /tmp/good")?.code, 0, "status with the long option");
    // What runs is not disturbed by it.
    lan.start_as_master(150)?;
    ensure_same!(lan.a.run("keepalived -t -f /tmp/good")?.code, 0, "status beside a daemon");
    ensure!(lan.a.holds(VIP), "still master");
    says(&lan.a, "(VI_1) Entering MASTER STATE", ms(100))?;
    Ok(())
}
