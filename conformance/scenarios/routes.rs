//! Routes, rules and static things: what the kernel is told, and what happens when somebody else interferes.

use std::thread;
use std::time::Instant;

use super::lan::{Single, VIP, VRID, ms, says};
use crate::compare::difference;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::subject::Subject;
use crate::table::{Context, Scenario, both, decision, original, ours};
use crate::{ensure, ensure_same};

const F: &str = "routes";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "routes and rules of every kind look the same in the kernel", same_routing),
    both(F, "routes and rules are shown in dumps as the original does", same_dumps),
    original(F, "routes and rules come and go with MASTER", with_master),
    original(F, "a stop leaves no route, rule or static thing behind", nothing_left),
    ours(F, "what a crash left of routes and rules is removed before the first advert", leftovers),
    decision("D1", F, "a route or rule deleted by hand is back within 100 ms", restored),
    original(
        F,
        "static things that others remove come back, unless no_track says otherwise",
        static_restored,
    ),
    original(F, "static things are there again after their interface was down", static_flap),
    original(F, "interfaces of routes, rules and track groups are tracked", tracked),
    original(F, "a reload touches only the routes, rules and static things that differ", reloaded),
    ours(F, "an engine that died and is not restarted leaves no route, rule or static thing", died),
    original(F, "static things alone are enough for a start", static_alone),
    ours(F, "a killed engine's routes, rules and static things are adopted untouched", adopted),
];

/// An instance that is master at once, with a second interface beside it.
fn config(more: &str, rest: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{
    state MASTER
    interface eth0
    virtual_router_id {VRID}
    priority 255
    advert_int 1
    virtual_ipaddress {{
        {VIP}/24
    }}
    {more}
}}
{rest}"
    )
}

fn set(subject: Subject, text: &str) -> Result<Single, Fault> {
    let lan = Single::of(subject, text)?;
    lan.a.must(
        "ip link add eth1 type veth peer name p1 && ip link set p1 up && ip link set eth1 up && \
         ip addr add 10.8.0.1/24 dev eth1 && ip addr add fd00:9::1/64 dev eth0 nodad && \
         ip addr add fd00:8::1/64 dev eth1 nodad",
    )?;
    until(ms(2000), "eth1 is up", || carrier(&lan.a))?;
    Ok(lan)
}

fn carrier(host: &Host) -> bool {
    host.must("ip -o link show eth1").is_ok_and(|text| text.contains("state UP"))
}

fn master(subject: Subject, text: &str) -> Result<Single, Fault> {
    let lan = set(subject, text)?;
    lan.start()?;
    lan.a.gains(VIP, master_down(150))?;
    Ok(lan)
}

/// Everything that is not the kernel's own, a line each.
fn routing(host: &Host) -> Result<Vec<String>, Fault> {
    let lists = [
        ("ip -d -o -4 route show table all", "proto kernel"),
        ("ip -d -o -6 route show table all", "proto kernel"),
        ("ip -d -4 rule", "proto kernel"),
        ("ip -d -6 rule", "proto kernel"),
    ];
    let mut all = Vec::new();
    for (command, theirs) in lists {
        let text = host.must(command)?;
        // What is left of a lifetime depends on when one looks.
        let tidy = |line: &str| {
            let words = line.split_whitespace().map(|it| if it.ends_with("sec") { "#sec" } else { it });
            words.collect::<Vec<_>>().join(" ")
        };
        all.extend(text.lines().filter(|line| !line.contains(theirs)).map(tidy));
    }
    Ok(all)
}

fn has(host: &Host, text: &str) -> bool {
    routing(host).is_ok_and(|lines| lines.iter().any(|line| line.contains(text)))
}

