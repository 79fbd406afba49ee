//! How processes are called in the log (`spec` runtime 2.1).

/// Ident of the supervisor, and of the process that becomes it.
pub const SUPERVISOR_IDENT: &str = "Keepalived";

/// Ident of the VRRP engine.
pub const VRRP_IDENT: &str = "Keepalived_vrrp";

/// The VRRP engine in the supervisor's sentences.
pub const VRRP: &str = "VRRP";

/// The same in the sentence about one that does not stop.
pub const VRRP_IN_FAREWELL: &str = "vrrp";
