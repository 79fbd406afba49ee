//! One lab host: a process 1 in its own network, PID, mount and UTS namespaces, with its own files.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::syslog::Syslog;
use crate::diary;
use crate::outcome::{Fault, failed};

/// What a host is made of.
pub struct Blueprint<'a> {
    /// The host's name, also what its web server answers.
    pub name: &'a str,
    /// The network interface's name inside.
    pub interface: &'a str,
    /// Its address.
    pub address: Ipv4Addr,
    /// The binary that is `/usr/sbin/keepalived` inside.
    pub subject: &'a Path,
    /// The script that is `/etc/init.d/keepalived` inside.
    pub init_script: Option<&'a Path>,
    /// What becomes its process 1.
    pub first: First,
}

/// Process 1 of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Just collects the dead; what is to run is started by the scenario.
    Reaper,
    /// The machine's systemd, after [`Host::boot`]; until then the host is a shell's.
    Systemd,
    /// The same of sysvinit.
    Sysvinit,
}

impl First {
    fn script(self) -> &'static str {
        match self {
            Self::Reaper => "",
            Self::Systemd => include_str!("systemd.sh"),
            Self::Sysvinit => include_str!("sysvinit.sh"),
        }
    }
}

/// A running lab host; gone, with everything in it, when dropped.
pub struct Host {
    /// Its name.
    pub name: String,
    /// The name of its interface.
    pub interface: String,
    /// Its own address.
    pub address: Ipv4Addr,
    /// The bridge port it hangs on, in the runner's network.
    pub port: String,
    /// Its log.
    pub log: Arc<Syslog>,
    init: u32,
    child: Child,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The exit code; 128 + signal when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A process of a lab host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number as the host sees it.
    pub pid: u32,
    /// Its number as the runner sees it.
    pub outer: i32,
    /// Its parent as the host sees it.
    pub parent: u32,
    /// Its name, 15 characters at most.
    pub comm: String,
    /// Its state letter.
    pub state: char,
}