const ROUTES: &str = "virtual_routes {
        10.20.0.0/24 via 10.9.0.2 dev eth0
        10.20.1.0/24 dev eth1 scope link src 10.8.0.1
        10.20.2.0/24 via 10.9.0.2 table 88 metric 7
        src 10.9.0.100 to 10.20.3.0/24 via 10.9.0.2
        10.20.4.0/24 via 10.9.0.2 tos 0x10
        unreachable 10.20.5.0/24
        prohibit 10.20.6.0/24 table 100
        throw 10.20.7.0/24 table 1000
        blackhole 10.20.8.0/24 metric 5
        10.20.9.0/24 via 10.99.0.1 dev eth0 onlink
        10.20.10.0/24 via 10.9.0.2 mtu 1400 hoplimit 10 advmss 1300
        10.20.11.0/24 via 10.9.0.2 mtu lock 1300 advmss lock 1200 reordering lock 5 window 30000 cwnd lock 10 \
         ssthresh lock 20
        10.20.12.0/24 via 10.9.0.2 initcwnd 10 initrwnd 20 quickack 1 fastopen_no_cookie 1 features ecn congctl lock reno
        10.20.13.0/24 via 10.9.0.2 rtt 300ms rttvar 3s rto_min lock 250ms
        10.20.14.0/24 nexthop via 10.9.0.2 dev eth0 weight 2 nexthop via 10.8.0.2 dev eth1 weight 5 onlink
        10.20.14.1 nexthop via 10.9.0.2 nexthop via 10.8.0.2 realms 7
        10.20.15.0/24 via 10.9.0.2 realms 3/4
        10.20.16.0/24 via 10.9.0.2 realms 5
        10.20.17.0/24 via 10.9.0.2 protocol static no_track
        append 10.20.19.0/24 via 10.9.0.2
        add 10.20.20.0/24 via 10.9.0.2
        10.20.21.0/24 via 10.9.0.2 or 10.9.0.3
        10.20.21.0/24 via 10.9.0.4
        local 10.20.22.1/32 dev eth0
        broadcast 10.20.23.255 dev eth0
        default via 10.9.0.2 metric 99
        10.20.31.0/24 encap ip id 5 dst 10.1.1.1 src 10.1.1.2 tos 4 ttl 5 via 10.9.0.2 dev eth0
        10.20.32.0/24 encap ip6 id 5 dst fd00::1 src fd00::2 tc 4 hoplimit 5 via 10.9.0.2 dev eth0
        10.20.34.0/24 via 10.9.0.2 ttl-propagate enabled
        10.20.35.0/24 via 10.9.0.2 table 0 tos 0x4 metric 3 scope site
        multicast 10.20.37.0/24 dev eth0 table 200
        fd00:20::/64 via fd00:9::77 dev eth0
        fd00:21::/64 dev eth0 metric 5 pref high
        fd00:22::/64 dev eth0 expires 300
        blackhole fd00:23::/64
        fd00:24::/64 via fd00:9::77 mtu 1400 hoplimit 5
        fd00:25::/64 nexthop via fd00:9::77 dev eth0 weight 2 nexthop via fd00:9::78 dev eth0
        fd00:26::/64 from fd00:9::/64 via fd00:9::77 dev eth0
        10.20.40.0/24 encap mpls 100/200 via 10.9.0.2 dev eth0
        fd00:33::/64 encap ila 1:2:3:4 via fd00:9::77 dev eth0
        10.20.41.1/24 via 10.9.0.2
    }";

const RULES: &str = "virtual_rules {
        from 10.9.0.100 table 88 priority 500
        to 10.3.0.0/16 table 88 priority 501
        from 10.1.0.0/16 to 10.2.0.0/16 tos 0x10 fwmark 5 table 88 priority 502
        fwmark 0x5/0xff table 89 priority 503
        iif eth1 oif eth0 table 90 priority 504
        not from 10.9.0.100 table 91 priority 505
        from 10.6.0.0/16 realms 3/4 table 92 priority 506
        from 10.7.0.0/16 suppress_prefixlength 8 suppress_ifgroup 3 table 93 priority 507
        uidrange 100-200 table 94 priority 508
        ipproto tcp sport 10-20 dport 30-30 table 95 priority 509
        from 10.8.0.0/16 goto 600 priority 510
        from 10.8.1.0/24 nop priority 511
        from 10.8.2.0/24 blackhole priority 512
        from 10.8.3.0/24 unreachable priority 513
        from 10.8.4.0/24 prohibit priority 514
        from 10.8.5.0/24 l3mdev priority 515
        tunnel-id 7 table 96 priority 516
        from fd00:1::/64 table 97 priority 517
        from all table 98 priority 518 no_track
        from all table 99 priority 519 protocol 77 no_track
        from 10.8.6.0/24 table main priority 600
        from 10.8.7.0/24 table 71
        table 71 priority 602 inet6
    }";

