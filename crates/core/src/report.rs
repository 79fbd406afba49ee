//! Facts for log lines and counters. Words are found elsewhere (`daemon`, `compat/log_text.rs`).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use keepalived_model::kernel::{AddressKey, Key, LinkKind, Refusal, Spec};
use keepalived_model::lasting::Fixture;
use keepalived_model::link::Polling;
use keepalived_model::vrrp::{Family, Hopeless};
use keepalived_model::{LinkId, MacAddr, Micros, RunId, Vrid};
use keepalived_wire::reject::Reject;

use crate::event::Exit;

/// A display name.
pub type Name = Arc<str>;

/// The state of a virtual router or sync group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for the first result of a tracker that could be a fault.
    Init,
    /// Listens.
    Backup,
    /// Won the election.
    Master,
    /// Something it depends on is down.
    Fault,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        })
    }
}

/// Why a virtual router is in FAULT. A set of these is kept, so that repeated facts cannot make it drift.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Its interface (or one that carries a VIP, or a tracked one with weight zero) is down or does not exist.
    LinkDown(Name),
    /// Its interface has no address of its family to send from.
    NoAddress(Family),
    /// The configured source address is on none of the interface's addresses.
    NoSource,
    /// A script of weight zero says down.
    Script(Name),
    /// A tracked file has this number, which its weight makes a fault.
    #[allow(missing_docs, reason = "said above")]
    File { file: Name, number: i32 },
    /// Of tracked processes of weight zero there are too few or too many.
    Process(Name),
    /// A member of its sync group is in FAULT.
    Group,
    /// Others keep removing its addresses (D1).
    AddressesTaken,
    /// Its configuration leaves it there for ever.
    Hopeless(Hopeless),
    /// The interface cannot do multicast.
    NoMulticast(Name),
}

impl Fault {
    /// Whether it is about something that somebody outside watches.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Process(_))
    }
}

