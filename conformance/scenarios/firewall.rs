//! Packets to addresses that are not accepted (`no_accept`, strict mode).

use std::time::Instant;

use super::lan::{Single, Two, VIP, instance, ms, says, start};
use crate::both::of_both;
use crate::ensure_same;
use crate::lab::client::Client;
use crate::lab::{Host, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down};
use crate::scenarios::stage::start_nginx;
use crate::table::{Context, Scenario, both, original, ours};

const F: &str = "firewall";

pub const SCENARIOS: &[Scenario] = &[
    both(F, "no_accept: the same rules, and none after the stop", same_rules),
    both(F, "vrrp_strict without accept, with a table, a priority and counters of its own", strict_rules),
    both(
        F,
        "no_accept for both families and virtual MACs: the same rules, and none after the stop",
        every_rule,
    ),
    both(F, "strict for IPv6: the same rules, and none after the stop", strict_rules_of_ipv6),
    both(F, "virtual MACs of single addresses have rules where others have some", rules_of_addresses),
    original(F, "no_accept: the address is held and answers nobody, its owner's own address does", silent),
    original(F, "no_accept comes with a reload", comes),
    // The original leaves the rules where they are.
    ours(F, "no_accept goes with a reload", goes),
    ours(
        F,
        "rules that were flushed are back, those of a killed daemon go with its successor's start",
        flushed,
    ),
];

const EXCLUDED: &str = "virtual_ipaddress_excluded {\n        10.9.0.110\n    }";

fn rules(host: &Host) -> Result<String, Fault> {
    // Counters count.
    let shown = host.must("nft list ruleset")?;
    let still =
        |word: &str| if word.chars().all(|c| c.is_ascii_digit()) { "N".to_owned() } else { word.to_owned() };
    let tidy = |line: &str| match line.contains("counter packets") {
        true => line.split(' ').map(still).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    };
    // Tables are in the order in which they were made.
    let mut tables: Vec<String> =
        shown.split("table ").map(|table| table.lines().map(tidy).collect::<Vec<_>>().join("\n")).collect();
    tables.sort();
    Ok(tables.join("\ntable "))
}

/// The rules of a master with that configuration, of both programs.
fn compare(config: &str, barred: &[&str]) -> Outcome {
    let [theirs, ours] = of_both(|subject| {
        let lan = Single::of(subject, config)?;
        lan.start_as_master(150)?;
        until(ms(1500), "every address is barred", || {
            rules(&lan.a).is_ok_and(|rules| barred.iter().all(|one| rules.contains(one)))
        })?;
        let during = rules(&lan.a)?;
        says(&lan.a, "(VI_1) setting firewall drop rule", ms(500))?;
        lan.a.must("kill $(cat /run/keepalived.pid)")?;
        lan.a.quiet(ms(3000))?;
        Ok((during, rules(&lan.a)?))
    })?;
    ensure_same!(ours.0, theirs.0, "rules of a master");
    ensure_same!(ours.1, theirs.1, "rules after the stop");
    ensure_same!(ours.1, "", "rules after the stop");
    Ok(())
}

fn same_rules(_context: &Context) -> Outcome {
    let config = instance(150, &format!("no_accept\n    {EXCLUDED}"));
    compare(&config, &["10.9.0.100", "10.9.0.110"])
}

fn strict_rules(_context: &Context) -> Outcome {
    let global = "global_defs {\n    vrrp_version 3\n    vrrp_strict\n    nftables kept\n    nftables_priority -7\n    \
                  nftables_counters\n}\n";
    compare(&(global.to_owned() + &instance(150, "")), &["10.9.0.100"])
}

fn every_rule(_context: &Context) -> Outcome {
    let first = instance(150, &format!("no_accept\n    use_vmac\n    {EXCLUDED}"));
    let second = "vrrp_instance VI_2 {\n    interface eth0\n    virtual_router_id 52\n    priority 200\n    use_vmac\n    \
                  no_accept\n    virtual_ipaddress {\n        fe80::9:52\n        fd00:9::152/64\n    }\n}\n";
    compare(&(second.to_owned() + &first), &["10.9.0.100", "10.9.0.110", "fe80::9:52", "fd00:9::152"])
}

