//! Settings of links, as files below `/proc/sys/net`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use keepalived_model::LinkId;
use keepalived_model::kernel::{Refusal, Setting};
use nix::errno::Errno;

/// What was there before we changed it. The names are looked up anew each time: links may be renamed.
#[derive(Debug, Default)]
pub struct Settings {
    before: BTreeMap<(LinkId, Setting), u8>,
    /// `all.rp_filter`, `default.rp_filter` and those of links, by the name they had.
    paths_before: Option<Vec<(String, u8, u8)>>,
}

impl Settings {
    /// Sets a setting (`Some`) or restores what it was before.
    pub fn apply(
        &mut self,
        link: (LinkId, Option<&str>),
        setting: Setting,
        value: Option<u8>,
    ) -> Result<(), Refusal> {
        let ((id, name), key) = (link, (link.0, setting));
        match (name, value) {
            // Where the link is gone its settings are, too.
            (None, None) => {
                self.before.remove(&key);
                Ok(())
            }
            (None, Some(_)) => Err(refusal(&io::ErrorKind::NotFound.into())),
            (Some(name), Some(value)) => {
                let before = read(name, setting).map_err(|error| refusal(&error))?;
                self.before.entry((id, setting)).or_insert(before);
                write(name, setting, value)
            }
            (Some(name), None) => match self.before.remove(&key) {
                Some(before) => write(name, setting, before),
                None => Ok(()),
            },
        }
    }

    /// Lets every link decide about reverse paths by itself, or restores how it was before
    /// (`spec` runtime 6.5). The kernel takes the larger one of a link's own value and the value for all.
    pub fn own_reverse_paths(&mut self, wanted: bool) -> Result<(), Refusal> {
        let filter = Setting::ReversePathFilter;
        if !wanted {
            for (name, before, set) in self.paths_before.take().unwrap_or_default() {
                // What somebody else changed meanwhile is theirs; a link that is gone needs nothing.
                if read(&name, filter).is_ok_and(|value| value == set) {
                    let _gone = write(&name, filter, before);
                }
            }
            return Ok(());
        }
        let least = read(ALL, filter).map_err(|error| refusal(&error))?;
        if least == 0 {
            return Ok(());
        }
        let mut changed = self.paths_before.take().unwrap_or_default();
        for name in names() {
            let Ok(before) = read(&name, filter) else { continue };
            if name != ALL && before < least && write(&name, filter, least).is_ok() {
                changed.push((name, before, least));
            }
        }
        let outcome = write(ALL, filter, 0);
        if outcome.is_ok() {
            // First, so that there is no moment without a filter when all of it is undone.
            changed.insert(0, (ALL.to_owned(), least, 0));
        }
        self.paths_before = Some(changed);
        outcome
    }

    /// A link is gone, and with it what its settings were.
    pub fn forget(&mut self, id: LinkId) {
        self.before.retain(|(link, _), _| *link != id);
    }
}

const ALL: &str = "all";

/// Sets a setting of a link that is known by its name.
pub fn write(link: &str, setting: Setting, value: u8) -> Result<(), Refusal> {
    let path = path(link, setting);
    // Only where it is not so already: in containers these files can often be read but not written.
    if read(link, setting).is_ok_and(|there| there == value) {
        return Ok(());
    }
    match std::fs::write(&path, format!("{value}\n")) {
        Ok(()) => Ok(()),
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound && family(setting) == "ipv6" => Ok(()),
        Err(error) => {
            let Refusal { errno, text } = refusal(&error);
            Err(Refusal { errno, text: format!("{}: {text}", path.display()) })
        }
    }
}

fn read(link: &str, setting: Setting) -> io::Result<u8> {
    let text = std::fs::read_to_string(path(link, setting))?;
    text.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("ipv4/conf"));
    entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

const ROOT: &str = "/proc/sys/net";

fn path(link: &str, setting: Setting) -> PathBuf {
    Path::new(ROOT).join(family(setting)).join("conf").join(link).join(match setting {
        Setting::ArpIgnore => "arp_ignore",
        Setting::ArpFilter => "arp_filter",
        Setting::AcceptLocal => "accept_local",
        Setting::ReversePathFilter => "rp_filter",
        Setting::PromoteSecondaries => "promote_secondaries",
        Setting::DisableIpv6 => "disable_ipv6",
        Setting::AddressGeneration => "addr_gen_mode",
    })
}

fn family(setting: Setting) -> &'static str {
    match setting {
        Setting::DisableIpv6 | Setting::AddressGeneration => "ipv6",
        Setting::ArpIgnore
        | Setting::ArpFilter
        | Setting::AcceptLocal
        | Setting::ReversePathFilter
        | Setting::PromoteSecondaries => "ipv4",
    }
}

fn refusal(error: &io::Error) -> Refusal {
    let errno = error.raw_os_error().unwrap_or(0);
    let text = if errno == 0 { error.to_string() } else { Errno::from_raw(errno).desc().to_owned() };
    Refusal { errno, text }
}
