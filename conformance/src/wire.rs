//! What the hosts put on the wire: captured where it enters the switch, decoded independently of the product.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use keepalived_sys::lab::FrameSocket;

use crate::outcome::{Fault, failed};

/// A frame as it entered the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When the kernel took it in.
    pub at: Instant,
    /// The host that sent it.
    pub from: String,
    /// All of it, from the destination MAC on.
    pub bytes: Vec<u8>,
}

/// A VRRP version 2 advert, read by hand from RFC 3768 so that the product's codec is not its own judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// When the kernel took it in.
    pub at: Instant,
    /// The host that sent it.
    pub from: String,
    /// IPv4 source.
    pub source: Ipv4Addr,
    /// The virtual router.
    pub vrid: u8,
    /// Priority, 0 when the sender resigns.
    pub priority: u8,
    /// The advertised addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// From the destination MAC on.
    pub bytes: Vec<u8>,
}

/// A message of any version, without what it travelled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// When the kernel took it in.
    pub at: Instant,
    /// From its first octet on.
    pub message: Vec<u8>,
}

/// A gratuitous ARP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garp {
    /// When the kernel took it in.
    pub at: Instant,
    /// The host that sent it.
    pub from: String,
    /// The announced address.
    pub address: Ipv4Addr,
    /// From the destination MAC on.
    pub bytes: Vec<u8>,
}

/// Everything captured in one lab.
#[derive(Clone, Default)]
pub struct Capture {
    frames: Arc<Mutex<Vec<Frame>>>,
    stop: Arc<AtomicBool>,
}

/// Where the IPv4 header begins in a frame.
const IP: usize = 14;