fn strict_rules_of_ipv6(_context: &Context) -> Outcome {
    let global = "global_defs {\n    vrrp_strict\n    nftables_counters\n}\n";
    let six = instance(150, "").replace("10.9.0.100", "fe80::9:51\n        fd00:9::151/64");
    let four = instance(200, "").replace("VI_1", "VI_0").replace("_id 51", "_id 50");
    compare(&(global.to_owned() + &four + &six), &["10.9.0.100", "fe80::9:51", "fd00:9::151"])
}

fn rules_of_addresses(_context: &Context) -> Outcome {
    let own =
        |more: &str| instance(150, more).replace("10.9.0.100", "10.9.0.100\n        10.9.0.101 use_vmac");
    let alone = own("");
    let rules_of_both = of_both(|subject| {
        let lan = Single::of(subject, &alone)?;
        lan.start()?;
        until(ms(1500), "the virtual MAC", || {
            lan.a.run("ip link show vrrp.51").is_ok_and(|run| run.code == 0)
        })?;
        rules(&lan.a)
    })?;
    ensure_same!(rules_of_both, ["", ""], "rules of theirs and ours");
    let other = "vrrp_instance VI_2 {\n    interface eth0\n    virtual_router_id 52\n    priority 100\n    use_vmac\n    \
                 advert_int 3\n    virtual_ipaddress {\n        10.9.0.120\n    }\n}\n";
    let config = own("no_accept") + other;
    compare(&config, &["10.9.0.100", "10.9.0.101", "vrrp.51", "vrrp.52"])
}

fn silent(context: &Context) -> Outcome {
    let Two { a, b, mut lab } = Two::set(context, &instance(150, "no_accept"), &instance(100, "no_accept"))?;
    start_nginx(&a)?;
    start(&a)?;
    start(&b)?;
    a.gains(VIP, master_down(150) + ms(1500))?;
    let customer = lab.client([10, 9, 0, 50])?;
    let own = Client::start(&customer, [10, 9, 0, 1]);
    own.served_by("a", Instant::now(), ms(1500))?;
    let client = Client::start(&customer, VIP.octets());
    until(ms(2000), "twenty questions", || client.answers().len() >= 20)?;
    let answers = client.answers().iter().filter(|answer| answer.from.is_some()).count();
    ensure_same!(answers, 0, "answers of an address that is not accepted");
    Ok(())
}

fn reload(lan: &Single, more: &str, barred: bool) -> Outcome {
    lan.a.configure(&instance(150, more))?;
    lan.a.must("kill -HUP $(cat /run/keepalived.pid)")?;
    until(ms(1500), "as configured", || {
        lan.a.holds(VIP) && rules(&lan.a).is_ok_and(|rules| rules.contains("10.9.0.100") == barred)
    })?;
    Ok(())
}

fn comes(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, ""))?;
    lan.start_as_master(150)?;
    ensure_same!(rules(&lan.a)?, "", "rules without no_accept");
    reload(&lan, "no_accept", true)
}

fn goes(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "no_accept"))?;
    lan.start_as_master(150)?;
    until(SLACK, "the rules", || rules(&lan.a).is_ok_and(|rules| rules.contains("10.9.0.100")))?;
    reload(&lan, "", false)
}

fn flushed(context: &Context) -> Outcome {
    let lan = Single::set(context, &instance(150, "no_accept"))?;
    lan.start_as_master(150)?;
    until(SLACK, "the rules", || rules(&lan.a).is_ok_and(|rules| rules.contains("10.9.0.100")))?;
    lan.a.must("nft flush ruleset")?;
    // Everything is compared every thirty seconds.
    until(ms(31_000), "the rules are back", || {
        rules(&lan.a).is_ok_and(|rules| rules.contains("10.9.0.100"))
    })?;
    lan.a.power_cut()?;
    lan.start()?;
    until(ms(1500), "neither address nor rules", || {
        !lan.a.holds(VIP) && rules(&lan.a).is_ok_and(|rules| rules.is_empty())
    })?;
    lan.a.gains(VIP, master_down(150) + SLACK)?;
    Ok(())
}
