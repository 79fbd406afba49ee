//! The users' articles, configurations and scripts byte for byte, on hosts with the articles' addresses.

use std::time::Duration;

use super::stage::{Plan, Service, Stage, text};
use crate::outcome::{Fault, Outcome};
use crate::subject::Subject::{Ours, Theirs};
use crate::table::{Context, Scenario, decision, mixed, original};

const NAME_000: &str = "000: one service, the script restarts nginx or kills keepalived";
const NAME_001: &str = "001: the same with two names for the interface";
const NAME_002: &str = "002: typographic quotes and all, the address moves as it should";
const NAME_003: &str = "003: two services that guard each other";
const NAME_003_SIMPLE: &str = "003: its simple pair without a script";
const NAME_004: &str = "004: two masters and a watcher in the background";

pub const SCENARIOS: &[Scenario] = &[
    original("articles", NAME_000, article_000),
    original("articles", NAME_001, article_001),
    original("articles", NAME_002, article_002),
    decision("D8", "articles", "002: the script in typographic quotes runs", article_002_script),
    original("articles", NAME_003, article_003),
    original("articles", NAME_003_SIMPLE, article_003_simple),
    original("articles", NAME_004, article_004),
    mixed(NAME_000, Ours, Theirs, article_000),
    mixed(NAME_000, Theirs, Ours, article_000),
    mixed(NAME_001, Ours, Theirs, article_001),
    mixed(NAME_001, Theirs, Ours, article_001),
    mixed(NAME_002, Ours, Theirs, article_002),
    mixed(NAME_002, Theirs, Ours, article_002),
    mixed(NAME_003, Ours, Theirs, article_003),
    mixed(NAME_003, Theirs, Ours, article_003),
    mixed(NAME_004, Ours, Theirs, article_004),
    mixed(NAME_004, Theirs, Ours, article_004),
];

const CHECK_SCRIPT: &str = "/usr/local/src/check_nginx_pid.sh";

const PLAN_000: Plan = Plan {
    interfaces: ["eth0", "eth0"],
    addresses: [[192, 168, 0, 221], [192, 168, 0, 222]],
    client: [192, 168, 0, 50],
    services: &[Service { vip: [192, 168, 0, 200], vrid: 66, a: 102, b: 101 }],
    script: Some(CHECK_SCRIPT),
    script_period: Duration::from_secs(2),
};

const PLAN_001: Plan = Plan {
    interfaces: ["eth1", "eth2"],
    addresses: [[192, 168, 1, 166], [192, 168, 1, 173]],
    client: [192, 168, 1, 50],
    services: &[Service { vip: [192, 168, 1, 200], vrid: 66, a: 102, b: 101 }],
    script: Some(CHECK_SCRIPT),
    script_period: Duration::from_secs(2),
};

const PLAN_002: Plan = Plan {
    interfaces: ["eth0", "eth0"],
    addresses: [[192, 168, 1, 103], [192, 168, 1, 104]],
    client: [192, 168, 1, 50],
    services: &[Service { vip: [192, 168, 1, 110], vrid: 51, a: 102, b: 100 }],
    script: Some("/opt/nginx_pid.sh"),
    script_period: Duration::from_secs(2),
};

const PLAN_003: Plan = Plan {
    interfaces: ["ens33", "ens33"],
    addresses: [[192, 168, 1, 150], [192, 168, 1, 151]],
    client: [192, 168, 1, 50],
    services: &[
        Service { vip: [192, 168, 1, 140], vrid: 255, a: 110, b: 60 },
        Service { vip: [192, 168, 1, 141], vrid: 1, a: 50, b: 100 },
    ],
    script: Some("/etc/keepalived/check_nginx_alive_or_not.sh"),
    script_period: Duration::from_secs(2),
};

const PLAN_003_SIMPLE: Plan = Plan {
    services: &[Service { vip: [192, 168, 1, 140], vrid: 255, a: 100, b: 50 }],
    script: None,
    ..PLAN_003
};

/// The watcher looks every five seconds, and after a failed restart again five seconds later.
const PLAN_004: Plan = Plan {
    interfaces: ["eth0", "eth0"],
    addresses: [[192, 168, 1, 5], [192, 168, 1, 6]],
    client: [192, 168, 1, 50],
    services: &[
        Service { vip: [192, 168, 1, 8], vrid: 51, a: 100, b: 99 },
        Service { vip: [192, 168, 1, 9], vrid: 52, a: 99, b: 100 },
    ],
    script: Some("/root/nginxpid.sh"),
    script_period: Duration::from_secs(10),
};

fn stage(context: &Context, plan: Plan, files: [&str; 2], script: Option<&str>) -> Result<Stage, Fault> {
    let a = text(&context.article(files[0])?)?;
    let b = text(&context.article(files[1])?)?;
    let script = script.map(|file| text(&context.article(file)?)).transpose()?;
    Stage::set(context, plan, [&a, &b], script.as_deref())
}

fn article_000(context: &Context) -> Outcome {
    let files = ["000/master.conf", "000/backup.conf"];
    killing_script(&stage(context, PLAN_000, files, Some("000/check_nginx_pid.sh"))?)
}

fn article_001(context: &Context) -> Outcome {
    let files = ["001/master.conf", "001/backup.conf"];
    killing_script(&stage(context, PLAN_001, files, Some("001/check_nginx_pid.sh"))?)
}

/// 000 and 001: the check script itself calls `killall keepalived`.
fn killing_script(stage: &Stage) -> Outcome {
    stage.starts()?;
    stage.nginx_is_restarted()?;
    stage.nginx_gone_moves_the_address(Duration::from_millis(500))?;
    common(stage)
}

fn common(stage: &Stage) -> Outcome {
    stage.stop_hands_over()?;
    stage.crash_hands_over()?;
    stage.pulled_cable_hands_over()?;
    stage.all_stop()
}

/// The article shows the master's file; its comments say what the other box changes.
fn stage_002(context: &Context) -> Result<Stage, Fault> {
    let master = text(&context.article("002/master.conf")?)?;
    let backup = master
        .replace("state MASTER ", "state BACKUP ")
        .replace("192.168.1.103", "192.168.1.104")
        .replace("priority 102", "priority 100");
    let script = text(&context.article("002/nginx_pid.sh")?)?;
    Stage::set(context, PLAN_002, [&master, &backup], Some(&script))
}

fn article_002(context: &Context) -> Outcome {
    let stage = stage_002(context)?;
    stage.starts()?;
    common(&stage)
}

fn article_002_script(context: &Context) -> Outcome {
    let stage = stage_002(context)?;
    stage.starts()?;
    stage.nginx_is_restarted()?;
    stage.all_stop()
}

fn article_003(context: &Context) -> Outcome {
    let files = ["003/150.conf", "003/151.conf"];
    let stage = stage(context, PLAN_003, files, Some("003/check_nginx_alive_or_not.sh"))?;
    stage.starts()?;
    stage.nginx_is_restarted()?;
    common(&stage)
}

fn article_003_simple(context: &Context) -> Outcome {
    let stage = stage(context, PLAN_003_SIMPLE, ["003/150-simple.conf", "003/151-simple.conf"], None)?;
    stage.starts()?;
    common(&stage)
}

fn article_004(context: &Context) -> Outcome {
    let stage = stage(context, PLAN_004, ["004/one.conf", "004/two.conf"], Some("004/nginxpid.sh"))?;
    stage.starts()?;
    stage.a.background("nohup sh /root/nginxpid.sh")?;
    stage.nginx_is_restarted()?;
    stage.nginx_gone_moves_the_address(Duration::from_millis(1500))?;
    common(&stage)
}
