//! The user database. May block for a long time (LDAP and the like): never from an engine.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

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

/// All groups of a user, the primary one included; only that one of a user without a name.
pub fn groups(uid: u32, gid: u32) -> io::Result<Vec<u32>> {
    let found = User::from_uid(Uid::from_raw(uid)).map_err(io::Error::from)?;
    let Some(user) = found else { return Ok(vec![gid]) };
    let groups = getgrouplist(&CString::new(user.name)?, Gid::from_raw(gid))?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
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
        assert!(groups(0, 7).unwrap().contains(&7));
        assert_eq!(groups(4_000_000_000, 7).unwrap(), [7]);
        assert_eq!(group("keepalived-no-such-group").unwrap(), None);
    }
}