impl Capture {
    /// Starts to collect what a host sends into its port. Only VRRP, IGMP and ARP are kept.
    ///
    /// # Errors
    /// The port cannot be listened on.
    pub fn watch(&self, host: &str, port: &str) -> Result<(), Fault> {
        let socket = FrameSocket::open(port)?;
        let (frames, stop, host) = (Arc::clone(&self.frames), Arc::clone(&self.stop), host.to_owned());
        thread::spawn(move || {
            let mut room = vec![0; 65536];
            while !stop.load(Ordering::Relaxed) {
                match socket.receive(&mut room) {
                    Ok(Some((length, stamp))) => {
                        let bytes = &room[..length.min(room.len())];
                        if is_ours(bytes) {
                            let frame =
                                Frame { at: instant(stamp), from: host.clone(), bytes: bytes.to_vec() };
                            frames.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
                        }
                    }
                    Ok(None) => {}
                    // The port is down while its cable is pulled.
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Ok(())
    }

    /// Ends all collecting.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Everything so far in the order of time.
    pub fn frames(&self) -> Vec<Frame> {
        let mut all = self.frames.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|frame| frame.at);
        all
    }

    /// The adverts of a host for a virtual router since then.
    pub fn adverts(&self, from: &str, vrid: u8, since: Instant) -> Vec<Advert> {
        let frames = self.frames();
        let wanted = |advert: &Advert| advert.from == from && advert.vrid == vrid && advert.at >= since;
        frames.iter().filter_map(advert).filter(wanted).collect()
    }

    /// The messages a host sent for a virtual router since then, whatever their version and what they travelled in.
    pub fn spoken(&self, from: &str, vrid: u8, since: Instant) -> Vec<Spoken> {
        let frames = self.frames();
        let recent = frames.iter().filter(|frame| frame.from == from && frame.at >= since);
        let told = |frame: &Frame| Some(Spoken { at: frame.at, message: message(frame)?.to_vec() });
        recent.filter_map(told).filter(|spoken| spoken.message.get(1) == Some(&vrid)).collect()
    }

    /// The gratuitous ARPs of a host since then.
    pub fn garps(&self, from: &str, since: Instant) -> Vec<Garp> {
        let frames = self.frames();
        let wanted = |garp: &Garp| garp.from == from && garp.at >= since;
        frames.iter().filter_map(garp).filter(wanted).collect()
    }

    /// The first advert since then that the condition likes, waiting for it.
    ///
    /// # Errors
    /// None came in time.
    pub fn wait_advert(
        &self,
        from: &str,
        vrid: u8,
        since: Instant,
        within: Duration,
        likes: impl Fn(&Advert) -> bool,
    ) -> Result<Advert, Fault> {
        let until = Instant::now() + within;
        loop {
            if let Some(found) = self.adverts(from, vrid, since).into_iter().find(&likes) {
                return Ok(found);
            }
            if Instant::now() > until {
                return failed(format!("no such advert of {from} for VRID {vrid} within {within:?}"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The longest pause between two adverts of one router that followed each other, by whichever hosts.
    pub fn worst_gap(&self, vrid: u8, since: Instant, till: Instant) -> Duration {
        let frames = self.frames();
        let times = frames
            .iter()
            .filter_map(advert)
            .filter(|advert| advert.vrid == vrid && advert.at >= since && advert.at <= till)
            .map(|advert| advert.at);
        let mut worst = Duration::ZERO;
        let mut last = None;
        for at in times.chain([till]) {
            if let Some(last) = last {
                worst = worst.max(at.saturating_duration_since(last));
            }
            last = Some(at);
        }
        worst
    }
}

impl Capture {
    /// The longest pause between two adverts of any virtual router of a host, whatever their version.
    pub fn worst_gap_of_all(&self, from: &str, since: Instant, till: Instant) -> Duration {
        let (mut last, mut worst) = (BTreeMap::new(), Duration::ZERO);
        let frames = self.frames();
        let spoken = frames.iter().filter(|frame| frame.from == from && (since..=till).contains(&frame.at));
        for (at, vrid) in spoken.filter_map(|frame| Some((frame.at, *message(frame)?.get(1)?))) {
            let before = last.insert(vrid, at).unwrap_or(at);
            worst = worst.max(at.saturating_duration_since(before));
        }
        last.values().map(|last| till.saturating_duration_since(*last)).fold(worst, Duration::max)
    }
}

/// The lab's own port: what is put here reaches every host.
pub struct Injector {
    socket: FrameSocket,
}

impl Injector {
    /// Opens the far end of the lab's own port.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn open(tap: &str) -> Result<Self, Fault> {
        Ok(Self { socket: FrameSocket::open(tap)? })
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// The port refused it.
    pub fn send(&self, frame: &[u8]) -> Result<(), Fault> {
        Ok(self.socket.send(frame)?)
    }

    /// Sends a frame again and again at that rate for that long; says how many went out.
    pub fn flood(&self, frames: &[Vec<u8>], per_second: u32, during: Duration) -> u64 {
        let begin = Instant::now();
        let mut sent: u64 = 0;
        while begin.elapsed() < during {
            let due = begin.elapsed().as_secs_f64() * f64::from(per_second);
            while (sent as f64) < due {
                let which = usize::try_from(sent).unwrap_or(0) % frames.len().max(1);
                if let Some(frame) = frames.get(which) {
                    let _ = self.socket.send(frame);
                }
                sent += 1;
            }
            thread::sleep(Duration::from_micros(500));
        }
        sent
    }
}

/// Reads an advert over IPv4 out of a frame.
pub fn advert(frame: &Frame) -> Option<Advert> {
    let b = &frame.bytes;
    if b.get(12..14)? != [8, 0] || *b.get(IP + 9)? != 112 {
        return None;
    }
    let vrrp = b.get(IP + usize::from(b.get(IP)? & 15) * 4..)?;
    // What is read here is at the same places in versions 2 and 3.
    let count = usize::from(*vrrp.get(3)?);
    let listed = vrrp.get(8..8 + count * 4)?;
    Some(Advert {
        at: frame.at,
        from: frame.from.clone(),
        source: ipv4(b.get(IP + 12..IP + 16)?),
        vrid: *vrrp.get(1)?,
        priority: *vrrp.get(2)?,
        addresses: listed.chunks(4).map(ipv4).collect(),
        bytes: b.clone(),
    })
}

/// The VRRP message in a frame: behind IPv4, an authentication header, or IPv6.
pub fn message(frame: &Frame) -> Option<&[u8]> {
    let b = &frame.bytes;
    let payload = b.get(IP + 20..);
    match (b.get(12..14)?, b.get(IP + 9)?, b.get(IP + 6)?) {
        ([8, 0], 112, _) => payload,
        ([8, 0], 51, _) => payload?.get(24..),
        ([0x86, 0xdd], _, 112) => b.get(IP + 40..),
        _ => None,
    }
}

/// Whether a frame is a neighbor advertisement that nobody asked for: to all nodes.
pub fn is_unsolicited(frame: &Frame) -> bool {
    let b = &frame.bytes;
    b.starts_with(&[0x33, 0x33, 0, 0, 0, 1]) && b.get(IP + 6) == Some(&58) && b.get(IP + 40) == Some(&136)
}

/// Reads a gratuitous ARP out of a frame: sender and target are the same address.
pub fn garp(frame: &Frame) -> Option<Garp> {
    let b = &frame.bytes;
    let (sender, target) = (b.get(28..32)?, b.get(38..42)?);
    if b.get(12..14)? != [8, 6] || sender != target {
        return None;
    }
    Some(Garp { at: frame.at, from: frame.from.clone(), address: ipv4(sender), bytes: b.clone() })
}

/// The frame of an advert as another router would send it: the lab's own encoder, for injected traffic.
#[derive(Clone, Debug)]
pub struct Forged {
    /// IPv4 source.
    pub source: [u8; 4],
    /// IPv4 destination.
    pub destination: [u8; 4],
    /// IPv4 time to live.
    pub ttl: u8,
    /// Version and type in one octet.
    pub version_type: u8,
    /// The virtual router.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Authentication type.
    pub auth_type: u8,
    /// Advert interval in seconds.
    pub interval: u8,
    /// Advertised addresses.
    pub addresses: Vec<[u8; 4]>,
    /// Authentication data.
    pub auth: Vec<u8>,
    /// Added to the right checksum.
    pub checksum_error: u16,
    /// Octets after the message.
    pub trailer: Vec<u8>,
}

impl Forged {
    /// A correct advert without authentication.
    pub fn new(source: [u8; 4], vrid: u8, priority: u8, addresses: &[[u8; 4]]) -> Self {
        Self {
            source,
            destination: [224, 0, 0, 18],
            ttl: 255,
            version_type: 0x21,
            vrid,
            priority,
            auth_type: 0,
            interval: 1,
            addresses: addresses.to_vec(),
            auth: vec![0; 8],
            checksum_error: 0,
            trailer: Vec::new(),
        }
    }

    /// The whole frame.
    pub fn frame(&self) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let mut vrrp =
            vec![self.version_type, self.vrid, self.priority, count, self.auth_type, self.interval, 0, 0];
        for address in &self.addresses {
            vrrp.extend_from_slice(address);
        }
        vrrp.extend_from_slice(&self.auth);
        let mut summed = vrrp.clone();
        if self.version_type >> 4 == 3 {
            // RFC 5798 §5.2.8: with a pseudo header in front.
            summed.splice(0..0, [self.source, self.destination, [0, 112, 0, vrrp.len() as u8]].concat());
        }
        let sum = checksum(&summed).wrapping_add(self.checksum_error);
        vrrp[6..8].copy_from_slice(&sum.to_be_bytes());
        vrrp.extend_from_slice(&self.trailer);
        let total = u16::try_from(20 + vrrp.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut ip = vec![0x45, 0xc0, total[0], total[1], 0, 1, 0, 0, self.ttl, 112, 0, 0];
        ip.extend_from_slice(&self.source);
        ip.extend_from_slice(&self.destination);
        let sum = checksum(&ip).to_be_bytes();
        ip[10..12].copy_from_slice(&sum);
        let mut frame = vec![1, 0, 0x5e, 0, 0, 0x12, 2, 0, 0, 0, 0, 0x99, 8, 0];
        frame.extend(ip);
        frame.extend(vrrp);
        frame
    }
}

/// RFC 1071.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Octets as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_ours(bytes: &[u8]) -> bool {
    match bytes.get(12..14) {
        Some([8, 0]) => matches!(bytes.get(IP + 9), Some(112 | 51 | 2)),
        Some([8, 6]) => true,
        Some([0x86, 0xdd]) => match bytes.get(IP + 6) {
            Some(112) => true,
            // A neighbor advertisement.
            Some(58) => bytes.get(IP + 40) == Some(&136),
            _ => false,
        },
        _ => false,
    }
}

fn ipv4(octets: &[u8]) -> Ipv4Addr {
    match octets {
        [a, b, c, d] => Ipv4Addr::new(*a, *b, *c, *d),
        _ => Ipv4Addr::UNSPECIFIED,
    }
}

/// The kernel stamps frames with the wall clock; the lab counts by the monotonic one.
fn instant(stamp: SystemTime) -> Instant {
    let (now, wall) = (Instant::now(), SystemTime::now());
    now.checked_sub(wall.duration_since(stamp).unwrap_or_default()).unwrap_or(now)
}
