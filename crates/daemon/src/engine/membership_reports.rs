//! Whether the kernel reports memberships of link-local groups, of which VRRP's is one (`disable_local_igmp`).

use std::fs;

use crate::log;

const SETTING: &str = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";

/// What the setting was, if we changed it.
#[derive(Debug)]
pub struct MembershipReports {
    before: Option<String>,
}

impl MembershipReports {
    /// Stops the reports if that is configured. They cannot be stopped or allowed later.
    pub fn stop_if(disabled: bool) -> Self {
        if !disabled {
            return Self { before: None };
        }
        let before = fs::read_to_string(SETTING);
        match before.and_then(|before| fs::write(SETTING, "0").map(|()| before)) {
            Ok(before) => Self { before: Some(before).filter(|before| before.trim() != "0") },
            Err(error) => {
                log::info(format_args!("Unable to write {SETTING} - {error}"));
                Self { before: None }
            }
        }
    }
}

impl Drop for MembershipReports {
    /// Leaves the setting as it was found.
    fn drop(&mut self) {
        if let Some(Err(error)) = self.before.as_ref().map(|before| fs::write(SETTING, before)) {
            log::info(format_args!("Unable to restore {SETTING} - {error}"));
        }
    }
}