const STATIC: &str = "track_group G {
    group {
        VI_1
    }
}
static_ipaddress {
    10.44.0.1/24 dev eth1 track_group G
    fd00:44::1/64 dev eth1
}
static_routes {
    10.33.0.0/24 via 10.8.0.2 dev eth1 track_group G
    10.34.0.0/24 via 10.8.0.2 dev eth1 no_track
    10.35.0.0/24 via 10.44.0.2 dev eth1
    fd00:36::/64 via fd00:44::2 dev eth1
}
static_rules {
    iif eth1 from 10.6.0.0/16 table 76 priority 710 track_group G
    from 10.6.0.0/16 table 76 priority 711 no_track
    from 10.6.0.0/16 table 76 priority 712
}
";

fn same_routing(_: &Context) -> Outcome {
    let text = config(&format!("{ROUTES}\n    {RULES}"), STATIC);
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = master(subject, &text)?;
        // Rules come last.
        until(ms(1500), "all rules are there", || has(&lan.a, "602:"))?;
        seen.push(routing(&lan.a)?);
    }
    let (ours, theirs) = difference(&seen[1], &seen[0]);
    ensure_same!(ours, theirs, "routes and rules only ours or only theirs has");
    ensure!(seen[0].len() > 55, "only {} things were compared", seen[0].len());
    Ok(())
}

fn same_dumps(_: &Context) -> Outcome {
    let text = config(&format!("{ROUTES}\n    {RULES}"), STATIC);
    let mut seen = Vec::new();
    for subject in [Subject::Theirs, Subject::Ours] {
        let lan = master(subject, &text)?;
        thread::sleep(ms(300));
        let pid = lan.a.pid_file("/run/keepalived.pid").unwrap_or_default();
        lan.a.signal(a_process(pid)?, 10)?;
        until(ms(2000), "the dump is written", || {
            lan.a.read("/tmp/keepalived.data").contains("Notify priority changes")
        })?;
        let text = lan.a.read("/tmp/keepalived.data");
        // Where its own bookkeeping went wrong 2.2.7 says so.
        let text = text.replace(" [installed ifindex 0]", "");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let sections =
            [("------< Static Addresses", "------< VRRP Topology"), ("   Virtual Routes", "   Using smtp")];
        let mut all = Vec::new();
        for (from, to) in sections {
            let from = lines.iter().position(|line| line.starts_with(from)).unwrap_or(lines.len());
            let to = lines.iter().position(|line| line.starts_with(to)).unwrap_or(from).max(from);
            all.extend_from_slice(lines.get(from..to).unwrap_or_default());
        }
        seen.push(all);
    }
    ensure_same!(seen[1], seen[0], "routes, rules and static things in the dump of ours and theirs");
    ensure!(seen[0].len() > 70, "only {} lines were compared", seen[0].len());
    Ok(())
}

const FEW: &str = "virtual_routes {
        10.20.0.0/24 via 10.9.0.2 dev eth0
        10.20.1.0/24 dev eth1
        10.20.2.0/24 via 10.9.0.2 table 88 metric 7
        blackhole 10.20.3.0/24
        10.20.4.0/24 via 10.9.0.3 protocol static no_track
    }
    virtual_rules {
        from 10.9.0.100 table 88 priority 500
        to 10.3.0.0/16 table 88 priority 501 no_track
    }";

fn few_there(host: &Host) -> bool {
    let lines = routing(host).unwrap_or_default();
    ["10.20.0.0", "10.20.1.0", "10.20.2.0", "10.20.3.0", "10.20.4.0", "500:", "501:"]
        .iter()
        .all(|text| lines.iter().any(|line| line.contains(text)))
}

fn few_gone(host: &Host) -> bool {
    routing(host).is_ok_and(|lines| !lines.iter().any(|it| it.contains("10.20.") || it.starts_with("50")))
}

fn with_master(context: &Context) -> Outcome {
    let text = config(FEW, "").replace("priority 255", "priority 150").replace("MASTER", "BACKUP");
    let lan = set(context.subject(), &text)?;
    lan.start()?;
    thread::sleep(ms(1000));
    ensure!(few_gone(&lan.a), "a backup has routes");
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    lan.other_master(&Single::forged(200), 2, || {
        until(ms(500), "routes and rules are gone", || few_gone(&lan.a))?;
        Ok(())
    })?;
    lan.a.loses(VIP, ms(100))?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    until(ms(500), "routes and rules are there again", || few_there(&lan.a))?;
    Ok(())
}

