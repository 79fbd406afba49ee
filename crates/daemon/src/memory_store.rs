//! What an engine leaves behind should it be killed: a memory file shared with the supervisor and with the
//! engine's successors.
//!
//! ```text
//! slot 0        magic "KALVMEM3"
//! slot 1 …      checksum (4)  tag (1)  payload (123)      each 128 bytes, none across a page
//!
//! tag 1         a standing: identity, state, last advert, next IPv4 identification
//! tag 2         a script's verdict: up, name
//! tag 3         an address we put into the kernel, or were about to
//! tag 4         a link, likewise
//! other         free
//! ```
//!
//! A slot is written by one system call, which a signal cannot tear. Whatever else happens to the file, a slot
//! whose checksum or payload is wrong reads as free. Numbers are in the machine's order: nobody else reads them.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use keepalived_core::memory::{Memory, Standing, Verdict};
use keepalived_core::report::State;
use keepalived_model::kernel::{AddressKey, Key, LinkName};
use keepalived_model::vrrp::{Family, Identity, LivesOn};
use keepalived_model::{Instant, LinkId, Vrid};
use keepalived_sys::memfd;

/// Bytes of a slot.
const SLOT: usize = 128;
/// More than this (8 MB) is not remembered: 65,000 addresses need a restart that is clean.
const SLOTS_MAX: u64 = 65_536;
/// Bytes of its checksum.
const CHECKSUM: usize = 4;
const MAGIC: &[u8; 8] = b"KALVMEM3";

const STANDING: u8 = 1;
const VERDICT: u8 = 2;
const ADDRESS: u8 = 3;
const LINK: u8 = 4;

/// The engine's side: remembers what it is told.
#[derive(Debug)]
pub struct MemoryStore {
    file: File,
    /// Asked with every advert. The key is the router's own, so that comparing it costs nothing.
    standings: HashMap<Arc<Identity>, u64>,
    verdicts: BTreeMap<Arc<str>, u64>,
    things: BTreeMap<Key, Owned>,
    free: Vec<u64>,
    next: u64,
    /// Slots one behind the other that are not in the file yet.
    unwritten: Vec<u8>,
    /// The first of them.
    first: u64,
}

/// Most bytes that wait to be written: thousands of routers remember their adverts at the same moment.
const UNWRITTEN_MAX: usize = 64 * SLOT;

#[derive(Debug)]
struct Owned {
    slot: u64,
    wanted: bool,
}

/// What a predecessor left.
#[derive(Debug, Default, PartialEq)]
pub struct Left {
    /// For [`keepalived_core::Engine::start`].
    pub memories: Vec<Memory>,
    /// Addresses and links that may be in the kernel.
    pub things: Vec<Key>,
}

impl MemoryStore {
    /// Takes the file over, with what is in it.
    pub fn open(file: File) -> io::Result<(Self, Left)> {
        let bytes = memfd::read_all(&file)?;
        let mut store = Self {
            file,
            standings: HashMap::new(),
            verdicts: BTreeMap::new(),
            things: BTreeMap::new(),
            free: Vec::new(),
            next: 1,
            unwritten: Vec::new(),
            first: 0,
        };
        let mut left = Left::default();
        if bytes.get(..MAGIC.len()) == Some(MAGIC) {
            for (slot, bytes) in (1..SLOTS_MAX).zip(bytes.chunks_exact(SLOT).skip(1)) {
                store.next = slot + 1;
                store.take_up(slot, bytes, &mut left);
            }
        } else {
            store.file.set_len(0)?;
            let mut first = [0; SLOT];
            first.iter_mut().zip(MAGIC).for_each(|(to, from)| *to = *from);
            store.file.write_all_at(&first, 0)?;
        }
        Ok((store, left))
    }

    /// What is in the file, for a process that only cleans up.
    pub fn read(file: &File) -> io::Result<Left> {
        let bytes = memfd::read_all(file)?;
        let mut left = Left::default();
        if bytes.get(..MAGIC.len()) == Some(MAGIC) {
            for slot in bytes.chunks_exact(SLOT).skip(1) {
                match Entry::decode(slot) {
                    Some(Entry::Memory(memory)) => left.memories.push(memory),
                    Some(Entry::Thing(key)) => left.things.push(key),
                    None => {}
                }
            }
        }
        Ok(left)
    }

