//! What rules must ask of the machine, beyond what lowering asks of [`crate::Host`].

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The machine a configuration lies on. A configuration that is meant for another one is judged without.
pub trait Surroundings {
    /// All interfaces of the network namespace.
    fn interfaces(&self) -> Vec<Interface>;
    /// What stands at each step of a path, from the root on, links not followed; ends before the first step
    /// that is not there.
    fn components(&self, path: &Path) -> Vec<Component>;
    /// The first [`BEGINNING`] bytes of a file.
    fn beginning(&self, path: &Path) -> Option<Vec<u8>>;
}

/// So much of a script is read.
pub const BEGINNING: usize = 64 * 1024;

/// An interface with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
}

impl Interface {
    /// Whether the address lies in one of its subnets. Host addresses have none.
    pub fn reaches(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(own, length)| same_subnet(*own, address, *length))
    }
}

/// Whether two addresses share so many leading bits; never for the prefix of a single host.
fn same_subnet(a: IpAddr, b: IpAddr, length: u8) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let rest = 32u32.saturating_sub(length.into());
            rest > 0 && (a.to_bits() ^ b.to_bits()).checked_shr(rest).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let rest = 128u32.saturating_sub(length.into());
            rest > 0 && (a.to_bits() ^ b.to_bits()).checked_shr(rest).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The path up to and with this step.
    pub path: PathBuf,
    /// What stands there.
    pub kind: ComponentKind,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The twelve bits of `chmod`.
    pub mode: u32,
}

/// What stands at a step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and what it says.
    Link(PathBuf),
    /// Anything else.
    Other,
}

/// The step of a path by which somebody else than root could change what root runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak {
    /// The path up to and with this step.
    pub path: PathBuf,
    /// The rule it breaks.
    pub weakness: Weakness,
    /// The user or group that could do it.
    pub id: u32,
    /// The twelve bits of `chmod`.
    pub mode: u32,
}

impl fmt::Display for Weak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, id, mode) = (self.path.display(), self.id, self.mode);
        match self.weakness {
            Weakness::Owner => write!(f, "{at} belongs to user {id}"),
            Weakness::Group => write!(f, "group {id} may write {at} (mode {mode:04o})"),
            Weakness::Everybody => write!(f, "everybody may write {at} (mode {mode:04o})"),
            Weakness::Hidden => write!(f, "{at} cannot be looked at"),
        }
    }
}

/// Why somebody else than root could change what root runs (`spec` config 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It is not root's.
    Owner,
    /// A group that is not root's may write it.
    Group,
    /// Everybody may write it.
    Everybody,
    /// What cannot be looked at is not trusted.
    Hidden,
}

impl Component {
    /// The first rule of script security this step breaks. Sticky directories are nobody's danger but their
    /// owner's.
    pub fn weakness(&self) -> Option<Weakness> {
        let sticky_directory = self.kind == ComponentKind::Directory && self.mode & 0o1000 != 0;
        if self.uid != 0 {
            Some(Weakness::Owner)
        } else if sticky_directory {
            None
        } else if self.mode & 0o020 != 0 && self.gid != 0 {
            Some(Weakness::Group)
        } else if self.mode & 0o002 != 0 {
            Some(Weakness::Everybody)
        } else {
            None
        }
    }
}

/// The first step of a resolved path that somebody else than root could change.
pub fn weak_step(resolved: &Path, steps: &[Component]) -> Option<Weak> {
    let weak = steps.iter().find_map(|step| {
        let weakness = step.weakness()?;
        let id = if weakness == Weakness::Owner { step.uid } else { step.gid };
        Some(Weak { path: step.path.clone(), weakness, id, mode: step.mode })
    });
    let complete = steps.last().is_some_and(|last| last.path == resolved);
    let hidden = || Weak { path: resolved.to_owned(), weakness: Weakness::Hidden, id: 0, mode: 0 };
    weak.or_else(|| (!complete).then(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reached_through_the_subnet_of_another() {
        let interface = |own: &str, length| Interface {
            name: "eth0".into(),
            addresses: vec![(own.parse().unwrap(), length)],
        };
        let table = [
            ("192.0.2.1", 24, "192.0.2.200", true),
            ("192.0.2.1", 25, "192.0.2.200", false),
            ("192.0.2.1", 32, "192.0.2.1", false),
            ("192.0.2.1", 0, "203.0.113.1", true),
            ("2001:db8::1", 64, "2001:db8::ffff:1", true),
            ("2001:db8::1", 64, "2001:db8:0:1::1", false),
            ("192.0.2.1", 24, "2001:db8::1", false),
        ];
        for (own, length, other, expected) in table {
            assert_eq!(interface(own, length).reaches(other.parse().unwrap()), expected, "{own} {other}");
        }
    }

    #[test]
    fn a_step_is_safe_if_only_root_can_change_it() {
        let step = |kind, uid, gid, mode| Component { path: "/x".into(), kind, uid, gid, mode }.weakness();
        use ComponentKind::{Directory, File};
        assert_eq!(step(File, 0, 0, 0o775), None);
        assert_eq!(step(File, 0, 50, 0o775), Some(Weakness::Group));
        assert_eq!(step(File, 0, 0, 0o757), Some(Weakness::Everybody));
        assert_eq!(step(File, 1000, 0, 0o700), Some(Weakness::Owner));
        assert_eq!(step(Directory, 0, 0, 0o1777), None);
        assert_eq!(step(File, 0, 0, 0o1777), Some(Weakness::Everybody));
    }
}
