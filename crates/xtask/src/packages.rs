//! The Debian packages that tests and demo need: installed when we may, named when we may not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

/// A program, and the package that brings it.
const NEEDED: &[(&str, &str)] = &[
    ("nginx", "nginx-light"),
    ("keepalived", "keepalived"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ps", "procps"),
    ("killall", "psmisc"),
    ("pidof", "sysvinit-utils"),
    ("service", "init-system-helpers"),
    ("curl", "curl"),
    ("c++", "g++"),
];

/// What makes and runs the machine of `conformance/machine`.
const NEEDED_BY_THE_MACHINE: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("mmdebstrap", "mmdebstrap"),
    ("mke2fs", "e2fsprogs"),
    ("depmod", "kmod"),
];

/// Packages whose service must neither start now nor at the next boot because we wanted their program.
const SERVICES: &[&str] = &["nginx", "keepalived"];

/// Installs what tests and demo need and is missing, or says what is.
pub fn provide() -> Result<(), String> {
    provide_all(NEEDED)
}

/// The same of what the machine needs.
pub fn provide_machine() -> Result<(), String> {
    provide_all(NEEDED_BY_THE_MACHINE)
}

/// No service is left running: while apt works, a policy forbids starting any.
fn provide_all(needed: &[(&'static str, &'static str)]) -> Result<(), String> {
    let missing: Vec<(&str, &str)> =
        needed.iter().copied().filter(|(program, _)| run::which(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    if !is_root() || run::which("apt-get").is_none() {
        return Err(format!("missing here, please install: {}", names.join(" ")));
    }
    println!("installing {}", names.join(" "));
    let _policy = NoStarts::declare()?;
    apt(&["update", "-q"])?;
    let mut words = vec!["install", "-q", "-y", "--no-install-recommends"];
    words.extend(&names);
    apt(&words)?;
    for (program, _) in missing {
        if SERVICES.contains(&program) && run::which("update-rc.d").is_some() {
            run::plainly(Command::new("update-rc.d").args([program, "disable"]))?;
        }
    }
    Ok(())
}

/// Whether we are root.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        == Some("0")
}

fn apt(words: &[&str]) -> Result<(), String> {
    run::plainly(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// While this lives, packages may not start services (`invoke-rc.d` asks the policy file).
struct NoStarts(Option<PathBuf>);

impl NoStarts {
    /// An existing policy is the administrator's, and stays.
    fn declare() -> Result<Self, String> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        if policy.exists() {
            return Ok(Self(None));
        }
        let written = fs::write(policy, "#!/bin/sh\nexit 101\n")
            .and_then(|()| fs::set_permissions(policy, fs::Permissions::from_mode(0o755)));
        match written {
            Ok(()) => Ok(Self(Some(policy.to_path_buf()))),
            Err(error) => Err(format!("{}: {error}", policy.display())),
        }
    }
}

impl Drop for NoStarts {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            let _ = fs::remove_file(policy);
        }
    }
}