    /// Keeps one fact in place of an earlier one with the same key. What does not fit is not kept.
    pub fn remember(&mut self, memory: &Memory) {
        let Some(bytes) = encode_memory(memory) else { return };
        let known = match memory {
            Memory::Standing(standing) => self.standings.get(&standing.identity),
            Memory::Verdict(verdict) => self.verdicts.get(&verdict.script),
        };
        if let Some(slot) = known.copied() {
            return self.write(slot, &bytes);
        }
        let Some(slot) = self.claim() else { return };
        match memory {
            Memory::Standing(standing) => self.standings.insert(standing.identity.clone(), slot),
            Memory::Verdict(verdict) => self.verdicts.insert(verdict.script.clone(), slot),
        };
        self.write(slot, &bytes);
    }

    /// A thing is about to be wanted or not to be wanted any more. It counts as ours until the kernel has
    /// said that it is gone.
    ///
    /// Routes and rules are not kept: they follow from the configuration.
    pub fn want(&mut self, key: &Key, wanted: bool) {
        if let Some(owned) = self.things.get_mut(key) {
            owned.wanted = wanted;
        } else if wanted && let Some(bytes) = encode_thing(key) {
            let Some(slot) = self.claim() else { return };
            self.things.insert(key.clone(), Owned { slot, wanted });
            self.write(slot, &bytes);
        }
    }

    /// The kernel answered.
    pub fn settled(&mut self, key: &Key) {
        if self.things.get(key).is_some_and(|owned| !owned.wanted)
            && let Some(owned) = self.things.remove(key)
        {
            self.release(owned.slot);
        }
    }

    /// Forgets how routers stood: an engine that stops in good order has nothing to be taken up.
    pub fn forget_standings(&mut self) {
        for slot in std::mem::take(&mut self.standings).into_values() {
            self.release(slot);
        }
    }

    fn take_up(&mut self, slot: u64, bytes: &[u8], left: &mut Left) {
        match Entry::decode(bytes) {
            Some(Entry::Memory(memory)) => {
                match &memory {
                    Memory::Standing(standing) => self.standings.insert(standing.identity.clone(), slot),
                    Memory::Verdict(verdict) => self.verdicts.insert(verdict.script.clone(), slot),
                };
                left.memories.push(memory);
            }
            Some(Entry::Thing(key)) => {
                // Ours until the new engine wants it, or does not and hears that it is gone.
                self.things.insert(key.clone(), Owned { slot, wanted: false });
                left.things.push(key);
            }
            None => self.free.push(slot),
        }
    }

    fn claim(&mut self) -> Option<u64> {
        self.free.pop().or_else(|| {
            let slot = (self.next < SLOTS_MAX).then_some(self.next)?;
            self.next += 1;
            Some(slot)
        })
    }

    fn release(&mut self, slot: u64) {
        self.write(slot, &[0; SLOT]);
        self.free.push(slot);
    }

    fn write(&mut self, slot: u64, bytes: &[u8; SLOT]) {
        let behind = self.first + (self.unwritten.len() / SLOT) as u64;
        if behind != slot || self.unwritten.len() >= UNWRITTEN_MAX {
            self.flush();
            self.first = slot;
        }
        self.unwritten.extend_from_slice(bytes);
    }

    /// Puts what was told into the file; to be called when all that belongs together was told.
    pub fn flush(&mut self) {
        if !self.unwritten.is_empty() {
            // Out of memory: a successor then starts afresh, which is no reason to disturb this engine.
            let _not_kept = self.file.write_all_at(&self.unwritten, self.first * SLOT as u64);
            self.unwritten.clear();
        }
    }
}

/// What a slot holds.
enum Entry {
    Memory(Memory),
    Thing(Key),
}

impl Entry {
    fn decode(slot: &[u8]) -> Option<Self> {
        let (sum, rest) = slot.split_first_chunk::<CHECKSUM>()?;
        if u32::from_ne_bytes(*sum) != checksum(rest) {
            return None;
        }
        let mut reader = Reader(rest);
        match reader.byte()? {
            STANDING => reader.standing().map(|standing| Self::Memory(Memory::Standing(standing))),
            VERDICT => reader.verdict().map(|verdict| Self::Memory(Memory::Verdict(verdict))),
            ADDRESS => reader.address().map(|key| Self::Thing(Key::Address(key))),
            LINK => reader.text().and_then(LinkName::new).map(|name| Self::Thing(Key::Link(name))),
            _ => None,
        }
    }
}

