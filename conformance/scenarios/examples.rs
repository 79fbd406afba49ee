//! The configurations of `examples/`, as they are, doing what their stories say.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::stage::{Plan, Service, Stage, Up, text};
use crate::diary;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::subject::Subject::{Ours, Theirs};
use crate::subject::project_root;
use crate::table::{Context, Scenario, mixed, original};

const NGINX_PAIR: &str = "nginx-pair: a box that cannot serve lets go, and takes over again when repaired";
const DUAL_MASTER: &str = "dual-master: each box stands in for the other";

pub const SCENARIOS: &[Scenario] = &[
    original("examples", NGINX_PAIR, nginx_pair),
    original("examples", DUAL_MASTER, dual_master),
    original("examples", "weights: the healthier box serves, and adverts say how healthy", weights),
    original("examples", "nopreempt: who serves keeps serving, and each change is told", nopreempt),
    mixed(NGINX_PAIR, Ours, Theirs, nginx_pair),
    mixed(NGINX_PAIR, Theirs, Ours, nginx_pair),
    mixed(DUAL_MASTER, Ours, Theirs, dual_master),
    mixed(DUAL_MASTER, Theirs, Ours, dual_master),
];

const BASE: Plan = Plan {
    interfaces: ["eth0", "eth0"],
    addresses: [[192, 168, 50, 11], [192, 168, 50, 12]],
    client: [192, 168, 50, 50],
    services: &[],
    script: None,
    script_period: Duration::from_secs(1),
};

fn example(name: &str, file: &str) -> Result<String, Fault> {
    text(&project_root().join("examples").join(name).join(file))
}

/// Both boxes with the example's files in `/etc/keepalived`.
fn stage(context: &Context, name: &str, scripts: &[&str], plan: Plan) -> Result<Stage, Fault> {
    let stage = Stage::set(context, plan, [&example(name, "a.conf")?, &example(name, "b.conf")?], None)?;
    for host in [&stage.a, &stage.b] {
        for script in scripts {
            host.write(&format!("/etc/keepalived/{script}"), &example(name, script)?, 0o755)?;
        }
    }
    Ok(stage)
}

fn nginx_pair(context: &Context) -> Outcome {
    let plan = Plan { services: &[Service { vip: [192, 168, 50, 100], vrid: 51, a: 150, b: 100 }], ..BASE };
    let stage = stage(context, "nginx-pair", &["check_nginx.sh"], plan)?;
    stage.starts()?;
    stage.nginx_is_restarted()?;
    diary::step("nginx of a cannot start");
    stage.a.must("mv /usr/sbin/nginx /usr/sbin/nginx.gone; killall nginx")?;
    // One interval, the script's own pause, and the peer's skew.
    stage.settles(Up::OnlyB, Duration::from_millis(1200) + skew(100) + SLACK)?;
    diary::step("nginx of a is repaired");
    stage.a.must("mv /usr/sbin/nginx.gone /usr/sbin/nginx")?;
    // Two good results in a row, then as after a start.
    stage.settles(Up::Both, Duration::from_millis(2200) + master_down(150) + SLACK)?;
    stage.stop_hands_over()?;
    stage.pulled_cable_hands_over()?;
    stage.all_stop()
}

fn dual_master(context: &Context) -> Outcome {
    let services = &[
        Service { vip: [192, 168, 50, 101], vrid: 61, a: 150, b: 100 },
        Service { vip: [192, 168, 50, 102], vrid: 62, a: 100, b: 150 },
    ];
    let stage = stage(context, "dual-master", &[], Plan { services, ..BASE })?;
    stage.starts()?;
    stage.stop_hands_over()?;
    stage.crash_hands_over()?;
    stage.pulled_cable_hands_over()?;
    stage.all_stop()
}

fn weights(context: &Context) -> Outcome {
    let services = &[Service { vip: [192, 168, 50, 103], vrid: 71, a: 105, b: 100 }];
    let stage = stage(context, "weights", &["check_web.sh", "check_cache.sh"], Plan { services, ..BASE })?;
    for host in [&stage.a, &stage.b] {
        host.must("ip link add eth1 type veth peer name far && ip link set far up && ip link set eth1 up")?;
    }
    stage.starts()?;
    let sends = |host: &Host, priority: u8, within: Duration| {
        let what = format!("{} advertises {priority}", host.name);
        until(within, &what, || stage.last_priority(host, 71) == Some(priority))
    };
    sends(&stage.a, 105, SLACK)?;
    diary::step("the cache of b is warm: 110 beat 105");
    stage.b.must("touch /run/cache-is-warm")?;
    let advert = Duration::from_secs(1);
    stage.settles(Up::OnlyB, Duration::from_secs(5) + master_down(110) + SLACK)?;
    sends(&stage.b, 110, SLACK + advert)?;
    diary::step("b loses its uplink: 90 lose to 105");
    stage.b.must("ip link set eth1 down")?;
    stage.settles(Up::Both, advert + master_down(105) + SLACK)?;
    diary::step("the web server of a dies: 45 lose to 90");
    stage.a.must("killall nginx")?;
    let two_failures = Duration::from_secs(4);
    stage.settles(Up::OnlyB, two_failures + advert + master_down(90) + SLACK)?;
    stage.all_stop()
}

fn nopreempt(context: &Context) -> Outcome {
    let services = &[Service { vip: [192, 168, 50, 104], vrid: 81, a: 150, b: 100 }];
    let stage = stage(context, "nopreempt", &["notify.sh"], Plan { services, ..BASE })?;
    stage.starts()?;
    let told = |host: &Host, text: &str| host.log.wait(0, text, Duration::from_secs(1));
    told(&stage.a, "VI_1 is now MASTER (priority 150)")?;
    told(&stage.b, "VI_1 is now BACKUP (priority 100)")?;
    diary::step("a goes, b takes over and keeps the address when a is back");
    stage.a.must("service keepalived stop")?;
    stage.settles(Up::OnlyB, skew(100) + SLACK)?;
    told(&stage.a, "VI_1 is now STOP (priority 150)")?;
    told(&stage.b, "VI_1 is now MASTER (priority 100)")?;
    stage.a.must("service keepalived start")?;
    let vip = Ipv4Addr::new(192, 168, 50, 104);
    always(master_down(150) + Duration::from_secs(1), "the address stays with b alone", || {
        stage.b.holds(vip) && !stage.a.holds(vip)
    })?;
    stage.all_stop()
}
