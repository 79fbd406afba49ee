//! What this host and its user are called.

use std::ffi::{CStr, CString};
use std::ptr;

use nix::unistd::{Uid, User, gethostname};

/// The host name as the kernel has it.
pub fn own() -> Option<String> {
    let name = gethostname().ok()?.into_string().ok()?;
    (!name.is_empty()).then_some(name)
}

/// The full name that the resolver knows this host by. May take as long as name servers take.
pub fn own_canonical() -> Option<String> {
    let name = CString::new(own()?).ok()?;
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = libc::AI_CANONNAME;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut found: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: the strings are terminated or null; `hints` and `found` outlive the call.
    if unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut found) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so `found` is a valid list, freed below and not used afterwards.
    let canonical = unsafe { (*found).ai_canonname };
    let text = if canonical.is_null() {
        None
    } else {
        // SAFETY: not null, so a terminated string that lives as long as the list.
        unsafe { CStr::from_ptr(canonical) }.to_str().ok().map(str::to_owned)
    };
    // SAFETY: the list of the successful call above.
    unsafe { libc::freeaddrinfo(found) };
    text.filter(|text| !text.is_empty())
}

/// The user this process runs as.
pub fn own_user() -> Option<String> {
    User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_name_and_asking_for_another_one_does_no_harm() {
        assert!(own().is_some_and(|name| !name.contains('\0')));
        assert!(own_canonical().is_none_or(|name| !name.is_empty()));
    }
}
