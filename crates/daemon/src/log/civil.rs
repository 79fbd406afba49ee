//! Moments as syslog and ctime(3) write them: local time, English names.

use std::time::SystemTime;

use keepalived_sys::local_time::{LocalTime, local_time, read_zone};

/// A moment on the clock of the wall.
pub struct Moment(LocalTime);

/// Reads the time zone once, so that no line waits for a file.
pub fn prepare() {
    read_zone();
}

impl From<SystemTime> for Moment {
    fn from(at: SystemTime) -> Self {
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(local_time(i64::try_from(seconds).unwrap_or(0)))
    }
}

impl Moment {
    /// `Nov 20 09:34:46`
    pub fn syslog(&self) -> String {
        let Self(at) = self;
        let month = name(&MONTHS, at.month);
        format!("{month} {:2} {:02}:{:02}:{:02}", at.day, at.hour, at.minute, at.second)
    }

    /// `Fri, 20 Nov 2026 09:34:46 +0000` (RFC 5322 §3.3)
    pub fn mail(&self) -> String {
        let Self(at) = self;
        let (day, month) = (name(&DAYS, at.weekday), name(&MONTHS, at.month));
        let (sign, minutes) = (if at.offset < 0 { '-' } else { '+' }, at.offset.unsigned_abs() / 60);
        format!(
            "{day}, {:02} {month} {} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            at.day,
            at.year,
            at.hour,
            at.minute,
            at.second,
            minutes / 60,
            minutes % 60
        )
    }

    /// `Fri Nov 20 09:34:46 2026`
    pub fn ctime(&self) -> String {
        format!("{} {} {}", name(&DAYS, self.0.weekday), self.syslog(), self.0.year)
    }
}

fn name(names: &[&'static str], index: usize) -> &'static str {
    names.get(index).copied().unwrap_or("???")
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_below_ten_are_padded_with_a_blank() {
        let at = LocalTime {
            year: 2026,
            month: 0,
            day: 2,
            weekday: 5,
            hour: 3,
            minute: 4,
            second: 5,
            offset: -12_600,
        };
        assert_eq!(Moment(at).syslog(), "Jan  2 03:04:05");
        assert_eq!(Moment(at).ctime(), "Fri Jan  2 03:04:05 2026");
        assert_eq!(Moment(at).mail(), "Fri, 02 Jan 2026 03:04:05 -0330");
    }
}
