//! The clock of the wall, as the C library knows the time zone.

unsafe extern "C" {
    /// POSIX; the `libc` crate does not declare it for Linux.
    fn tzset();
}

/// A moment in the local time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// As in 2026.
    pub year: i32,
    /// 0 is January.
    pub month: usize,
    /// 1 to 31.
    pub day: u8,
    /// 0 is Sunday.
    pub weekday: usize,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// Seconds east of UTC.
    pub offset: i64,
}

/// Reads the time zone now; otherwise the first [`local_time`] does.
pub fn read_zone() {
    // SAFETY: no arguments; it reads TZ and the zone file into the C library's own locked state.
    unsafe { tzset() }
}

/// What the clock of the wall shows so many seconds after 1970 in UTC.
pub fn local_time(unix_seconds: i64) -> LocalTime {
    // SAFETY: all-zero bytes are a valid `tm`, integers and a pointer that may be null.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types; `localtime_r` writes only `tm`.
    if unsafe { libc::localtime_r(&raw const unix_seconds, &raw mut tm) }.is_null() {
        return LocalTime::default();
    }
    tm.into()
}

impl LocalTime {
    /// What the clock shows in UTC so many seconds after 1970.
    pub fn utc(unix_seconds: i64) -> Self {
        // SAFETY: as in `local_time`.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        // SAFETY: as in `local_time`.
        let read = unsafe { libc::gmtime_r(&raw const unix_seconds, &raw mut tm) };
        if read.is_null() { Self::default() } else { Self::from(tm) }
    }

    fn tm(&self) -> libc::tm {
        // SAFETY: all-zero bytes are a valid `tm`.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        tm.tm_year = self.year.saturating_sub(1900);
        tm.tm_mon = i32::try_from(self.month).unwrap_or(i32::MAX);
        (tm.tm_mday, tm.tm_hour) = (self.day.into(), self.hour.into());
        (tm.tm_min, tm.tm_sec) = (self.minute.into(), self.second.into());
        // The C library knows whether it is summer.
        tm.tm_isdst = -1;
        tm
    }
}

impl From<libc::tm> for LocalTime {
    fn from(tm: libc::tm) -> Self {
        let small = |value: i32| u8::try_from(value).unwrap_or(0);
        let index = |value: i32| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            year: tm.tm_year.saturating_add(1900),
            month: index(tm.tm_mon),
            day: small(tm.tm_mday),
            weekday: index(tm.tm_wday),
            hour: small(tm.tm_hour),
            minute: small(tm.tm_min),
            second: small(tm.tm_sec),
            offset: tm.tm_gmtoff,
        }
    }
}

/// So many seconds after 1970 the clock of the wall shows this; none if it never does.
pub fn unix_seconds(shown: &LocalTime) -> Option<i64> {
    let mut tm = shown.tm();
    // SAFETY: the pointer is to a live value, which the call puts in order.
    Some(unsafe { libc::mktime(&raw mut tm) }).filter(|seconds| *seconds != -1)
}

/// The same in UTC.
pub fn utc_seconds(shown: &LocalTime) -> Option<i64> {
    let mut tm = shown.tm();
    // SAFETY: as in `unix_seconds`.
    Some(unsafe { libc::timegm(&raw mut tm) }).filter(|seconds| *seconds != -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_clock_shows_leads_back_to_the_moment() {
        let at = 1_795_167_286;
        assert_eq!(unix_seconds(&local_time(at)), Some(at));
        assert_eq!(utc_seconds(&LocalTime::utc(at)), Some(at));
        assert_eq!(LocalTime::utc(at).hour, 9);
    }

    #[test]
    fn a_known_moment_is_that_day_in_every_time_zone() {
        let at = local_time(1_795_167_286);
        assert_eq!((at.year, at.month, at.day, at.weekday, at.second), (2026, 10, 20, 5, 46));
    }
}
