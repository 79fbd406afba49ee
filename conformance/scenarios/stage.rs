//! Two boxes with nginx and keepalived, a customer, and the steps every article goes through.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::diary;
use crate::ensure;
use crate::lab::client::Client;
use crate::lab::{Host, Lab, always, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::table::Context;

/// A virtual address and who is to have it.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The address.
    pub vip: [u8; 4],
    /// Its virtual router.
    pub vrid: u8,
    /// Effective priority of box A while its script is content.
    pub a: u8,
    /// The same of box B.
    pub b: u8,
}

/// What an article builds.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Interface names of A and B.
    pub interfaces: [&'static str; 2],
    /// Addresses of A and B.
    pub addresses: [[u8; 4]; 2],
    /// Address of the customer.
    pub client: [u8; 4],
    /// The services.
    pub services: &'static [Service],
    /// Where the article puts its script.
    pub script: Option<&'static str>,
    /// How long the script may take to notice that nginx is gone.
    pub script_period: Duration,
}

/// The boxes of an article, up and running.
pub struct Stage {
    /// Box A.
    pub a: Host,
    /// Box B.
    pub b: Host,
    clients: Vec<Client>,
    plan: Plan,
    _customer: Host,
    // Dropped last: the hosts hang on it.
    lab: Lab,
}

/// Which boxes can hold an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// Both: each service is with its stronger box.
    Both,
    /// Only B.
    OnlyB,
}

impl Stage {
    /// Boxes with these configurations and this script, nginx running, keepalived not yet.
    pub fn set(
        context: &Context,
        plan: Plan,
        configs: [&str; 2],
        script: Option<&str>,
    ) -> Result<Self, Fault> {
        let mut lab = Lab::new()?;
        let a = lab.host(context.pair.a, "a", plan.interfaces[0], plan.addresses[0])?;
        let b = lab.host(context.pair.b, "b", plan.interfaces[1], plan.addresses[1])?;
        let customer = lab.client(plan.client)?;
        for (host, config) in [(&a, configs[0]), (&b, configs[1])] {
            host.configure(config)?;
            if let (Some(path), Some(text)) = (plan.script, script) {
                host.write(path, text, 0o755)?;
            }
            start_nginx(host)?;
        }
        let clients = plan.services.iter().map(|service| Client::start(&customer, service.vip)).collect();
        Ok(Self { a, b, clients, plan, _customer: customer, lab })
    }

    /// Who is to hold the service, and who is not.
    fn expected(&self, service: &Service, up: Up) -> (&Host, &Host) {
        if up == Up::OnlyB || service.b > service.a { (&self.b, &self.a) } else { (&self.a, &self.b) }
    }

    /// Waits until every address is where it belongs and nowhere else, and until its customer is served there.
    pub fn settles(&self, up: Up, within: Duration) -> Outcome {
        let begin = Instant::now();
        for (service, client) in self.plan.services.iter().zip(&self.clients) {
            let vip = Ipv4Addr::from(service.vip);
            let (holder, other) = self.expected(service, up);
            let what = format!("{vip} is with {} alone", holder.name);
            let left = within.saturating_sub(begin.elapsed());
            let since = until(left, &what, || holder.holds(vip) && !other.holds(vip))?;
            if runs_nginx(holder) {
                client.served_by(&holder.name, since, SLACK)?;
            }
        }
        Ok(())
    }

    /// Waits until every address is at the one living box, whatever the dead one still has.
    pub fn taken_over(&self, up: Up, within: Duration) -> Outcome {
        let begin = Instant::now();
        for (service, client) in self.plan.services.iter().zip(&self.clients) {
            let (holder, _) = self.expected(service, up);
            let since = holder.gains(Ipv4Addr::from(service.vip), within.saturating_sub(begin.elapsed()))?;
            client.served_by(&holder.name, since, SLACK)?;
        }
        Ok(())
    }

    /// The priority of the last advert a box sent for a virtual router.
    pub fn last_priority(&self, host: &Host, vrid: u8) -> Option<u8> {
        // Adverts are a second apart, so the last one is not older than this.
        let since = Instant::now().checked_sub(Duration::from_millis(2500))?;
        self.lab.capture.adverts(&host.name, vrid, since).last().map(|advert| advert.priority)
    }

    /// The time a box needs to take over a silent service, with slack.
    pub fn silent_bound(&self, up: Up) -> Duration {
        self.bound(up, master_down)
    }

    /// The time a box needs to take over a service whose master resigned, with slack.
    pub fn resigned_bound(&self, up: Up) -> Duration {
        self.bound(up, skew)
    }

    fn bound(&self, up: Up, of: fn(u8) -> Duration) -> Duration {
        let priority = |service: &Service| match up {
            Up::OnlyB => service.b,
            Up::Both => service.a.max(service.b),
        };
        self.plan.services.iter().map(|service| of(priority(service))).max().unwrap_or_default() + SLACK
    }

    /// `service keepalived start` on both; one holder per address in time, and it stays so.
    pub fn starts(&self) -> Outcome {
        diary::step("service keepalived start on both");
        self.a.must("service keepalived start")?;
        self.b.must("service keepalived start")?;
        self.settles(Up::Both, self.silent_bound(Up::Both))?;
        self.stays(Duration::from_millis(1200))
    }