fn nothing_left(context: &Context) -> Outcome {
    let lan = set(context.subject(), &config(FEW, STATIC))?;
    let before = (routing(&lan.a)?, lan.a.must("ip -o addr show dev eth1")?);
    lan.start()?;
    until(ms(4000), "routes and rules are there", || few_there(&lan.a))?;
    ensure!(has(&lan.a, "10.35.0.0") && has(&lan.a, "712:"), "static things are missing");
    lan.a.must("killall keepalived")?;
    lan.a.quiet(ms(3000))?;
    ensure_same!((routing(&lan.a)?, lan.a.must("ip -o addr show dev eth1")?), before, "after and before");
    Ok(())
}

fn leftovers(context: &Context) -> Outcome {
    let text = config(FEW, "").replace("priority 255", "priority 150").replace("MASTER", "BACKUP");
    let lan = set(context.subject(), &text)?;
    lan.start()?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    lan.a.power_cut()?;
    // The cut keeps the kernel's state of the lab host.
    ensure!(few_there(&lan.a), "the lab lost them");
    lan.a.must("rm -f /run/keepalived.pid /run/vrrp.pid")?;
    lan.start()?;
    until(ms(2000), "what was left is gone", || few_gone(&lan.a) && !lan.a.holds(VIP))?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    Ok(())
}

fn restored(context: &Context) -> Outcome {
    let lan = master(context.subject(), &config(FEW, ""))?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    let at = Instant::now();
    for (command, sign) in [
        ("ip route del 10.20.0.0/24", "10.20.0.0"),
        ("ip route replace 10.20.1.0/24 dev eth0", "10.20.1.0/24 dev eth1"),
        ("ip rule del pref 500", "500:"),
    ] {
        lan.a.must(command)?;
        // Starting `ip` takes part of the time.
        until(ms(200), &format!("back after {command}"), || has(&lan.a, sign))?;
    }
    says(&lan.a, "was removed by another program, restoring it", ms(100))?;
    // Without an interface nothing is tracked, and no_track means it.
    lan.a.must("ip route del 10.20.3.0/24; ip route del 10.20.4.0/24; ip rule del pref 501")?;
    always(ms(800), "what is not tracked stays away", || !has(&lan.a, "10.20.3.0") && !has(&lan.a, "501:"))?;
    ensure!(!lan.adverts(at).iter().any(|advert| advert.priority == 0), "it resigned");
    ensure!(lan.a.holds(VIP), "it lost its address");
    Ok(())
}

fn static_restored(context: &Context) -> Outcome {
    let lan = master(context.subject(), &config("", STATIC))?;
    until(ms(500), "static rules are there", || has(&lan.a, "712:"))?;
    let at = Instant::now();
    for (command, text, sign) in [
        (
            "ip route del 10.33.0.0/24",
            "static route prepend 10.33.0.0/24 via inet 10.8.0.2 dev eth1",
            "10.33.0.0",
        ),
        (
            "ip route del 10.35.0.0/24",
            "static route prepend 10.35.0.0/24 via inet 10.44.0.2 dev eth1",
            "10.35.0.0",
        ),
        (
            "ip rule del pref 712",
            "static rule from 10.6.0.0/16 priority 712 tos 0x0 protocol 18 lookup 76",
            "712:",
        ),
    ] {
        lan.a.must(command)?;
        until(ms(500), &format!("back after {command}"), || has(&lan.a, sign))?;
        says(&lan.a, &format!("Restoring deleted {text}"), ms(300))?;
    }
    lan.a.must("ip addr del 10.44.0.1/24 dev eth1")?;
    lan.a.gains([10, 44, 0, 1].into(), ms(500))?;
    says(
        &lan.a,
        "Restoring deleted static address 10.44.0.1/24 dev eth1 scope global track_group G set",
        ms(300),
    )?;
    lan.a.must("ip route del 10.34.0.0/24; ip rule del pref 711")?;
    always(ms(800), "no_track is no_track", || !has(&lan.a, "10.34.0.0") && !has(&lan.a, "711:"))?;
    ensure!(!lan.adverts(at).iter().any(|advert| advert.priority == 0), "it resigned");
    Ok(())
}