/// A fact. Every text the original has for such a fact is rendered from the fields alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named for what they carry")]
pub enum Report {
    /// A state was entered.
    Entered { instance: Name, state: State, init: bool },
    /// The start (or first tracker result) found a cause for FAULT.
    StartsInFault { instance: Name, fault: Fault },
    /// A master-down timer ran out.
    AdvertTimeout { instance: Name },
    /// VIPs (or excluded ones) are being set.
    SettingAddresses { instance: Name, excluded: bool },
    /// VIPs (or excluded ones) are being removed.
    RemovingAddresses { instance: Name, excluded: bool },
    /// Virtual routes (or rules) are being set.
    SettingRouting { instance: Name, rules: bool },
    /// Virtual routes (or rules) are being removed.
    RemovingRouting { instance: Name, rules: bool },
    /// Packets from and to its addresses are being dropped from now on (`set`), or no longer.
    Barring { instance: Name, set: bool },
    /// The kernel would not drop packets from and to an address.
    BarRefused { instance: Name, ip: IpAddr, refusal: Refusal },
    /// One line per VIP and burst.
    QueueingGarp { instance: Name, interface: Name, ip: IpAddr },
    /// Somebody else claims an address of a master, which will announce it again; one line a minute.
    Contested { instance: Name, interface: Name, ip: IpAddr, by: MacAddr },
    /// One line per frame.
    SendingGarp { interface: Name, ip: IpAddr },
    /// An advert of priority 0 was sent.
    SentZero { instance: Name },
    /// An advert of priority 0 was heard.
    HeardZero { instance: Name, as_master: bool },
    /// A backup that preempts heard a worse master.
    LowerDiscarded { instance: Name, from: IpAddr, priority: u8 },
    /// A master heard a worse router; `answered` with an advert unless configured otherwise.
    ForcingElection { instance: Name, from: IpAddr, priority: u8, ours: u8, answered: bool },
    /// A master heard a better router.
    HigherHeard { instance: Name, from: IpAddr, priority: u8, ours: u8 },
    /// A master heard an equal router with a higher address.
    EqualHigherAddress { instance: Name, from: IpAddr, priority: u8 },
    /// A master heard an equal router with its own address.
    EqualOwnAddress { instance: Name },
    /// Two address owners.
    BothOwners { instance: Name, from: IpAddr },
    /// The effective priority changed.
    EffectivePriority { instance: Name, from: u8, to: u8 },
    /// The preempt delay began.
    PreemptDelayStarted { instance: Name, length: Micros },
    /// The preempt delay was called off.
    PreemptDelayStopped { instance: Name },
    /// The first master was heard.
    MasterSet { instance: Name, to: IpAddr },
    /// Another master than before was heard.
    MasterChanged { instance: Name, from: IpAddr, to: IpAddr },
    /// A version 3 backup adopted the master's interval.
    IntervalAdopted { instance: Name, from: Micros, to: Micros },
    /// The start is delayed (`vrrp_startup_delay`).
    StartDelayed { length: Micros },
    /// The delay is over.
    StartDelayOver,
    /// A packet for this instance was refused. `first`: of its kind since the state last changed, to be logged.
    Rejected { instance: Name, from: IpAddr, reason: Reject, first: bool },
    /// A packet was refused before its instance could be known.
    Unreadable { reason: Reject },
    /// A packet named a VRID that nobody has on that interface.
    UnknownVrid { vrid: u8, interface: Name },
    /// An accepted advert has another number of addresses (D6). `first` as above, once a minute.
    AddressCountDiffers { instance: Name, from: IpAddr, expected: usize, received: usize, first: bool },
    /// An accepted advert lacks one of our addresses (D6).
    AddressMissing { instance: Name, vrid: Vrid, from: IpAddr, ip: IpAddr, first: bool },
    /// An accepted version 3 advert has another interval.
    IntervalDiffers { instance: Name, from: IpAddr, ours: Micros, received: Micros, first: bool },
    /// A unicast peer makes checksums of version 3 as keepalived did before 1.4.
    OldChecksum { instance: Name, from: IpAddr, first: bool },
    /// An accepted signature is so old, or so far ahead, that others may soon be refused.
    SkewNearsWindow { instance: Name, from: IpAddr, skew: i64, window: Micros, first: bool },
    /// A master that heard a worse router skips a number of its authentication headers.
    SequenceSkipped { instance: Name },
    /// A script went up.
    ScriptSucceeded { script: Name },
    /// A script went down because of this end.
    ScriptFailed { script: Name, exit: Exit },
    /// A script went down because it ran too long.
    ScriptTimedOut { script: Name },
    /// A script's status differs from its last one.
    ScriptNow { script: Name, status: u8 },
    /// A run was skipped because the last one still runs (or is being ended).
    ScriptOverlap { script: Name, ending: bool },
    /// A run survived SIGKILL for two seconds.
    ScriptStuck { script: Name, run: RunId },
    /// A reload (or an adoption) kept a script's result.
    ScriptKept { script: Name, up: bool },
    /// The number of a tracked file became a fault of an instance, or ceased to be one.
    FileFault { instance: Name, file: Name, fault: bool },
    /// A tracked file has a number beyond all reason.
    NumberIgnored { path: Name, number: i64 },
    /// Enough tracked processes run, or not any more (or too many).
    Quorum { process: Name, gained: bool },
    /// A link went up or down; `polled`: by its beat, not by the kernel's word.
    LinkState { interface: Name, up: bool, polled: bool },
    /// Links are polled.
    Polling,
    /// A link is polled in another way than was told, which does not work.
    PolledOtherwise { interface: Name, told: Polling, by: Polling },
    /// A link need not be polled: nobody cares for it, or it is one of our own.
    NotPolled { interface: Name, own: bool },
    /// A link appeared that we are configured to use.
    LinkAdded { interface: Name },
    /// A link we use is gone.
    LinkDeleted { interface: Name },
    /// The kernel made or removed a link of our own.
    OwnLink { instance: Name, interface: Name, kind: LinkKind, made: bool },
    /// The kernel refused a link of our own, or something about it.
    OwnLinkRefused { instance: Name, interface: Name, kind: LinkKind, refusal: Refusal },
    /// Somebody removed or renamed a link of our own; it is made again (D1).
    OwnLinkTaken { instance: Name, interface: Name, kind: LinkKind, restored: bool },
    /// A link we use has another name now.
    LinkRenamed { from: Name, to: Name },
    /// A tracked link has this address (at start, or now).
    AddressAssigned { interface: Name, ip: IpAddr },
    /// A tracked link lost this address.
    AddressDeassigned { interface: Name, ip: IpAddr },
    /// Somebody removed one of our addresses; `restored`: we put it back (D1).
    AddressTaken { instance: Name, interface: Name, key: AddressKey, restored: bool },
    /// The same of a route or rule.
    RoutingTaken { instance: Name, key: Key, spec: Spec, restored: bool },
    /// Others removed our addresses too often; we stand aside (D1).
    GivingUpAddresses { instance: Name, removals: usize, within: Micros },
    /// A reload dropped this address; `instance`: whose it was, none for a static one.
    AddressNoLonger { instance: Option<Name>, interface: Name, key: AddressKey },
    /// A reload dropped this route or rule.
    RoutingNoLonger { key: Key, spec: Spec },
    /// The kernel refused a route or rule; `instance`: whose it is, none for a static one.
    RoutingRefused { instance: Option<Name>, key: Key, spec: Spec, refusal: Refusal },
    /// A static thing that was lost is put back.
    FixtureRestored { fixture: Arc<Fixture> },
    /// The kernel refused an address; `instance` as above.
    AddressRefused { instance: Option<Name>, interface: Name, key: AddressKey, refusal: Refusal },
    /// The kernel took an address that it had refused.
    AddressAccepted { instance: Option<Name>, interface: Name, key: AddressKey },
    /// Gratuitous ARP can be sent from now on (marks the place of a line in the start-up log).
    AnnouncerReady,
    /// A leftover of an earlier run is being removed.
    LeftoverRemoved { link: LinkId, key: AddressKey },
    /// We were asleep for this long (D5).
    Late { by: Micros },
    /// A master's timer was so late that somebody else must be master by now (`timer_expired_backup`).
    SteppingBackLate { instance: Name, by: Micros },
    /// An advert could not be sent.
    SendFailed { instance: Name, destination: IpAddr, errno: i32 },
    /// All members follow one.
    GroupSyncing { group: Name, state: State },
    /// A member starts in FAULT and takes its group along.
    GroupStartsInFault { group: Name, instance: Name },
    /// A killed predecessor's role was taken up.
    Adopted { instance: Name, state: State },
    /// A reload took effect.
    Reloaded { kept: usize, restarted: usize, added: usize, removed: usize },
}
