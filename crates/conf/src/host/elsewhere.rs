//! A machine that has everything: for files that are meant for another one.

use std::path::{Path, PathBuf};

use keepalived_model::notify::RunAs;

use super::{DirectoryFacts, Host, InterfaceFacts, KeyFile, ScriptFacts, Watch};

/// Has every interface, user and script that a configuration names.
pub struct Elsewhere;

impl Host for Elsewhere {
    fn interface(&self, name: &str) -> Option<InterfaceFacts> {
        Some(InterfaceFacts {
            loopback: name == "lo",
            multicast: true,
            mtu: ETHERNET_MTU,
            vrf: true,
            ethernet: true,
            stacked: true,
        })
    }

    fn user(&self, name: &str) -> Option<RunAs> {
        Some(RunAs::new(number(name), number(name)))
    }

    fn group(&self, name: &str) -> Option<u32> {
        Some(number(name))
    }

    fn own(&self) -> RunAs {
        RunAs::new(0, 0)
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        Some(Path::new("/usr/bin").join(program))
    }

    fn script(&self, path: &Path, _: &RunAs) -> ScriptFacts {
        let resolved = path.is_absolute().then(|| path.to_owned());
        ScriptFacts { resolved, executable: true, weak: None, has_interpreter: true }
    }

    /// As long as a key may be, so that nothing is wrong with it.
    fn key_file(&self, _: &Path) -> KeyFile {
        KeyFile::Read { bytes: vec![b'x'; KEY_BYTES], exposed: false }
    }

    fn watch(&self, _: &Path) -> Watch {
        Watch::Possible
    }

    fn address(&self, _: &str) -> bool {
        true
    }

    fn processors(&self) -> u32 {
        PROCESSORS
    }

    fn directory(&self, _: &Path) -> DirectoryFacts {
        DirectoryFacts::Usable
    }

    fn file(&self, _: &Path) -> Option<Vec<u8>> {
        None
    }

    fn matches(&self, _: &str) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// The longest key of `auth_hmac`.
const KEY_BYTES: usize = 64;
const ETHERNET_MTU: u32 = 1500;
/// The number of root, which everybody knows, and of anybody else: another one for every name.
fn number(name: &str) -> u32 {
    if let Ok(number) = name.parse() {
        return number;
    }
    // FNV-1a. Neither root nor nobody.
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    if name == "root" { 0 } else { hash % OTHERS + SOMEBODY }
}

/// The first number of people.
const SOMEBODY: u32 = 1000;
const OTHERS: u32 = 2_000_000_000;
/// As many as nobody's affinity masks exceed.
const PROCESSORS: u32 = 1024;