impl Host {
    /// Starts process 1 and the log reader; the network cable comes later.
    ///
    /// # Errors
    /// Namespaces, overlayfs or a tool are missing here.
    pub fn start(plan: &Blueprint<'_>, port: String) -> Result<Self, Fault> {
        let mut child = Command::new("unshare")
            .args(["--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c"])
            .arg(include_str!("host.sh"))
            .env("LAB_NAME", plan.name)
            .env("LAB_SUBJECT", plan.subject)
            .env("LAB_SELF", std::env::current_exe()?)
            .env("LAB_INIT", plan.first.script())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut ready)?;
        }
        if ready.trim() != "ready" {
            let mut why = String::new();
            if let Some(mut err) = child.stderr.take() {
                err.read_to_string(&mut why)?;
            }
            return failed(format!("host {} did not come up: {why}", plan.name));
        }
        let init = only_child(child.id())?;
        let root = PathBuf::from(format!("/proc/{init}/root"));
        let log = Syslog::listen(&root.join("dev/log"))?;
        let host = Self {
            name: plan.name.to_owned(),
            interface: plan.interface.to_owned(),
            address: plan.address,
            port,
            log,
            init,
            child,
        };
        if let Some(script) = plan.init_script {
            host.write("/etc/init.d/keepalived", &fs::read_to_string(script)?, 0o755)?;
        }
        host.write("/etc/default/keepalived", "DAEMON_ARGS=\"-D\"\n", 0o644)?;
        Ok(host)
    }

    /// Lets process 1 become what it is to be.
    ///
    /// # Errors
    /// The file that says so cannot be written.
    pub fn boot(&self) -> Result<(), Fault> {
        self.write("/dev/lab/boot", "", 0o644)
    }

    /// Plugs the cable in: a veth whose other end is the bridge port.
    ///
    /// # Errors
    /// `ip` refused.
    pub fn plug(&self, bridge: &str, mac_tail: &str) -> Result<(), Fault> {
        super::ip(&format!(
            "link add {} type veth peer name {} address 02:00:00:{mac_tail} netns {}",
            self.port, self.interface, self.init
        ))?;
        super::ip(&format!("link set {} master {bridge} up", self.port))?;
        self.must(&format!(
            "ip addr add {}/24 brd + dev {i} && ip link set {i} up",
            self.address,
            i = self.interface
        ))?;
        Ok(())
    }

    /// One more interface, up and with this address, on a cable of its own that leads to the interface of the same
    /// name of another host, or to nobody who listens.
    ///
    /// # Errors
    /// `ip` refused.
    pub fn cable(&self, interface: &str, address: &str, to: Option<(&Host, &str)>) -> Result<(), Fault> {
        let far = match to {
            Some((other, _)) => format!("name {interface} netns {}", other.init),
            None => format!("name {}{interface}", self.port),
        };
        super::ip(&format!("link add {interface} netns {} type veth peer {far}", self.init))?;
        let up = |host: &Self, address: &str| {
            host.must(&format!("ip addr add {address} dev {interface} && ip link set {interface} up"))
        };
        up(self, address)?;
        match to {
            Some((other, address)) => up(other, address).map(drop),
            None => super::ip(&format!("link set {}{interface} up", self.port)),
        }
    }

    /// Pulls the cable: the host's interface loses its carrier.
    ///
    /// # Errors
    /// `ip` refused.
    pub fn pull_cable(&self) -> Result<(), Fault> {
        super::ip(&format!("link set {} down", self.port))
    }

    /// Puts the cable back.
    ///
    /// # Errors
    /// `ip` refused.
    pub fn push_cable(&self) -> Result<(), Fault> {
        super::ip(&format!("link set {} up", self.port))
    }

    /// Path of a file of the host as the runner sees it.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.init))
    }

    /// Writes a file of the host with this mode.
    ///
    /// # Errors
    /// The directory cannot be made or the file not written.
    pub fn write(&self, inside: &str, text: &str, mode: u32) -> Result<(), Fault> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(inside);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// The text of a file of the host; empty when there is none.
    pub fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_default()
    }

    /// Whether the host has that file.
    pub fn has_file(&self, inside: &str) -> bool {
        self.path(inside).exists()
    }

    /// The configuration of its keepalived.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn configure(&self, text: &str) -> Result<(), Fault> {
        self.write("/etc/keepalived/keepalived.conf", text, 0o644)
    }

    /// Runs a shell command inside and waits, half a minute at most.
    ///
    /// # Errors
    /// It could not be started or did not end.
    pub fn run(&self, command: &str) -> Result<Run, Fault> {
        // Files, not pipes: a daemon that inherited a pipe would keep it open for ever.
        let out = self.output_file("out")?;
        let err = self.output_file("err")?;
        let mut child = self
            .entering(command)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&out)?)
            .stderr(fs::File::create(&err)?)
            .spawn()?;
        let until = Instant::now() + Duration::from_secs(30);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > until {
                child.kill()?;
                child.wait()?;
                return failed(format!("'{command}' on {} did not end in 30 s", self.name));
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let text = |path: &Path| -> io::Result<String> {
            let bytes = fs::read(path)?;
            fs::remove_file(path)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        use std::os::unix::process::ExitStatusExt;
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Ok(Run { code, out: text(&out)?, err: text(&err)? })
    }

    /// A fresh file for a command's output, among the host's own files so that it goes with the host.
    fn output_file(&self, what: &str) -> io::Result<PathBuf> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let directory = self.path("/dev/lab");
        fs::create_dir_all(&directory)?;
        Ok(directory.join(format!("{}.{what}", NEXT.fetch_add(1, Ordering::Relaxed))))
    }

    /// Runs a command that has to succeed, and returns its output.
    ///
    /// # Errors
    /// It exits with something else than 0.
    pub fn must(&self, command: &str) -> Result<String, Fault> {
        let run = self.run(command)?;
        if run.code != 0 {
            return failed(format!("'{command}' on {}: exit {} {}{}", self.name, run.code, run.out, run.err));
        }
        Ok(run.out)
    }

    /// Starts a command inside and does not wait for it; it ends with the host at the latest.
    ///
    /// # Errors
    /// It could not be started.
    pub fn background(&self, command: &str) -> Result<Child, Fault> {
        let mut entering = self.entering(command);
        entering.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(entering.spawn()?)
    }

    /// A command that enters the host and runs a shell there.
    pub fn entering(&self, command: &str) -> Command {
        let mut entering = Command::new("nsenter");
        entering.args([
            "-t",
            &self.init.to_string(),
            "-n",
            "-p",
            "-m",
            "-u",
            "-i",
            "--",
            "sh",
            "-c",
            command,
        ]);
        entering
    }

    /// Everything that runs on the host, process 1 excepted.
    pub fn processes(&self) -> Vec<Process> {
        let Ok(entries) = fs::read_dir(self.path("/proc")) else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let outer = outer_pids(self.init);
        let mut all: Vec<Process> =
            pids.filter(|pid| *pid != 1).filter_map(|pid| self.process(pid, &outer)).collect();
        all.sort_by_key(|process| process.pid);
        all
    }

    fn process(&self, pid: u32, outer: &[(u32, i32)]) -> Option<Process> {
        let stat = fs::read_to_string(self.path(&format!("/proc/{pid}/stat"))).ok()?;
        let (head, tail) = stat.rsplit_once(')')?;
        let comm = head.split_once('(')?.1.to_owned();
        let mut words = tail.split_whitespace();
        let state = words.next()?.chars().next()?;
        let parent = words.next()?.parse().ok()?;
        let outer = outer.iter().find(|(inner, _)| *inner == pid)?.1;
        Some(Process { pid, outer, parent, comm, state })
    }

    /// The processes that run the keepalived binary, whatever they call themselves, lowest number first.
    pub fn keepalived(&self) -> Vec<Process> {
        let runs_it = |process: &Process| {
            let link = self.path(&format!("/proc/{}/exe", process.pid));
            process.state != 'Z'
                && fs::read_link(link).is_ok_and(|file| file.as_os_str() == "/usr/sbin/keepalived")
        };
        self.processes().into_iter().filter(runs_it).collect()
    }

    /// Cuts the power of keepalived: every process of it is killed before any of them can react.
    ///
    /// # Errors
    /// A process could not be signalled although it is there.
    pub fn power_cut(&self) -> Result<Instant, Fault> {
        let all = self.keepalived();
        // A killed parent's death signal would let the child say good-bye, so all are frozen first.
        for number in [19, 9] {
            for process in &all {
                let _ = keepalived_sys::lab::signal(process.outer, number);
            }
        }
        let now = Instant::now();
        if all.is_empty() { failed(format!("no keepalived runs on {}", self.name)) } else { Ok(now) }
    }

    /// Sends a signal to one process of the host, by its number inside.
    ///
    /// # Errors
    /// There is no such process.
    pub fn signal(&self, pid: u32, number: i32) -> Result<Instant, Fault> {
        let found = outer_pids(self.init).into_iter().find(|(inner, _)| *inner == pid);
        let Some((_, outer)) = found else {
            return failed(format!("{} has no process {pid} to signal", self.name));
        };
        let now = Instant::now();
        keepalived_sys::lab::signal(outer, number)?;
        Ok(now)
    }

    /// The number in a pid file.
    pub fn pid_file(&self, inside: &str) -> Option<u32> {
        self.read(inside).trim().parse().ok()
    }

    /// The runner's view of process 1, `/proc/PID`.
    pub fn process_directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.init))
    }

    /// The host's network namespace.
    pub fn network(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.init))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.log.close();
        for line in self.log.lines() {
            diary::note(line.at, &format!("{:<6} {}[{}] {}", self.name, line.ident, line.pid, line.text));
        }
        // The process that made the namespaces ends, and collects process 1, when that one is dead; killed
        // first, it would leave it to us.
        let _ = keepalived_sys::lab::signal(self.init.cast_signed(), 9);
        let until = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The host's processes as (number inside, number outside).
fn outer_pids(init: u32) -> Vec<(u32, i32)> {
    let Ok(own) = fs::read_link(format!("/proc/{init}/ns/pid")) else { return Vec::new() };
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|space| space == own))
        .filter_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
            Some((numbers.split_whitespace().last()?.parse().ok()?, pid))
        })
        .collect()
}

fn only_child(pid: u32) -> Result<u32, Fault> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    match children.split_whitespace().next().and_then(|word| word.parse().ok()) {
        Some(child) => Ok(child),
        None => failed(format!("process {pid} has no child")),
    }
}