    /// No address moves for that long.
    pub fn stays(&self, during: Duration) -> Outcome {
        always(during, "every address with its stronger box alone", || {
            self.plan.services.iter().all(|service| {
                let vip = Ipv4Addr::from(service.vip);
                let (holder, other) = self.expected(service, Up::Both);
                holder.holds(vip) && !other.holds(vip)
            })
        })
    }

    /// nginx of A is killed: the script starts it again and no address moves.
    pub fn nginx_is_restarted(&self) -> Outcome {
        diary::step("nginx of a is killed");
        self.a.must("killall nginx")?;
        let since = Instant::now();
        let patience = self.plan.script_period + Duration::from_secs(2);
        until(patience, "nginx runs again on a", || runs_nginx(&self.a))?;
        self.stays(Duration::from_millis(3700))?;
        for (service, client) in self.plan.services.iter().zip(&self.clients) {
            let (holder, _) = self.expected(service, Up::Both);
            client.served_by(&holder.name, since, Duration::from_secs(3))?;
        }
        Ok(())
    }

    /// nginx of A cannot be started any more; `keepalived` there is stopped by the article's own means and B
    /// takes over. Then A is repaired.
    pub fn nginx_gone_moves_the_address(&self, patience: Duration) -> Outcome {
        diary::step("nginx of a is gone for good");
        break_nginx(&self.a)?;
        let patience = self.plan.script_period + patience + self.resigned_bound(Up::OnlyB);
        self.settles(Up::OnlyB, patience)?;
        self.a.quiet(Duration::from_secs(3))?;
        diary::step("nginx of a is repaired");
        mend_nginx(&self.a)?;
        self.comes_back()
    }

    /// `service keepalived stop` on A: B takes over within skew; then A comes back.
    pub fn stop_hands_over(&self) -> Outcome {
        diary::step("service keepalived stop on a");
        self.a.must("service keepalived stop")?;
        self.settles(Up::OnlyB, self.resigned_bound(Up::OnlyB))?;
        self.a.quiet(Duration::from_secs(3))?;
        ensure!(!self.a.has_file("/run/keepalived.pid"), "the pid file of a is still there after stop");
        self.comes_back()
    }

    /// All processes of A are killed: B takes over a silent service; A, started again, takes it back.
    pub fn crash_hands_over(&self) -> Outcome {
        diary::step("power cut of a");
        let at = self.a.power_cut()?;
        self.taken_over(Up::OnlyB, self.silent_bound(Up::OnlyB))?;
        for service in self.plan.services {
            let said = self.lab.capture.adverts("a", service.vrid, at + Duration::from_millis(20));
            ensure!(said.is_empty(), "the dead box still talks");
        }
        self.comes_back()
    }

    /// The cable of A is pulled: B takes over, A gives up; the cable comes back and all is as before.
    pub fn pulled_cable_hands_over(&self) -> Outcome {
        diary::step("cable of a pulled");
        self.a.pull_cable()?;
        self.settles(Up::OnlyB, self.silent_bound(Up::OnlyB))?;
        diary::step("cable of a back");
        self.a.push_cable()?;
        self.settles(Up::Both, self.silent_bound(Up::Both))?;
        self.stays(Duration::from_millis(1200))
    }

    /// Both are stopped: no address is left anywhere.
    pub fn all_stop(&self) -> Outcome {
        diary::step("service keepalived stop on both");
        self.a.must("service keepalived stop")?;
        self.b.must("service keepalived stop")?;
        for host in [&self.a, &self.b] {
            host.quiet(Duration::from_secs(3))?;
            for service in self.plan.services {
                host.loses(Ipv4Addr::from(service.vip), SLACK)?;
            }
        }
        Ok(())
    }

    /// A is started again and everything goes back to where it belongs.
    fn comes_back(&self) -> Outcome {
        diary::step("service keepalived start on a");
        self.a.must("service keepalived start")?;
        self.settles(Up::Both, self.silent_bound(Up::Both))
    }
}

/// Starts nginx the way the articles do.
pub fn start_nginx(host: &Host) -> Outcome {
    host.must("/usr/local/nginx/sbin/nginx")?;
    Ok(())
}

/// Whether a process called nginx lives there.
pub fn runs_nginx(host: &Host) -> bool {
    host.processes().iter().any(|process| process.comm == "nginx" && process.state != 'Z')
}

/// Kills nginx and takes its binary away.
pub fn break_nginx(host: &Host) -> Outcome {
    std::fs::remove_file(host.path("/usr/local/nginx/sbin/nginx"))?;
    host.must("killall nginx")?;
    Ok(())
}

/// Puts nginx back and starts it.
pub fn mend_nginx(host: &Host) -> Outcome {
    std::os::unix::fs::symlink("/usr/sbin/nginx", host.path("/usr/local/nginx/sbin/nginx"))?;
    if runs_nginx(host) { Ok(()) } else { start_nginx(host) }
}

/// The text of a file.
pub fn text(path: &Path) -> Result<String, Fault> {
    Ok(std::fs::read_to_string(path)?)
}
