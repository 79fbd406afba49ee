//! Built-in values of the original (`spec` runtime 1.2, 1.3, 1.5, 1.9).

/// Name of the program, and of every process of it (`comm`).
pub const PROGRAM: &str = "keepalived";

/// The behaviour we are compatible with.
pub const COMPATIBILITY: &str = "2.4.3";

/// What programs find in the first line of `-v` and in the first and last line of the log.
pub const VERSION_LINE: &str = concat!("Keepalived v2.4.3 (keepalived-rs ", env!("CARGO_PKG_VERSION"), ")");

/// `-f`.
pub const CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";

/// `-p`.
pub const SUPERVISOR_PID_FILE: &str = "/run/keepalived.pid";

/// `-r`.
pub const VRRP_PID_FILE: &str = "/run/vrrp.pid";

/// `-u`, `umask`: what files created by the daemon and by its scripts lack.
pub const UMASK: u32 = 0o177;
