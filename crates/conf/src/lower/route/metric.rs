//! What a route tells TCP and IP about the way.

use super::super::line::{Dropped, Line};
use super::{Metric, Metrics};
use crate::diag::Class;
use crate::lex::number::{self, Range};

/// How a metric is read.
struct Row {
    name: &'static str,
    metric: Metric,
    /// `lock` may stand before the value.
    lockable: bool,
    takes: Takes,
    /// What is said of a bad value `{v}`.
    bad: &'static str,
}

enum Takes {
    /// A number up to this.
    Number(u32),
    /// A time; a bare number counts so many parts of a millisecond.
    Time(i64),
}

const fn number(name: &'static str, metric: Metric, max: u32, bad: &'static str) -> Row {
    Row { name, metric, lockable: false, takes: Takes::Number(max), bad }
}

const fn lockable(name: &'static str, metric: Metric, bad: &'static str) -> Row {
    Row { name, metric, lockable: true, takes: Takes::Number(u32::MAX), bad }
}

const fn time(name: &'static str, metric: Metric, parts: i64, bad: &'static str) -> Row {
    Row { name, metric, lockable: true, takes: Takes::Time(parts), bad }
}

const ROWS: &[Row] = &[
    lockable("mtu", Metric::Mtu, "Invalid MTU {v} specified for route"),
    number("hoplimit", Metric::HopLimit, 255, "Invalid hoplimit {v} specified for route"),
    lockable("advmss", Metric::SegmentSize, "Invalid advmss {v} specified for route"),
    lockable("reordering", Metric::Reordering, "Invalid reordering value {v} specified for route"),
    number("window", Metric::Window, u32::MAX, "Invalid window value {v} specified for route"),
    lockable("cwnd", Metric::CongestionWindow, "Invalid cwnd value {v} specified for route"),
    lockable("ssthresh", Metric::SlowStartThreshold, "Invalid ssthresh value {v} specified for route"),
    number(
        "initcwnd",
        Metric::InitialCongestionWindow,
        u32::MAX,
        "Invalid initcwnd value {v} specified for route",
    ),
    number(
        "initrwnd",
        Metric::InitialReceiveWindow,
        u32::MAX,
        "Invalid initrwnd value {v} specified for route",
    ),
    number("quickack", Metric::QuickAck, 1, "Invalid quickack value {v} specified for route"),
    number(
        "fastopen_no_cookie",
        Metric::FastOpenNoCookie,
        1,
        "Invalid fastopen_no_cookie value {v} specified for route",
    ),
    time("rtt", Metric::Rtt, 8, "Invalid rtt {v} for route"),
    time("rttvar", Metric::RttVariance, 4, "Invalid rttvar {v} for route"),
    time("rto_min", Metric::RetransmissionMin, 1, "Invalid rto_min value {v} specified for route"),
];

/// The name of a metric that has a number; those without one are bits.
pub(crate) fn name(metric: Metric) -> Option<&'static str> {
    ROWS.iter().find(|row| row.metric == metric).map(|row| row.name)
}

/// The value behind a metric's name.
pub(super) fn read(line: &mut Line<'_, '_, '_>, name: &str, into: &mut Metrics) -> Result<(), Dropped> {
    match name {
        "features" => {
            let value = line.value()?;
            if value == "ecn" {
                *into.values.entry(Metric::Features).or_default() |= Metrics::ECN;
            } else {
                line.say(Class::General, format!("feature {value} not supported"));
            }
            return Ok(());
        }
        "congctl" => {
            lock(line, Metric::CongestionControl, into);
            into.congestion_control = Some(line.value()?.to_owned());
            return Ok(());
        }
        _ => {}
    }
    let Some(row) = ROWS.iter().find(|row| row.name == name) else { return Ok(()) };
    if row.lockable {
        lock(line, row.metric, into);
    }
    let word = line.value()?;
    let value = match row.takes {
        Takes::Number(max) => line.number(word, max, row.bad.replace("{v}", word))?,
        Takes::Time(parts) => row.time(line, word, parts)?,
    };
    into.values.insert(row.metric, value);
    Ok(())
}

fn lock(line: &mut Line<'_, '_, '_>, metric: Metric, into: &mut Metrics) {
    if line.take_if("lock") {
        into.locked.insert(metric);
    }
}

/// Shortest and longest time TCP works with, in milliseconds.
const TIME_MILLIS: Range = Range { min: 200, max: 120_000 };
/// Spellings of units with the decimals that make them milliseconds; longer ones first.
const UNITS: &[(&str, u32)] = &[("msecs", 0), ("msec", 0), ("secs", 3), ("sec", 3), ("ms", 0), ("s", 3)];

impl Row {
    /// In parts of a millisecond. Beyond what TCP works with, the nearest it does.
    fn time(&self, line: &mut Line<'_, '_, '_>, word: &str, parts: i64) -> Result<u32, Dropped> {
        let bad = self.bad.replace("{v}", word);
        let lower = word.to_ascii_lowercase();
        let unit = UNITS.iter().find(|(unit, _)| lower.ends_with(unit));
        let digits = unit.map_or(word, |(unit, _)| word.get(..word.len() - unit.len()).unwrap_or(word));
        // An exponent is refused without a word about the number, and so is a unit alone.
        if digits.contains(['e', 'E']) || (digits.is_empty() && unit.is_some()) {
            return Err(line.refuse(bad));
        }
        let places = unit.map_or(0, |(_, places)| *places);
        let range = Range { min: 0, max: i64::from(u32::MAX) };
        let read = number::decimal(digits, places, range);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && digits.bytes().filter(|byte| *byte == b'.').count() <= 1;
        if let Some(complaint) = read.complaint {
            line.say(Class::Number, complaint);
        }
        let Some(value) = read.value.filter(|_| is_number) else { return Err(line.refuse(bad)) };
        let value = if unit.is_some() { value.saturating_mul(parts) } else { value };
        let clamped = value.clamp(TIME_MILLIS.min * parts, TIME_MILLIS.max * parts);
        if clamped != value {
            let limit = if value < clamped { "200ms" } else { "120s" };
            let name = self.name;
            line.say(Class::General, format!("{name} {word} is outside 200ms to 120s - using {limit}"));
        }
        u32::try_from(clamped).map_err(|_| Dropped)
    }
}
