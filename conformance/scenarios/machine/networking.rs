//! Other programs that manage interfaces: systemd-networkd and NetworkManager.

use std::time::{Duration, Instant};

use super::super::lan::{Two, VIP, instance, ms, start};
use super::{F, PATIENCE, has};
use crate::ensure;
use crate::lab::{Host, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{Vigil, master_down};
use crate::table::{Cast, Context, Proves, Scenario};

pub const SCENARIOS: &[Scenario] = &[
    fault("F11", "systemd-networkd restarted on the master: the address and the role stay", networkd),
    fault("F12", "nmcli down and up on both boxes: one holder", network_manager),
];

const fn fault(number: &'static str, name: &'static str, run: fn(&Context) -> Outcome) -> Scenario {
    Scenario { name, family: F, proves: Proves::Withstands(number), cast: Cast::Chosen, run }
}

/// How long the address may be away. It is 0.1 s where nothing is emulated.
const AWAY_MAX: Duration = ms(500);

/// A settled pair whose boxes are prepared.
fn pair(context: &Context, prepare: impl Fn(&Host) -> Outcome) -> Result<Two, Fault> {
    let lan = Two::set(context, &instance(150, ""), &instance(100, ""))?;
    for host in [&lan.a, &lan.b] {
        // Read-only, /sys tells both programs that nobody asks udev here.
        host.must("mount -o remount,ro,bind /sys")?;
        prepare(host)?;
    }
    for host in [&lan.a, &lan.b] {
        start(host)?;
        host.log.wait(0, "(VI_1) Entering BACKUP STATE", PATIENCE)?;
    }
    is_with_a(&lan, master_down(150) + PATIENCE)?;
    Ok(lan)
}

fn is_with_a(lan: &Two, within: Duration) -> Result<Instant, Fault> {
    until(within, "A alone holds the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))
}

/// Starts systemd-networkd, with what its unit would make for it, and waits until it has configured eth0.
fn start_networkd(host: &Host) -> Outcome {
    let places = "/run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp";
    host.must(&format!("rm -rf {places}; mkdir -p {places}; chown -R systemd-network: /run/systemd/netif"))?;
    host.background("SYSTEMD_LOG_TARGET=null exec /lib/systemd/systemd-networkd")?;
    let configured = "grep -q ADMIN_STATE=configured /run/systemd/netif/links/*";
    until(PATIENCE * 3, "systemd-networkd has configured eth0", || {
        host.run(configured).is_ok_and(|run| run.code == 0)
    })?;
    Ok(())
}

fn networkd(context: &Context) -> Outcome {
    has("/lib/systemd/systemd-networkd")?;
    let lan = pair(context, |host| {
        let file = format!(
            "[Match]\nName=eth0\n[Network]\nAddress={}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
            host.address
        );
        host.write("/etc/systemd/network/eth0.network", &file, 0o644)?;
        host.must("ip addr flush dev eth0")?;
        start_networkd(host)
    })?;
    let marks = [lan.a.log.mark(), lan.b.log.mark()];
    let vigil = Vigil::over(&[&lan.a, &lan.b], VIP);
    let at = Instant::now();
    lan.a.must("killall systemd-networkd")?;
    start_networkd(&lan.a)?;
    lan.a.gains(VIP, AWAY_MAX)?;
    always(ms(2000), "A holds the address", || lan.a.holds(VIP))?;
    let away = vigil.longest(at, |holders| holders == 0);
    ensure!(away <= AWAY_MAX, "the address was away for {away:?}");
    for (host, mark) in [(&lan.a, marks[0]), (&lan.b, marks[1])] {
        let turns = host.log.since(mark, "Entering");
        ensure!(turns.is_empty(), "{} changed its role: {}", host.name, turns[0].text);
    }
    Ok(())
}

fn network_manager(context: &Context) -> Outcome {
    has("/usr/sbin/NetworkManager")?;
    let lan = pair(context, |host| {
        let file = format!(
            "[connection]\nid=lan\ntype=ethernet\ninterface-name=eth0\n\
             [ipv4]\nmethod=manual\naddress1={}/24\n[ipv6]\nmethod=disabled\n",
            host.address
        );
        host.write("/etc/NetworkManager/system-connections/lan.nmconnection", &file, 0o600)?;
        host.must("mkdir -p /run/dbus /var/lib/dbus && dbus-daemon --system --fork && NetworkManager")?;
        let managed = || host.run("nmcli connection up lan").is_ok_and(|run| run.code == 0);
        until(PATIENCE * 2, "NetworkManager has connected eth0", managed)?;
        Ok(())
    })?;
    for host in [&lan.b, &lan.a] {
        host.must("nmcli connection down lan")?;
        host.must("nmcli connection up lan")?;
    }
    is_with_a(&lan, master_down(100) + PATIENCE)?;
    always(ms(3000), "A alone holds the address", || lan.a.holds(VIP) && !lan.b.holds(VIP))
}
