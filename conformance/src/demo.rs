//! The demo: `examples/nginx-pair` on two lab hosts with real nginx, one customer, six disasters, told as they
//! happen.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::client::Client;
use crate::lab::{Host, Lab, until};
use crate::outcome::{Fault, Outcome};
use crate::probe::{SLACK, master_down, skew};
use crate::subject::{Pair, project_root};

const EXAMPLE: &str = "examples/nginx-pair";
const BOX_A: [u8; 4] = [192, 168, 50, 11];
const BOX_B: [u8; 4] = [192, 168, 50, 12];
const CUSTOMER: [u8; 4] = [192, 168, 50, 50];
const VIP: [u8; 4] = [192, 168, 50, 100];
/// Priorities of the example's boxes.
const PRIORITY_A: u8 = 150;
const PRIORITY_B: u8 = 100;
/// The example's check: it looks once a second and gives nginx a fifth of one to come up.
const CHECK: Duration = Duration::from_millis(1200);
/// From one look at everything to the next.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What is watched after a step, so that a late effect counts too.
const AFTERWARDS: Duration = Duration::from_millis(700);

/// Words of the daemon's log that tell the story.
const TELLING: &[&str] = &["Entering ", "Script `", "Received ", "taken", "leftover"];

/// Plays everything; a failure when an outage was longer than the protocol and the check explain.
pub fn play(pair: Pair) -> ExitCode {
    match Show::open(pair).and_then(|show| show.run()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("demo: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The stage, set.
struct Show {
    a: Host,
    b: Host,
    client: Client,
    begin: Instant,
    paint: Paint,
    outages: Mutex<Vec<Outage>>,
    _customer: Host,
    // Dropped last: the hosts hang on it.
    _lab: Lab,
}

/// One line of the final table.
struct Outage {
    what: &'static str,
    millis: u128,
    /// What protocol and check explain.
    bound: Duration,
}

/// One step: what is done, and how it has to end.
struct Step {
    what: &'static str,
    explained: String,
    bound: Duration,
    holder: &'static str,
    alone: Alone,
}

/// Whether the other box must have let go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    Yes,
    /// A killed box cannot clean up after itself.
    No,
}

impl Show {
    fn open(pair: Pair) -> Result<Self, Fault> {
        let paint = Paint { on: std::io::stdout().is_terminal() };
        let example = project_root().join(EXAMPLE);
        let mut lab = Lab::new()?;
        let a = lab.host(pair.a, "a", "eth0", BOX_A)?;
        let b = lab.host(pair.b, "b", "eth0", BOX_B)?;
        let customer = lab.client(CUSTOMER)?;
        let script = fs::read_to_string(example.join("check_nginx.sh"))?;
        for host in [&a, &b] {
            host.configure(&fs::read_to_string(example.join(format!("{}.conf", host.name)))?)?;
            host.write("/etc/keepalived/check_nginx.sh", &script, 0o755)?;
        }
        println!("{}", paint.bold("Two boxes, one address, one customer."));
        for (host, subject, priority) in [(&a, pair.a, PRIORITY_A), (&b, pair.b, PRIORITY_B)] {
            let version = host.run("keepalived --version")?;
            let version = format!("{}{}", version.err, version.out);
            let version = version.lines().next().unwrap_or_default();
            println!(
                "  box {}: {}, priority {priority}, keepalived {subject}: {version}",
                host.name, host.address
            );
        }
        println!("  address: {}, configuration: {EXAMPLE}", Ipv4Addr::from(VIP));
        println!("  customer: {}, asks for a page every 5 ms\n", customer.address);
        let client = Client::start(&customer, VIP);
        let (begin, outages) = (Instant::now(), Mutex::default());
        Ok(Self { a, b, client, begin, paint, outages, _customer: customer, _lab: lab })
    }

    /// Plays with the narrator beside it; whether every outage is explained.
    fn run(&self) -> Result<bool, Fault> {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.narrate(&over));
            let played = self.steps();
            over.store(true, Ordering::Relaxed);
            played
        })?;
        Ok(self.conclude())
    }

    fn steps(&self) -> Outcome {
        self.step(&first("both boxes start", master_down(PRIORITY_A)), || {
            for host in [&self.a, &self.b] {
                self.types(host, "nginx")?;
                self.types(host, "service keepalived start")?;
            }
            Ok(())
        })?;
        self.step(&step("nginx of a is killed", "a", CHECK, "one check: the script restarts it"), || {
            self.types(&self.a, "killall -9 nginx")
        })?;
        let gone = CHECK + skew(PRIORITY_B);
        self.step(&step("nginx of a cannot start any more", "b", gone, "one check, then skew"), || {
            self.types(&self.a, "mv /usr/sbin/nginx /usr/sbin/nginx.gone; killall -9 nginx")
        })?;
        self.step(&step("nginx of a is repaired", "a", Duration::ZERO, "nothing"), || {
            self.types(&self.a, "mv /usr/sbin/nginx.gone /usr/sbin/nginx")
        })?;
        self.step(&step("service keepalived stop on a", "b", skew(PRIORITY_B), "skew"), || {
            self.types(&self.a, "service keepalived stop")
        })?;
        self.step(&step("service keepalived start on a", "a", Duration::ZERO, "nothing"), || {
            self.types(&self.a, "service keepalived start")
        })?;
        self.power()?;
        self.cable()?;
        self.heading("service keepalived stop on both");
        self.types(&self.a, "service keepalived stop")?;
        self.types(&self.b, "service keepalived stop")?;
        let vip = Ipv4Addr::from(VIP);
        for host in [&self.a, &self.b] {
            host.loses(vip, Duration::from_secs(3))?;
            host.quiet(Duration::from_secs(3))?;
        }
        Ok(())
    }

    fn power(&self) -> Outcome {
        let silent = master_down(PRIORITY_B);
        let cut = Step {
            alone: Alone::No,
            ..step("power cut of a (SIGKILL of all)", "b", silent, "3 adverts, skew")
        };
        self.step(&cut, || {
            self.says("SIGKILL to every process of a");
            self.a.power_cut()?;
            self.a.must("killall -9 nginx")?;
            Ok(())
        })?;
        self.step(&step("power of a is back", "a", Duration::ZERO, "nothing"), || {
            self.types(&self.a, "nginx; service keepalived start")
        })
    }

    fn cable(&self) -> Outcome {
        let silent = master_down(PRIORITY_B);
        self.step(&step("cable of a is pulled", "b", silent, "3 adverts, skew"), || {
            self.says("the switch port of a goes down");
            self.a.pull_cable()
        })?;
        self.step(&step("cable of a is back", "a", Duration::ZERO, "nothing"), || {
            self.says("the switch port of a comes up");
            self.a.push_cable()
        })
    }

    /// Does it, waits until the address is where it belongs and the customer is served there, and notes how long
    /// that took the customer.
    fn step(&self, step: &Step, act: impl FnOnce() -> Outcome) -> Outcome {
        self.heading(step.what);
        let since = Instant::now();
        act()?;
        let vip = Ipv4Addr::from(VIP);
        let (holder, other) = if step.holder == "a" { (&self.a, &self.b) } else { (&self.b, &self.a) };
        let what = format!("{vip} with {}: {}", step.holder, step.what);
        let placed = until(Duration::from_secs(12), &what, || {
            holder.holds(vip) && (step.alone == Alone::No || !other.holds(vip))
        })?;
        self.client.served_by(step.holder, placed, Duration::from_secs(5))?;
        thread::sleep(AFTERWARDS);
        let millis = self.client.outage_ms(since);
        let text =
            format!("the customer waited {millis} ms; explained: {} ({})", ms(step.bound), step.explained);
        self.says(&self.paint.bold(&text));
        let outage = Outage { what: step.what, millis, bound: step.bound };
        self.outages.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outage);
        Ok(())
    }

    /// The table; whether every outage is within what explains it, and a bit for the machine.
    fn conclude(&self) -> bool {
        println!("\n{}", self.paint.bold("What the customer noticed"));
        println!("  {:<34} {:>10} {:>12}", "", "outage", "explained");
        let outages = self.outages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut good = true;
        for outage in outages.iter() {
            let within = outage.millis <= (outage.bound + SLACK).as_millis();
            let (verdict, figure) = (if within { "" } else { "  too long" }, format!("{} ms", outage.millis));
            let line = format!("  {:<34} {figure:>10} {:>12}{verdict}", outage.what, ms(outage.bound));
            println!("{}", if within { line } else { self.paint.red(&line) });
            good &= within;
        }
        println!("\n  Afterwards nobody holds the address and no process is left.");
        good
    }

    /// Tells who holds the address, what the customer gets and what the logs say, each when it changes.
    fn narrate(&self, over: &AtomicBool) {
        let mut told = Told::default();
        while !over.load(Ordering::Relaxed) {
            self.tell_logs(&mut told);
            self.tell_holders(&mut told);
            self.tell_customer(&mut told);
            thread::sleep(LOOK_EVERY);
        }
    }

    fn tell_holders(&self, told: &mut Told) {
        let vip = Ipv4Addr::from(VIP);
        let holders: Vec<&str> = [&self.a, &self.b]
            .into_iter()
            .filter(|host| host.holds(vip))
            .map(|host| host.name.as_str())
            .collect();
        let holders = if holders.is_empty() { "nobody".to_owned() } else { holders.join(" and ") };
        if told.holders.as_ref() != Some(&holders) {
            self.says(&self.paint.cyan(&format!("{vip} is with {holders}")));
            told.holders = Some(holders);
        }
    }

    fn tell_logs(&self, told: &mut Told) {
        for host in [&self.a, &self.b] {
            let seen = told.lines.entry(host.name.clone()).or_default();
            let now = host.log.mark();
            if now == *seen {
                continue;
            }
            for line in host.log.since(*seen, "") {
                if TELLING.iter().any(|word| line.text.contains(word)) {
                    let text = format!("{} {}: {}", host.name, line.ident, line.text);
                    self.says_at(line.at, &self.paint.dim(&text));
                }
                *seen += 1;
            }
        }
    }

    fn tell_customer(&self, told: &mut Told) {
        for answer in self.client.since(told.answers) {
            told.answers += 1;
            if told.served != Some(answer.from.clone()) {
                let text = match (&answer.from, told.lost) {
                    (Some(from), Some(lost)) => {
                        let gap = answer.at.saturating_duration_since(lost).as_millis();
                        self.paint.green(&format!("customer: served by {from}, after {gap} ms without"))
                    }
                    (Some(from), None) => self.paint.green(&format!("customer: served by {from}")),
                    (None, _) => self.paint.red("customer: no answer"),
                };
                self.says_at(answer.at, &text);
                told.served = Some(answer.from.clone());
            }
            told.lost = match answer.from {
                Some(_) => None,
                None => told.lost.or(Some(answer.asked)),
            };
        }
    }

    fn types(&self, host: &Host, command: &str) -> Outcome {
        self.says(&format!("{}# {command}", host.name));
        host.must(command)?;
        Ok(())
    }

    fn heading(&self, text: &str) {
        println!("\n{}", self.paint.bold(&format!("== {text}")));
    }

    fn says(&self, text: &str) {
        self.says_at(Instant::now(), text);
    }

    fn says_at(&self, at: Instant, text: &str) {
        println!("{:9.3} s  {text}", at.saturating_duration_since(self.begin).as_secs_f64());
    }
}

/// What was told last.
#[derive(Default)]
struct Told {
    holders: Option<String>,
    lines: BTreeMap<String, usize>,
    answers: usize,
    served: Option<Option<String>>,
    /// Since when the customer goes without.
    lost: Option<Instant>,
}

fn step(what: &'static str, holder: &'static str, bound: Duration, explained: &str) -> Step {
    Step { what, holder, bound, explained: explained.to_owned(), alone: Alone::Yes }
}

fn first(what: &'static str, bound: Duration) -> Step {
    step(what, "a", bound, "three adverts and skew of silence")
}

fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// Colors, where a terminal shows them.
struct Paint {
    on: bool,
}

impl Paint {
    fn with(&self, code: u8, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.with(1, text)
    }

    fn dim(&self, text: &str) -> String {
        self.with(2, text)
    }

    fn red(&self, text: &str) -> String {
        self.with(31, text)
    }

    fn green(&self, text: &str) -> String {
        self.with(32, text)
    }

    fn cyan(&self, text: &str) -> String {
        self.with(36, text)
    }
}