fn encode_memory(memory: &Memory) -> Option<[u8; SLOT]> {
    let mut slot = Slot::new();
    match memory {
        Memory::Standing(Standing { identity, state, last_advert, next_ip_id, sequence }) => {
            slot.put(&[
                STANDING,
                identity.vrid.number(),
                u8::from(identity.family == Family::V6),
                match identity.lives_on {
                    LivesOn::Interface => 0,
                    LivesOn::Vmac => 1,
                    LivesOn::Ipvlan => 2,
                },
                u8::from(identity.unicast),
            ])?;
            for address in [identity.source, identity.group] {
                slot.put(&[u8::from(address.is_some())])?;
                slot.put_ip(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))?;
            }
            slot.put(&[match state {
                State::Init => 0,
                State::Backup => 1,
                State::Master => 2,
                State::Fault => 3,
            }])?;
            slot.put(&last_advert.0.to_ne_bytes())?;
            slot.put(&next_ip_id.to_ne_bytes())?;
            slot.put(&sequence.to_ne_bytes())?;
            slot.put_text(&identity.interface)?;
        }
        Memory::Verdict(Verdict { script, up }) => {
            slot.put(&[VERDICT, u8::from(*up)])?;
            slot.put_text(script)?;
        }
    }
    Some(slot.seal())
}

/// None for what does no harm when it is left behind.
fn encode_thing(key: &Key) -> Option<[u8; SLOT]> {
    let mut slot = Slot::new();
    match key {
        Key::Address(AddressKey { link, ip, prefix_len }) => {
            slot.put(&[ADDRESS, *prefix_len])?;
            slot.put(&link.0.to_ne_bytes())?;
            slot.put_ip(*ip)?;
        }
        Key::Link(name) => {
            slot.put(&[LINK])?;
            slot.put_text(name.as_str())?;
        }
        // The packet filter goes as a whole.
        Key::Barred(_) | Key::Setting(..) | Key::OwnReversePaths | Key::Route(_) | Key::Rule(_) => {
            return None;
        }
    }
    Some(slot.seal())
}

/// A slot that is being written; none of its methods when there is no room left.
struct Slot {
    bytes: [u8; SLOT],
    end: usize,
}

impl Slot {
    fn new() -> Self {
        Self { bytes: [0; SLOT], end: CHECKSUM }
    }

    fn put(&mut self, payload: &[u8]) -> Option<()> {
        let end = self.end + payload.len();
        self.bytes.get_mut(self.end..end)?.copy_from_slice(payload);
        self.end = end;
        Some(())
    }

