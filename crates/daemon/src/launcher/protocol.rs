//! What the engine and its launcher say to each other, one message each.

use std::ffi::CString;

use keepalived_sys::process::Ended;
use keepalived_sys::script::Step;

use crate::mail::News;
#[cfg(doc)]
use crate::mail::Parcel;

/// No message is longer; a command that would need one cannot be started.
pub const MESSAGE_MAX: usize = 64 << 10;

/// No reply is longer.
pub const REPLY_MAX: usize = 1024;
/// Longer lines for the log are cut.
const LINE_MAX: usize = REPLY_MAX - 10;

/// Which run is meant; chosen by the engine, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunNumber(pub u64);

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A track script, or what reads a pipe: ends with the engine.
    Check,
    /// A notify script: its process group is left alone when the engine ends.
    Notify,
    /// Mail on its way: ends with the engine.
    Mail,
}

/// From the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start this.
    Run {
        /// Its number from now on.
        number: RunNumber,
        /// What it is for.
        kind: Kind,
        /// Who runs it.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its further groups; none for that one alone.
        groups: Vec<u32>,
        /// Its file mode creation mask.
        umask: u32,
        /// The file to execute.
        path: CString,
        /// Its words.
        argv: Vec<CString>,
        /// `NAME=value`, beside what is in the launcher's own environment.
        environment: Vec<CString>,
    },
    /// Deliver mail.
    Post {
        /// The number of the delivery from now on.
        number: RunNumber,
        /// A [`Parcel`].
        parcel: Vec<u8>,
    },
    /// Send a signal to its process group; nothing happens when it has ended.
    Kill {
        /// Which.
        number: RunNumber,
        /// The signal's number.
        signal: i32,
    },
}

/// From the launcher, or from the process that delivers mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// What a delivery has to say.
    News {
        /// Which.
        number: RunNumber,
        /// What.
        news: News,
    },
    /// It has a process now.
    Started {
        /// Which.
        number: RunNumber,
        /// Of the process and of its group.
        pid: i32,
    },
    /// It ended.
    Ended {
        /// Which.
        number: RunNumber,
        /// How.
        ended: Ended,
    },
    /// It never became the script, and will not.
    Failed {
        /// Which.
        number: RunNumber,
        /// The process that tried.
        pid: i32,
        /// What did not work.
        step: Step,
        /// And why.
        errno: i32,
    },
}

impl Request {
    /// As it travels; none when it is too long.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::Run { number, kind, uid, gid, groups, umask, path, argv, environment } => {
                bytes.push(match kind {
                    Kind::Check => RUN_CHECK,
                    Kind::Notify | Kind::Mail => RUN_NOTIFY,
                });
                bytes.extend(number.0.to_ne_bytes());
                let words = u32::try_from(argv.len()).unwrap_or(u32::MAX);
                let others = u32::try_from(groups.len()).unwrap_or(u32::MAX);
                for word in [uid, gid, umask, &words, &others].into_iter().chain(groups) {
                    bytes.extend(word.to_ne_bytes());
                }
                for text in [path].into_iter().chain(argv).chain(environment) {
                    bytes.extend(text.as_bytes_with_nul());
                }
            }
            Self::Post { number, parcel } => {
                bytes.push(POST);
                bytes.extend(number.0.to_ne_bytes());
                bytes.extend(parcel);
            }
            Self::Kill { number, signal } => {
                bytes.push(KILL);
                bytes.extend(number.0.to_ne_bytes());
                bytes.extend(signal.to_ne_bytes());
            }
        }
        (bytes.len() <= MESSAGE_MAX).then_some(bytes)
    }

    /// What arrived.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, bytes) = bytes.split_first()?;
        let (number, bytes) = number(bytes)?;
        let kind = match *tag {
            RUN_CHECK => Kind::Check,
            RUN_NOTIFY => Kind::Notify,
            POST => return Some(Self::Post { number, parcel: bytes.to_vec() }),
            KILL => {
                let signal = i32::from_ne_bytes(bytes.try_into().ok()?);
                return Some(Self::Kill { number, signal });
            }
            _ => return None,
        };
        let (uid, bytes) = bytes.split_first_chunk()?;
        let (gid, bytes) = bytes.split_first_chunk()?;
        let (umask, bytes) = bytes.split_first_chunk()?;
        let (words, bytes) = bytes.split_first_chunk()?;
        let (others, bytes) = bytes.split_first_chunk()?;
        let [uid, gid, umask, words, others] =
            [uid, gid, umask, words, others].map(|word| u32::from_ne_bytes(*word));
        let (groups, bytes) = bytes.split_at_checked(usize::try_from(others).ok()?.checked_mul(4)?)?;
        let groups = groups.chunks_exact(4).filter_map(|group| group.try_into().ok());
        let groups = groups.map(u32::from_ne_bytes).collect();
        let texts = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
        let mut texts = texts.map(|text| CString::new(text).ok()).collect::<Option<Vec<_>>>()?.into_iter();
        let path = texts.next()?;
        let argv = texts.by_ref().take(usize::try_from(words).ok()?).collect();
        Some(Self::Run { number, kind, uid, gid, groups, umask, path, argv, environment: texts.collect() })
    }
}

