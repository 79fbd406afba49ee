//! Exit statuses of the daemon, of its engines and of `-t` (`spec` runtime 1.10, config 0.3).

/// Ended on request, or nothing to do: already running.
pub const OK: u8 = 0;

/// Cannot go on; also mistakes on the command line.
pub const FATAL: u8 = 1;

/// The configuration cannot be run.
pub const CONFIG: u8 = 2;

/// Something needed is not permitted.
pub const MISSING_PERMISSION: u8 = 4;

/// `-t`: the daemon would run, and ignore something.
pub const CONFIG_WITH_MISTAKES: u8 = 5;

/// The configuration file cannot be read.
pub const NO_CONFIG_FILE: u8 = 6;

/// The name of a status that starting the engine again would not change, in the supervisor's farewell.
pub fn permanent(status: u8) -> Option<&'static str> {
    match status {
        FATAL => Some("FATAL"),
        CONFIG => Some("CONFIG"),
        MISSING_PERMISSION => Some("MISSING_PERMISSION"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_not_restarted_after_what_a_restart_cannot_mend() {
        let named: Vec<_> = (0..=u8::MAX).filter_map(permanent).collect();
        assert_eq!(named, ["FATAL", "CONFIG", "MISSING_PERMISSION"]);
        assert_eq!((permanent(OK), permanent(NO_CONFIG_FILE)), (None, None));
    }
}