fn static_flap(context: &Context) -> Outcome {
    let lan = master(context.subject(), &config("", STATIC))?;
    until(ms(500), "static things are there", || has(&lan.a, "712:") && has(&lan.a, "fd00:36::"))?;
    lan.a.must("ip link set eth1 down")?;
    until(ms(1000), "the kernel forgot the routes", || !has(&lan.a, "10.33.0.0"))?;
    ensure!(has(&lan.a, "712:"), "a rule went with the interface");
    lan.a.must("ip link set eth1 up")?;
    let back = || ["10.33.0.0", "10.35.0.0", "fd00:36::"].iter().all(|route| has(&lan.a, route));
    until(ms(2500), "static routes are there again", back)?;
    let addresses = lan.a.must("ip -o addr show dev eth1")?;
    ensure!(addresses.contains("fd00:44::1/64") && addresses.contains("10.44.0.1/24"), "{addresses}");
    ensure!(!has(&lan.a, "10.34.0.0"), "no_track is no_track");
    Ok(())
}

fn tracked(context: &Context) -> Outcome {
    let table = [
        ("virtual_routes {\n10.20.0.0/24 dev eth1\n}", "", true),
        ("virtual_routes {\n10.20.0.0/24 dev eth1 no_track\n}", "", false),
        ("dont_track_primary\nvirtual_routes {\n10.20.0.0/24 via 10.8.0.2 dev eth1\n}", "", true),
        ("virtual_rules {\niif eth1 from 10.1.0.0/16 table 99 priority 900\n}", "", true),
        ("virtual_rules {\niif eth1 table 99 priority 900 no_track\n}", "", false),
        ("", "static_ipaddress {\n10.44.0.1/24 dev eth1 track_group G\n}", true),
        ("", "static_ipaddress {\n10.44.0.1/24 dev eth1\n}", false),
        ("", "static_routes {\n10.33.0.0/24 via 10.8.0.2 dev eth1 track_group G\n}", true),
        ("", "static_rules {\niif eth1 from 10.6.0.0/16 table 76 priority 710 track_group G\n}", true),
    ];
    for (more, rest, is_tracked) in table {
        let group = "track_group G {\ngroup {\nVI_1\n}\n}\n";
        let lan = master(context.subject(), &config(more, &format!("{group}{rest}\n")))?;
        lan.a.must("ip link set eth1 down")?;
        if is_tracked {
            lan.a.loses(VIP, ms(1000))?;
            says(&lan.a, "(VI_1) Entering FAULT STATE", ms(100))?;
            lan.a.must("ip link set eth1 up")?;
            lan.a.gains(VIP, master_down(150) + ms(1000))?;
        } else {
            always(ms(600), &format!("still master with {more} {rest}"), || lan.a.holds(VIP))?;
        }
    }
    Ok(())
}

/// What `ip monitor` saw while something happened.
fn watched(host: &Host, happening: impl FnOnce() -> Outcome) -> Result<Vec<String>, Fault> {
    let mut monitor = host.background("ip monitor route rule address > /tmp/seen")?;
    thread::sleep(ms(300));
    happening()?;
    thread::sleep(ms(300));
    monitor.kill()?;
    monitor.wait()?;
    host.must("pkill -x ip || true")?;
    let is_news = |line: &&str| {
        line.contains("10.20.") || line.contains("10.3") || line.contains("10.6.") || line.contains("10.44")
    };
    Ok(host.read("/tmp/seen").lines().filter(is_news).map(|line| line.trim().to_owned()).collect())
}

