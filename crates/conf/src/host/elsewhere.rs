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

    fn user(&self, _: &str) -> Option<RunAs> {
        Some(RunAs { uid: SOMEBODY, gid: SOMEBODY })
    }

    fn group(&self, _: &str) -> Option<u32> {
        Some(SOMEBODY)
    }

    fn own(&self) -> RunAs {
        RunAs { uid: 0, gid: 0 }
    }

    fn search_path(&self, program: &str) -> Option<PathBuf> {
        Some(Path::new("/usr/bin").join(program))
    }

    fn script(&self, path: &Path, _: &RunAs) -> ScriptFacts {
        let resolved = path.is_absolute().then(|| path.to_owned());
        ScriptFacts { resolved, executable: true, insecure: false, has_interpreter: true }
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
/// Neither root nor nobody.
const SOMEBODY: u32 = 1000;
/// As many as nobody's affinity masks exceed.
const PROCESSORS: u32 = 1024;
