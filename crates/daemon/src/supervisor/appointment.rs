//! A reload at a time that a file names (`reload_time_file`, `reload_repeat`; `spec` config 3.2).
//!
//! ```text
//! 04:30:00               the next time the clock shows that
//! 2026-12-24 04:30:00    once; the century may be left out
//! 04:30:00Z              UTC instead of local time
//! ```
//!
//! The file may come, change and go at any time. It is removed before the reload it asked for, unless it is to
//! stay: then a time without a date means every day.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keepalived_model::global;
use keepalived_sys::inotify::{Changed, Directories};
use keepalived_sys::local_time::{LocalTime, local_time, unix_seconds, utc_seconds};

use crate::log;

/// Clocks are set: the remaining time is worked out anew this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The file that is watched, and what it asks for.
#[derive(Debug, Default)]
pub(super) struct Appointments {
    watched: Option<Watched>,
    /// Seconds since 1970.
    due: Option<i64>,
    /// The last one that was kept; a file that stays may still name it.
    kept: Option<i64>,
}

#[derive(Debug)]
struct Watched {
    file: PathBuf,
    stays: bool,
    directories: Directories,
}

impl Appointments {
    /// Does what a configuration says, and looks into its file.
    pub fn follow(&mut self, wanted: &global::Reload) {
        self.due = None;
        self.watched = wanted.time_file.as_ref().and_then(|file| Watched::new(file, wanted.keep_time_file));
        self.read();
    }

    /// What to wait for.
    pub fn changes(&self) -> Option<BorrowedFd<'_>> {
        self.watched.as_ref().map(|watched| watched.directories.as_fd())
    }

    /// How long to wait at most.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.due?.saturating_sub(unix_now());
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(LOOK_AGAIN))
    }

    /// Reads the file again if it changed.
    pub fn look(&mut self) {
        if self.watched.as_ref().is_some_and(Watched::has_changed) {
            self.read();
        }
    }

    /// Whether it is time; asked once for each appointment.
    pub fn take_due(&mut self) -> bool {
        let now = unix_now();
        if self.due.is_none_or(|at| now < at) {
            return false;
        }
        self.kept = self.due.take();
        if let Some(watched) = self.watched.as_ref().filter(|watched| !watched.stays) {
            // Somebody may have taken it away in this moment.
            let _gone = std::fs::remove_file(&watched.file);
        }
        true
    }

    fn read(&mut self) {
        let Some(watched) = &self.watched else { return };
        let text = std::fs::read_to_string(&watched.file).unwrap_or_default();
        let found = text.lines().next().filter(|line| !line.is_empty());
        let asked = found.and_then(|line| match at(line, unix_now()) {
            Ok(at) => Some(at),
            Err(_) if self.kept.is_some() && self.kept == moment(line, unix_now()).ok() => None,
            Err(complaints) => {
                complaints.sentences(line).iter().for_each(log::info);
                None
            }
        });
        let before = std::mem::replace(&mut self.due, asked);
        match (before, asked) {
            (None, Some(at)) => log::info(format_args!("Scheduling reload for {}", shown(at))),
            (Some(old), Some(new)) if old != new => {
                log::info(format_args!("Reload time updated from {} to {}", shown(old), shown(new)));
            }
            (Some(old), None) => log::info(format_args!("Cancelling reload scheduled for {}", shown(old))),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

impl Watched {
    fn new(file: &Path, stays: bool) -> Option<Self> {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty())?;
        let directories = Directories::new();
        match directories.and_then(|all| all.watch(directory).map(|_| all)) {
            Ok(directories) => Some(Self { file: file.to_owned(), stays, directories }),
            Err(error) => {
                let (shown, error) = (directory.display(), super::kind(&error));
                log::info(format_args!(
                    "Unable to monitor reload timer file directory {shown} - {error} - ignoring"
                ));
                None
            }
        }
    }

    fn has_changed(&self) -> bool {
        let changes = self.directories.changes().unwrap_or_default();
        changes.into_iter().any(|change| match change {
            Changed::Entry(_, name) => self.file.file_name() == Some(&name),
            Changed::Itself(_) | Changed::Anything => true,
        })
    }
}

/// Why a line is no appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// It is too long or too short.
    Format,
    /// It is no time.
    Invalid,
    /// It is over.
    Past,
}

impl Refused {
    fn sentences(self, line: &str) -> [String; 2] {
        let unusable = format!("Invalid reload time '{line}' specified - ignoring");
        match self {
            Self::Format => [format!("Reload time {line} format is incorrect - ignoring"), unusable],
            Self::Invalid => [format!("Reload date/time {line} invalid - ignoring"), unusable],
            Self::Past => [
                format!("Reload time {line} is in the past - ignoring"),
                "Reload date/time is in the past - ignoring".to_owned(),
            ],
        }
    }
}

