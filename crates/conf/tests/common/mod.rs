//! A file system in memory and a machine where everything exists that is not said to be missing.
#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use keepalived_conf::lint::{Weak, Weakness};
use keepalived_conf::{
    Conditions, Diagnostic, DirectoryFacts, FileKind, Files, Host, InterfaceFacts, KeyFile, Lowered,
    ScriptFacts, Watch, lower, read, render,
};
use keepalived_model::notify::RunAs;

/// Files by path.
#[derive(Default)]
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    pub fn with(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.0.insert(path.into(), text.as_ref().to_vec());
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Only `*`, which is all the tests need.
    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let matches = |path: &Path| {
            let name = path.to_string_lossy();
            match pattern.split_once('*') {
                Some((start, end)) => {
                    name.len() >= pattern.len() - 1 && name.starts_with(start) && name.ends_with(end)
                }
                None => name == pattern,
            }
        };
        self.0.keys().filter(|path| matches(path)).cloned().collect()
    }

    fn kind(&self, path: &Path) -> FileKind {
        let name = path.to_string_lossy();
        if name.ends_with(".dir") {
            FileKind::Directory
        } else if name.ends_with(".exe") {
            FileKind::Regular { executable: true }
        } else if self.0.contains_key(path) {
            FileKind::Regular { executable: false }
        } else {
            FileKind::Missing
        }
    }
}

/// Every interface but those named `nix…`, every script but those in `/missing`, users `root`, `nobody` and `web`.
#[derive(Default)]
pub struct Machine {
    /// No script exists.
    pub no_scripts: bool,
    /// Interfaces that do not exist.
    pub no_interfaces: Vec<String>,
    /// Hosts that cannot be resolved.
    pub no_hosts: Vec<String>,
    /// `keepalived_script` exists.
    pub script_user: bool,
    /// Files outside the configuration.
    pub files: Memory,
}

impl Host for Machine {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        let missing =
            name.starts_with("nix") || name.len() > 15 || self.no_interfaces.iter().any(|no| no == name);
        let known = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains('@');
        let facts = InterfaceFacts {
            loopback: name == "lo",
            multicast: !name.starts_with("tun"),
            mtu: 1500,
            vrf: name.starts_with("vrf"),
            ethernet: name != "lo" && !name.starts_with("tun"),
            stacked: name.starts_with(['v', 'i']),
        };
        (!missing && known).then_some(facts)
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        match name {
            "root" | "0" => Some(RunAs::new(0, 0)),
            "web" | "33" => Some(RunAs::new(33, 33)),
            "nobody" | "65534" => Some(RunAs::new(65534, 65534)),
            "keepalived_script" if self.script_user => Some(RunAs::new(100, 100)),
            _ => None,
        }
    }

    fn group(&self, name: &str) -> Option<u32> {
        match name {
            "root" | "0" => Some(0),
            "web" | "33" => Some(33),
            "nogroup" | "65534" => Some(65534),
            _ => None,
        }
    }

    fn own(&self) -> RunAs {
        RunAs::new(0, 0)
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        matches!(program, "killall" | "pidof" | "true" | "sh").then(|| Path::new("/usr/bin").join(program))
    }

    fn script(&self, path: &Path, _: &RunAs) -> ScriptFacts {
        let name = path.to_string_lossy();
        let found = !name.starts_with("/missing") && name.starts_with('/');
        let programs = [
            "killall",
            "pidof",
            "true",
            "sh",
            "bash",
            "service",
            "systemctl",
            "curl",
            "pgrep",
            "nc",
            "python",
            "echo",
        ];
        let system =
            name.contains("bin/") && programs.iter().any(|program| name.ends_with(&format!("/{program}")));
        ScriptFacts {
            resolved: (found && (system || !self.no_scripts)).then(|| path.to_owned()),
            executable: !name.ends_with(".txt"),
            weak: name.contains("insecure").then(|| Weak {
                path: path.to_owned(),
                weakness: Weakness::Everybody,
                id: 0,
                mode: 0o777,
            }),
            has_interpreter: !name.ends_with(".noshebang"),
        }
    }

    fn key_file(&self, path: &Path) -> KeyFile {
        match self.files.0.get(path) {
            None => KeyFile::Unreadable,
            Some(bytes) if bytes.len() > 1024 => KeyFile::TooLarge,
            Some(bytes) => {
                KeyFile::Read { bytes: bytes.clone(), exposed: path.to_string_lossy().contains("exposed") }
            }
        }
    }

    fn watch(&self, path: &Path) -> Watch {
        match path.to_string_lossy() {
            path if path.starts_with("/proc") => Watch::Impossible,
            path if path.starts_with("/missing") => {
                Watch::NoDirectory { errno: 2, text: "No such file or directory".into() }
            }
            _ => Watch::Possible,
        }
    }

    fn address(&self, host: &str) -> bool {
        host != "unknown.example" && !self.no_hosts.iter().any(|no| no == host)
    }

    fn processors(&self) -> u32 {
        2
    }

    fn directory(&self, path: &Path) -> DirectoryFacts {
        match path.to_str() {
            Some("/etc/passwd") => DirectoryFacts::Other,
            Some(name) if name.is_empty() || name.starts_with("/missing") => DirectoryFacts::Missing,
            _ => DirectoryFacts::Usable,
        }
    }

    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.0.get(path).cloned()
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        self.files.glob(pattern)
    }
}

/// Name of the one file of [`run`].
pub const FILE: &str = "/etc/keepalived/keepalived.conf";

pub fn conditions() -> Conditions {
    Conditions { config_id: "main".into(), seed: 1, ..Conditions::default() }
}

/// Both steps over one file.
pub fn run(text: impl AsRef<[u8]>) -> Lowered {
    run_on(&Memory::default().with(FILE, text), &Machine::default())
}

/// Both steps; the diagnostics of reading come first.
pub fn run_on(files: &Memory, host: &dyn Host) -> Lowered {
    let mut sourced = read(files, Path::new(FILE), &conditions());
    let mut lowered = lower(&sourced.lines, host);
    sourced.diagnostics.append(&mut lowered.diagnostics);
    Lowered { diagnostics: sourced.diagnostics, ..lowered }
}

/// What `-t` prints, with the file's name shortened to `F`.
pub fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    render::keepalived::test(diagnostics).map(|line| line.replace(FILE, "F")).collect()
}

/// A directory beside the project with material that is not ours to ship; tests that need it say so and pass
/// without it.
pub fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KEEPALIVED_RS_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    println!("SKIP: {} is not there", path.display());
    None
}

/// splitmix64: the same damage every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % sides.max(1)
    }
}

/// All configuration files in these directories and below.
pub fn configurations(directories: Vec<PathBuf>) -> Vec<PathBuf> {
    files(directories, "conf")
}

/// All files in these directories and below whose names end like this.
pub fn files(mut open: Vec<PathBuf>, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found
}
