//! Signals with a meaning, and the names `--signum` knows them by (`spec` runtime 1.7).

/// Stop.
pub const STOP: i32 = 15;
/// Read the configuration again.
pub const RELOAD: i32 = 1;
/// Write what is configured and how everything stands to files.
pub const DATA: i32 = 10;
/// Write counters to a file.
pub const STATS: i32 = 12;
/// Write counters to a file and begin from zero: SIGRTMAX − 1.
pub const STATS_CLEAR: i32 = 63;
/// Write everything as JSON: SIGRTMIN + 2.
pub const JSON: i32 = 36;

/// The number behind a name; names are written in capitals.
pub fn number(name: &str) -> Option<i32> {
    match name {
        "STOP" => Some(STOP),
        "RELOAD" => Some(RELOAD),
        "DATA" => Some(DATA),
        "STATS" => Some(STATS),
        "STATS_CLEAR" => Some(STATS_CLEAR),
        "JSON" => Some(JSON),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        let numbers = ["STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"].map(number);
        assert_eq!(numbers, [15, 1, 10, 12, 63, 36].map(Some));
        assert_eq!([number("stop"), number("TDUMP"), number("")], [None; 3]);
    }
}
