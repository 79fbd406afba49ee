//! The customer: asks for a page over TCP again and again and writes down who answered when.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Host;
use super::until;
use crate::outcome::Fault;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked.
    pub asked: Instant,
    /// When the answer or the failure was there.
    pub at: Instant,
    /// The name of the box that answered; `None` when none did.
    pub from: Option<String>,
}

/// A running customer; stops when dropped.
pub struct Client {
    answers: Arc<Mutex<Vec<Answer>>>,
    stop: Arc<AtomicBool>,
}

/// Pause between two requests.
const PERIOD: Duration = Duration::from_millis(5);
/// How long a connection may take before the request counts as lost.
const PATIENCE: Duration = Duration::from_millis(60);

impl Client {
    /// Starts to ask that address from that host's network.
    pub fn start(host: &Host, target: [u8; 4]) -> Self {
        Self::start_every(host, target, PERIOD)
    }

    /// The same with another pause between two requests.
    pub fn start_every(host: &Host, target: [u8; 4], period: Duration) -> Self {
        let (answers, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (into, halt) = (Arc::clone(&answers), Arc::clone(&stop));
        let (network, target) = (host.network(), SocketAddr::from((Ipv4Addr::from(target), 80)));
        thread::spawn(move || {
            if keepalived_sys::lab::enter_network(&network).is_err() {
                return;
            }
            while !halt.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let from = ask(target);
                let answer = Answer { asked, at: Instant::now(), from };
                into.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                thread::sleep(period);
            }
        });
        Self { answers, stop }
    }

    /// Everything asked so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was asked after the first `count` requests.
    pub fn since(&self, count: usize) -> Vec<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(count..).unwrap_or_default().to_vec()
    }

    /// Waits for an answer of that box that was asked for after `since`.
    ///
    /// # Errors
    /// None came.
    pub fn served_by(&self, box_name: &str, since: Instant, within: Duration) -> Result<Instant, Fault> {
        let what = format!("the client is served by {box_name}");
        let served = |answer: &Answer| answer.asked >= since && answer.from.as_deref() == Some(box_name);
        until(within, &what, || self.answers().iter().any(served))?;
        Ok(self.answers().iter().find(|answer| served(answer)).map_or(since, |answer| answer.at))
    }

    /// The longest time without an answer since then, in whole milliseconds.
    pub fn outage_ms(&self, since: Instant) -> u128 {
        let answers = self.answers();
        let good = answers.iter().filter(|answer| answer.from.is_some() && answer.at >= since);
        let mut last = since;
        let mut longest = Duration::ZERO;
        for answer in good {
            longest = longest.max(answer.at.saturating_duration_since(last));
            last = answer.at;
        }
        longest.max(Instant::now().saturating_duration_since(last)).as_millis()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn ask(target: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&target, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: vip\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some(body.trim().to_owned())
}
