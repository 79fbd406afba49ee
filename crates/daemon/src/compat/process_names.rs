//! How processes are called, in the log (`spec` runtime 2.1) and by `ps`.

use std::ffi::CString;

use keepalived_sys::process;

use super::defaults;

/// Calls this process what the configuration calls it. To be called on the first thread, whose name is the
/// process's.
pub fn take(name: Option<&str>) {
    if let Ok(name) = CString::new(name.unwrap_or(defaults::PROGRAM)) {
        process::set_name(&name);
    }
}

/// Ident of the supervisor, and of the process that becomes it.
pub const SUPERVISOR_IDENT: &str = "Keepalived";

/// Ident of the VRRP engine.
pub const VRRP_IDENT: &str = "Keepalived_vrrp";

/// The VRRP engine in the supervisor's sentences.
pub const VRRP: &str = "VRRP";

/// The same in the sentence about one that does not stop.
pub const VRRP_IN_FAREWELL: &str = "vrrp";