fn reloaded(context: &Context) -> Outcome {
    let lan = master(context.subject(), &config(FEW, STATIC))?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    let new = config(FEW, STATIC)
        .replace("blackhole 10.20.3.0/24", "blackhole 10.20.5.0/24")
        .replace("10.20.1.0/24 dev eth1", "10.20.1.0/24 dev eth1 mtu 1400")
        .replace("from 10.9.0.100 table 88 priority 500", "from 10.9.0.100 table 89 priority 500")
        .replace("10.35.0.0/24 via 10.44.0.2 dev eth1", "10.37.0.0/24 via 10.44.0.2 dev eth1");
    lan.a.configure(&new)?;
    let seen = watched(&lan.a, || {
        let pid = lan.a.pid_file("/run/keepalived.pid").unwrap_or_default();
        lan.a.signal(a_process(pid)?, 1)?;
        until(ms(2000), "the new route is there", || has(&lan.a, "10.37.0.0") && has(&lan.a, "10.20.5.0"))?;
        Ok(())
    })?;
    let touched = |what: &str| seen.iter().filter(|line| line.contains(what)).count();
    for same in ["10.20.0.0", "10.20.2.0", "10.20.4.0", "10.33.0.0", "10.44.0.1", "712:", "710:"] {
        ensure!(touched(same) == 0, "{same} was touched: {seen:?}");
    }
    for other in ["10.20.3.0", "10.20.5.0", "10.20.1.0", "10.35.0.0", "10.37.0.0"] {
        ensure!(touched(other) > 0, "{other} was not touched: {seen:?}");
    }
    ensure!(has(&lan.a, "10.20.1.0/24 dev eth1") && has(&lan.a, "mtu 1400"), "the new mtu is missing");
    ensure!(!has(&lan.a, "10.20.3.0") && !has(&lan.a, "10.35.0.0"), "an old route is left");
    ensure!(
        has(&lan.a, "lookup 89") && !has(&lan.a, "500: from 10.9.0.100 lookup 88"),
        "the old rule is left"
    );
    Ok(())
}

fn adopted(context: &Context) -> Outcome {
    let lan = master(context.subject(), &config(FEW, STATIC))?;
    until(ms(500), "routes and rules are there", || few_there(&lan.a))?;
    let before = routing(&lan.a)?;
    let old = lan.a.pid_file("/run/vrrp.pid").unwrap_or_default();
    let seen = watched(&lan.a, || {
        lan.a.signal(a_process(old)?, 9)?;
        until(ms(3000), "a successor runs", || {
            lan.a.pid_file("/run/vrrp.pid").is_some_and(|new| new != old)
        })?;
        thread::sleep(ms(500));
        Ok(())
    })?;
    ensure!(lan.a.holds(VIP), "the address was lost");
    ensure_same!(routing(&lan.a)?, before, "routes and rules after and before");
    let tracked: Vec<&String> = seen.iter().filter(|line| line.contains("Deleted")).collect();
    ensure!(tracked.is_empty(), "the kernel was told {seen:?}");
    // What is lost from now on comes back.
    lan.a.must("ip route del 10.20.0.0/24; ip rule del pref 500; ip route del 10.33.0.0/24")?;
    until(ms(500), "all is back", || few_there(&lan.a) && has(&lan.a, "10.33.0.0"))?;
    Ok(())
}

fn died(context: &Context) -> Outcome {
    let lan = set(context.subject(), &config(FEW, STATIC))?;
    let before = (routing(&lan.a)?, lan.a.must("ip -o addr show dev eth1")?);
    lan.a.must("keepalived -D -R")?;
    until(ms(4000), "routes and rules are there", || few_there(&lan.a))?;
    lan.a.signal(a_process(lan.a.pid_file("/run/vrrp.pid").unwrap_or_default())?, 9)?;
    lan.a.quiet(ms(3000))?;
    ensure!(!lan.a.holds(VIP), "the address is left");
    let after = (routing(&lan.a)?, lan.a.must("ip -o addr show dev eth1")?);
    // What is not ours by its mark cannot be told from somebody else's.
    ensure_same!(after, before, "after and before");
    Ok(())
}

fn static_alone(context: &Context) -> Outcome {
    let lan = set(
        context.subject(),
        &STATIC
            .replace("track_group G {\n    group {\n        VI_1\n    }\n}\n", "")
            .replace(" track_group G", ""),
    )?;
    let before = routing(&lan.a)?;
    lan.start()?;
    until(ms(2000), "static things are there", || has(&lan.a, "712:") && has(&lan.a, "fd00:36::"))?;
    lan.a.must("killall keepalived")?;
    lan.a.quiet(ms(3000))?;
    ensure_same!(routing(&lan.a)?, before, "after and before");
    Ok(())
}

fn a_process(pid: u32) -> Result<u32, Fault> {
    ensure!(pid != 0, "there is no pid file");
    Ok(pid)
}