/// The moment a line means, if it is to come.
fn at(line: &str, now: i64) -> Result<i64, Refused> {
    let at = moment(line, now)?;
    if at > now { Ok(at) } else { Err(Refused::Past) }
}

/// The moment a line means.
fn moment(line: &str, now: i64) -> Result<i64, Refused> {
    let (time, utc) = line.strip_suffix('Z').map_or((line, false), |time| (time, true));
    let seconds = |of: &LocalTime| if utc { utc_seconds(of) } else { unix_seconds(of) };
    let (date, clock) = match (time.len(), time.split_once(' ')) {
        (8, None) => (None, time),
        (17 | 19, Some((date, clock))) => (Some(date), clock),
        (8 | 17 | 19, _) => return Err(Refused::Invalid),
        _ => return Err(Refused::Format),
    };
    let clock = clock_time(clock).ok_or(Refused::Invalid)?;
    match date {
        Some(date) => {
            let day = calendar_day(date).ok_or(Refused::Invalid)?;
            let asked = LocalTime { hour: clock.hour, minute: clock.minute, second: clock.second, ..day };
            seconds(&asked).ok_or(Refused::Invalid)
        }
        None => {
            // Days begin elsewhere in UTC, but a time of day comes once in any stretch of 24 hours.
            let next = |day: i64| {
                let today = if utc { LocalTime::utc(now + day) } else { local_time(now + day) };
                seconds(&LocalTime { hour: clock.hour, minute: clock.minute, second: clock.second, ..today })
            };
            let today = next(0).ok_or(Refused::Invalid)?;
            if today > now { Ok(today) } else { next(DAY).ok_or(Refused::Invalid) }
        }
    }
}

/// `HH:MM:SS`
fn clock_time(text: &str) -> Option<LocalTime> {
    let [hour, minute, second] = three(text, ':')?;
    let small = |value: u16, limit| u8::try_from(value).ok().filter(|value| *value < limit);
    let (hour, minute, second) = (small(hour, 24)?, small(minute, 60)?, small(second, 60)?);
    Some(LocalTime { hour, minute, second, ..LocalTime::default() })
}

/// `YYYY-MM-DD` or `YY-MM-DD`
fn calendar_day(text: &str) -> Option<LocalTime> {
    let [year, month, day] = three(text, '-')?;
    let year = i32::from(if year < 100 { 2000 + year } else { year });
    let month = usize::from(month).checked_sub(1).filter(|month| *month < 12)?;
    let day = u8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
    Some(LocalTime { year, month, day, ..LocalTime::default() })
}

/// Three numbers of digits alone.
fn three(text: &str, between: char) -> Option<[u16; 3]> {
    let mut parts = text.split(between).map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// As log lines have it.
fn shown(unix: i64) -> String {
    let LocalTime { year, month, day, hour, minute, second, .. } = local_time(unix);
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1)
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

const DAY: i64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 09:34:46 UTC.
    const NOW: i64 = 1_795_167_286;

    #[test]
    fn a_time_of_day_is_the_next_one() {
        assert_eq!(at("09:34:47Z", NOW), Ok(NOW + 1));
        assert_eq!(at("09:34:46Z", NOW), Ok(NOW + DAY));
        assert_eq!(at("09:34:45Z", NOW), Ok(NOW + DAY - 1));
        let local = local_time(NOW + 60);
        let line = format!("{:02}:{:02}:{:02}", local.hour, local.minute, local.second);
        assert_eq!(at(&line, NOW), Ok(NOW + 60));
    }

    #[test]
    fn a_date_is_meant_once() {
        assert_eq!(at("2026-11-20 09:34:47Z", NOW), Ok(NOW + 1));
        assert_eq!(at("26-11-20 09:34:47Z", NOW), Ok(NOW + 1));
        assert_eq!(at("2026-11-20 09:34:46Z", NOW), Err(Refused::Past));
        assert_eq!(shown(unix_seconds(&local_time(NOW)).expect("a time")), shown(NOW));
    }

    #[test]
    fn what_is_no_time_is_refused_for_its_length_or_its_parts() {
        for line in ["garbage", "+3", "13:43", "2026-11-26", " 14:05:58 "] {
            assert_eq!(at(line, NOW), Err(Refused::Format), "{line}");
        }
        for line in
            ["25:00:00", "+0:00:03", "2026-11-25T14:15:57", "2027-13-01 00:00:00", "2026/11/25 14:15:57"]
        {
            assert_eq!(at(line, NOW), Err(Refused::Invalid), "{line}");
        }
    }
}
