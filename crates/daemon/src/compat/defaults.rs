//! Built-in values of the original (`spec` runtime 1.2, 1.3, 1.5, 1.9).

/// Name of the program, and of every process of it (`comm`).
pub const PROGRAM: &str = "keepalived";

/// The behaviour we are compatible with.
pub const COMPATIBILITY: &str = "2.4.3";

/// What programs find in the first line of `-v` and in the first and last line of the log.
pub const VERSION_LINE: &str = concat!("Keepalived v2.4.3 (keepalived-rs ", env!("CARGO_PKG_VERSION"), ")");

/// `-f`.
pub const CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";

/// Where pid files are.
pub const RUN: &str = "/run";

/// Where they are with `use_pid_dir`, an instance or a network namespace.
pub const OWN_DIRECTORY: &str = "/run/keepalived";

/// Where `ip netns` keeps names of network namespaces.
pub const NAMESPACES: &str = "/run/netns";

/// `reload_file` without a name, beside the pid file.
pub const RELOAD_MARKER: &str = "keepalived.reload";

/// The supervisor's pid file without its ending.
pub const SUPERVISOR_PID: &str = PROGRAM;

/// The VRRP engine's.
pub const VRRP_PID: &str = "vrrp";

/// `-M` without a pattern.
pub const CORE_PATTERN: &str = "core";

/// `-u`, `umask`: what files created by the daemon and by its scripts lack.
pub const UMASK: u32 = 0o177;