impl Reply {
    /// As it travels.
    pub fn encode(&self) -> Vec<u8> {
        let (tag, number, first, second) = match *self {
            Self::News { number, news: News::Line { ref text, detail } } => {
                let end = text.floor_char_boundary(LINE_MAX);
                let text = text.get(..end).unwrap_or_default().as_bytes();
                return [&[NEWS_LINE][..], &number.0.to_ne_bytes(), &[u8::from(detail)], text].concat();
            }
            Self::News { number, news: News::Done(count) } => {
                (NEWS_DONE, number, i32::try_from(count).unwrap_or(i32::MAX), 0)
            }
            Self::Started { number, pid } => (STARTED, number, pid, 0),
            Self::Ended { number, ended: Ended::Code(code) } => (ENDED_CODE, number, i32::from(code), 0),
            Self::Ended { number, ended: Ended::Signal(signal) } => {
                (ENDED_SIGNAL, number, i32::from(signal), 0)
            }
            Self::Failed { number, pid, step: Step::Exec, errno } => (FAILED_EXEC, number, pid, errno),
            Self::Failed { number, pid, step: Step::Identity, errno } => {
                (FAILED_IDENTITY, number, pid, errno)
            }
        };
        [&[tag][..], &number.0.to_ne_bytes(), &first.to_ne_bytes(), &second.to_ne_bytes()].concat()
    }

    /// What arrived.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, bytes) = bytes.split_first()?;
        let (number, bytes) = number(bytes)?;
        if *tag == NEWS_LINE {
            let (detail, text) = bytes.split_first()?;
            let text = String::from_utf8_lossy(text).into_owned();
            return Some(Self::News { number, news: News::Line { text, detail: *detail != 0 } });
        }
        let (first, bytes) = bytes.split_first_chunk()?;
        let (first, second) = (i32::from_ne_bytes(*first), i32::from_ne_bytes(bytes.try_into().ok()?));
        let small = u8::try_from(first);
        Some(match *tag {
            NEWS_DONE => Self::News { number, news: News::Done(u32::try_from(first).ok()?) },
            STARTED => Self::Started { number, pid: first },
            ENDED_CODE => Self::Ended { number, ended: Ended::Code(small.ok()?) },
            ENDED_SIGNAL => Self::Ended { number, ended: Ended::Signal(small.ok()?) },
            FAILED_EXEC => Self::Failed { number, pid: first, step: Step::Exec, errno: second },
            FAILED_IDENTITY => Self::Failed { number, pid: first, step: Step::Identity, errno: second },
            _ => return None,
        })
    }
}

fn number(bytes: &[u8]) -> Option<(RunNumber, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((RunNumber(u64::from_ne_bytes(*number)), rest))
}

const RUN_CHECK: u8 = 1;
const RUN_NOTIFY: u8 = 2;
const KILL: u8 = 3;
const STARTED: u8 = 4;
const ENDED_CODE: u8 = 5;
const ENDED_SIGNAL: u8 = 6;
const FAILED_EXEC: u8 = 7;
const FAILED_IDENTITY: u8 = 8;
const POST: u8 = 9;
const NEWS_LINE: u8 = 10;
const NEWS_DONE: u8 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(argv: &[&str]) -> Request {
        Request::Run {
            number: RunNumber(u64::MAX),
            kind: Kind::Notify,
            uid: 1,
            gid: u32::MAX,
            groups: vec![7, u32::MAX],
            umask: 0o177,
            path: c"/bin/sh".into(),
            argv: argv.iter().map(|word| CString::new(*word).unwrap()).collect(),
            environment: vec![c"A=b c".into(), c"D=".into()],
        }
    }

    #[test]
    fn requests_and_replies_travel_unchanged() {
        for request in [
            run(&["sh", "", "-c", "exit 1"]),
            run(&[]),
            Request::Post { number: RunNumber(1), parcel: vec![0, 1] },
            Request::Kill { number: RunNumber(7), signal: 15 },
        ] {
            assert_eq!(Request::decode(&request.encode().unwrap()), Some(request));
        }
        let number = RunNumber(3);
        for reply in [
            Reply::Started { number, pid: 4711 },
            Reply::Ended { number, ended: Ended::Code(255) },
            Reply::Ended { number, ended: Ended::Signal(9) },
            Reply::News { number, news: News::Done(7) },
            Reply::News { number, news: News::Line { text: "é".into(), detail: true } },
            Reply::Failed { number, pid: 2, step: Step::Exec, errno: 8 },
            Reply::Failed { number, pid: 2, step: Step::Identity, errno: 1 },
        ] {
            assert_eq!(Reply::decode(&reply.encode()), Some(reply));
        }
    }

    #[test]
    fn cut_messages_are_not_understood_and_long_ones_not_sent() {
        let whole = run(&["sh"]).encode().unwrap();
        // Whole texts may be missing; everything in front may not.
        for length in 0..=37 {
            assert_eq!(Request::decode(&whole[..length]), None, "{length}");
        }
        let whole = Reply::Started { number: RunNumber(1), pid: 1 }.encode();
        for length in 0..whole.len() {
            assert_eq!(Reply::decode(&whole[..length]), None, "{length}");
        }
        assert_eq!(run(&[&"x".repeat(MESSAGE_MAX)]).encode(), None);
    }
}