    /// Its family, and sixteen bytes in any case.
    fn put_ip(&mut self, ip: IpAddr) -> Option<()> {
        self.put(&[u8::from(ip.is_ipv6())])?;
        match ip {
            IpAddr::V4(ip) => self.put(&ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => self.put(&ip.octets()),
        }
    }

    /// A text with its length in front; none also when it is longer than a byte says.
    fn put_text(&mut self, text: &str) -> Option<()> {
        self.put(&[u8::try_from(text.len()).ok()?])?;
        self.put(text.as_bytes())
    }

    fn seal(mut self) -> [u8; SLOT] {
        if let Some((sum, rest)) = self.bytes.split_first_chunk_mut::<CHECKSUM>() {
            *sum = checksum(rest).to_ne_bytes();
        }
        self.bytes
    }
}

/// FNV-1a, four bytes at a time; finds accidents, not forgeries. Zero bytes do not sum to zero, so an empty slot is
/// never valid.
fn checksum(bytes: &[u8]) -> u32 {
    let (words, _) = bytes.as_chunks::<4>();
    words
        .iter()
        .fold(0x811c_9dc5, |sum: u32, word| (sum ^ u32::from_ne_bytes(*word)).wrapping_mul(0x0100_0193))
}

/// Reads a payload from its front; nothing once it is too short.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn optional_ip(&mut self) -> Option<Option<IpAddr>> {
        let present = self.flag()?;
        let ip = self.ip()?;
        Some(present.then_some(ip))
    }

    fn ip(&mut self) -> Option<IpAddr> {
        let ipv6 = self.flag()?;
        let octets = Ipv6Addr::from(self.array::<16>()?);
        if ipv6 { Some(octets.into()) } else { octets.to_ipv4_mapped().map(IpAddr::V4) }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(taken).ok()
    }

    fn standing(&mut self) -> Option<Standing> {
        let (vrid, ipv6) = (Vrid::try_from(self.byte()?).ok()?, self.flag()?);
        let lives_on = match self.byte()? {
            0 => LivesOn::Interface,
            1 => LivesOn::Vmac,
            2 => LivesOn::Ipvlan,
            _ => return None,
        };
        let unicast = self.flag()?;
        let (source, group) = (self.optional_ip()?, self.optional_ip()?);
        let state = match self.byte()? {
            0 => State::Init,
            1 => State::Backup,
            2 => State::Master,
            3 => State::Fault,
            _ => return None,
        };
        let last_advert = Instant(u64::from_ne_bytes(self.array()?));
        let next_ip_id = u16::from_ne_bytes(self.array()?);
        let sequence = u32::from_ne_bytes(self.array()?);
        let interface = self.text()?.to_owned();
        let family = if ipv6 { Family::V6 } else { Family::V4 };
        let identity = Arc::new(Identity { vrid, family, interface, lives_on, unicast, source, group });
        Some(Standing { identity, state, last_advert, next_ip_id, sequence })
    }

    fn verdict(&mut self) -> Option<Verdict> {
        let up = self.flag()?;
        Some(Verdict { script: self.text()?.into(), up })
    }

    fn address(&mut self) -> Option<AddressKey> {
        let prefix_len = self.byte()?;
        let link = LinkId(u32::from_ne_bytes(self.array()?));
        let ip = self.ip()?;
        let longest = if ip.is_ipv6() { 128 } else { 32 };
        (prefix_len <= longest).then_some(AddressKey { link, ip, prefix_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        memfd::create("test").unwrap().into()
    }

    fn again(file: &File) -> (MemoryStore, Left) {
        MemoryStore::open(file.try_clone().unwrap()).unwrap()
    }

    fn standing(vrid: u8, state: State, last_advert: u64) -> Memory {
        let identity = Identity {
            vrid: Vrid::try_from(vrid).unwrap(),
            family: Family::V4,
            lives_on: LivesOn::Vmac,
            interface: "eth0.12345678.1".into(),
            unicast: vrid == 2,
            source: (vrid == 2).then_some(IpAddr::from([10, 9, 0, 1])),
            group: (vrid != 2).then_some(IpAddr::from([224, 0, 0, 18])),
        };
        let identity = Arc::new(identity);
        Memory::Standing(Standing {
            identity,
            state,
            last_advert: Instant(last_advert),
            next_ip_id: 65535,
            sequence: 70_000,
        })
    }

    fn verdict(script: &str, up: bool) -> Memory {
        Memory::Verdict(Verdict { script: script.into(), up })
    }

    fn address(last: u8) -> AddressKey {
        AddressKey { link: LinkId(3), ip: IpAddr::from([10, 9, 0, last]), prefix_len: 24 }
    }

    #[test]
    fn a_successor_reads_the_last_of_everything() {
        let file = file();
        let (mut store, left) = again(&file);
        assert_eq!(left, Left::default());
        for memory in [
            standing(1, State::Backup, 1),
            verdict("chk", true),
            standing(2, State::Fault, 7),
            standing(1, State::Master, 2),
            verdict("chk", false),
            verdict("prüfung", true),
        ] {
            store.remember(&memory);
        }
        let v6 = AddressKey { link: LinkId(9), ip: "fd00::1".parse().unwrap(), prefix_len: 128 };
        store.want(&Key::Address(address(1)), true);
        store.want(&Key::Address(v6), true);
        let link = Key::Link(LinkName::new("vrrp.51").unwrap());
        store.want(&link, true);
        store.want(&Key::OwnReversePaths, true);
        let expected = Left {
            memories: vec![
                standing(1, State::Master, 2),
                verdict("chk", false),
                standing(2, State::Fault, 7),
                verdict("prüfung", true),
            ],
            things: vec![Key::Address(address(1)), Key::Address(v6), link],
        };
        store.flush();
        assert_eq!(MemoryStore::read(&file).unwrap(), expected);
        assert_eq!(again(&file).1, expected);
    }

    #[test]
    fn an_address_is_ours_until_the_kernel_says_it_is_gone() {
        let file = file();
        let (mut store, _) = again(&file);
        let key = Key::Address(address(1));
        let things = |store: &mut MemoryStore| {
            store.flush();
            MemoryStore::read(&file).unwrap().things
        };
        store.settled(&key);
        store.want(&key, false);
        assert_eq!(things(&mut store), []);
        store.want(&key, true);
        store.settled(&key);
        store.want(&key, false);
        assert_eq!(things(&mut store), std::slice::from_ref(&key));
        store.settled(&key);
        assert_eq!(things(&mut store), []);
        store.want(&Key::Address(address(2)), true);
        assert_eq!(things(&mut store), [Key::Address(address(2))]);
        // One slot and the magic: the freed one was used again.
        assert_eq!(file.metadata().unwrap().len(), 2 * SLOT as u64);
    }

    #[test]
    fn a_successor_frees_what_it_does_not_want_once_it_is_gone() {
        let file = file();
        let (mut store, _) = again(&file);
        store.want(&Key::Address(address(1)), true);
        store.flush();
        let (mut store, left) = again(&file);
        assert_eq!(left.things, [Key::Address(address(1))]);
        store.settled(&Key::Address(address(1)));
        store.flush();
        assert_eq!(MemoryStore::read(&file).unwrap().things, []);
    }

    #[test]
    fn a_clean_stop_leaves_verdicts_but_no_standings() {
        let file = file();
        let (mut store, _) = again(&file);
        store.remember(&standing(1, State::Master, 1));
        store.remember(&verdict("chk", true));
        store.forget_standings();
        store.flush();
        assert_eq!(MemoryStore::read(&file).unwrap().memories, [verdict("chk", true)]);
    }

    #[test]
    fn what_does_not_fit_is_not_kept_and_disturbs_nothing() {
        let file = file();
        let (mut store, _) = again(&file);
        store.remember(&verdict(&"x".repeat(122), true));
        store.remember(&verdict(&"x".repeat(500), true));
        store.flush();
        assert_eq!(MemoryStore::read(&file).unwrap(), Left::default());
        store.remember(&verdict(&"x".repeat(121), true));
        store.flush();
        assert_eq!(MemoryStore::read(&file).unwrap().memories, [verdict(&"x".repeat(121), true)]);
    }

    #[test]
    fn a_damaged_slot_reads_as_free_and_the_others_stay() {
        let file = file();
        let (mut store, _) = again(&file);
        store.remember(&standing(1, State::Master, 1));
        store.want(&Key::Address(address(1)), true);
        store.flush();
        let whole = memfd::read_all(&file).unwrap();
        for at in SLOT..2 * SLOT {
            file.write_all_at(&[whole[at] ^ 0x10], at as u64).unwrap();
            let left = MemoryStore::read(&file).unwrap();
            assert_eq!((left.memories.len(), left.things.len()), (0, 1), "byte {at}");
            file.write_all_at(&whole[at..=at], at as u64).unwrap();
        }
    }

    #[test]
    fn any_content_is_read_without_harm() {
        // Every tag with every filling, under a valid checksum, and files of every length.
        for tag in 0..=255 {
            for filling in 0..=255 {
                let mut slot = Slot::new();
                slot.put(&[tag]).unwrap();
                slot.put(&[filling; SLOT - CHECKSUM - 1]).unwrap();
                let slot = slot.seal();
                if let Some(Entry::Thing(Key::Address(key))) = Entry::decode(&slot) {
                    assert!(key.prefix_len <= 128);
                }
            }
        }
        for length in 0..3 * SLOT as u64 {
            let file = file();
            let (mut store, _) = again(&file);
            store.remember(&standing(1, State::Master, 1));
            store.flush();
            file.set_len(length).unwrap();
            let (mut store, left) = again(&file);
            assert_eq!(left.memories.len(), usize::from(length >= 2 * SLOT as u64));
            store.remember(&standing(1, State::Fault, 3));
            store.flush();
            assert_eq!(MemoryStore::read(&file).unwrap().memories, [standing(1, State::Fault, 3)]);
        }
    }
}
