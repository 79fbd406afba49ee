//! The user database. May block for a long time (LDAP and the like): never from an engine.

use std::io;

use nix::unistd::{Group, User};

/// A user's numeric ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

/// Looks a user up by name.
pub fn user(name: &str) -> io::Result<Option<Account>> {
    let found = User::from_name(name).map_err(io::Error::from)?;
    Ok(found.map(|user| Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

/// Looks a group's id up by name.
pub fn group(name: &str) -> io::Result<Option<u32>> {
    Ok(Group::from_name(name).map_err(io::Error::from)?.map(|group| group.gid.as_raw()))
}

/// Who runs this process, effectively.
pub fn own() -> Account {
    Account { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_and_nobody_we_invent() {
        assert_eq!(user("root").unwrap(), Some(Account { uid: 0, gid: 0 }));
        assert_eq!(user("keepalived-no-such-user").unwrap(), None);
        assert_eq!(group("root").unwrap(), Some(0));
        assert_eq!(group("keepalived-no-such-group").unwrap(), None);
    }
}
