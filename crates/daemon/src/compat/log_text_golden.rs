//! Every fact and its line, word by word (`spec` runtime 2.3–2.6).

use super::*;
use keepalived_model::link::Polling;
use keepalived_model::{LinkId, MacAddr, Vrid};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 100));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
const KEY: AddressKey = AddressKey { link: LinkId(2), ip: V4, prefix_len: 32 };

fn words(report: &Report) -> Option<(Level, String)> {
    let pids = BTreeMap::from([(RunId(4), 4711)]);
    line(report, &Surroundings { pids: &pids, log_unknown_vrids: true }).map(|line| (line.level, line.text))
}

/// `-D` in front marks a line that only detailed logging shows; an empty text is no line at all.
fn check(rows: Vec<(Report, &str)>) {
    for (report, expected) in rows {
        let expected = match (expected, expected.strip_prefix("-D ")) {
            ("", _) => None,
            (_, Some(text)) => Some((Level::Detail, text.to_owned())),
            (text, None) => Some((Level::Info, text.to_owned())),
        };
        assert_eq!(words(&report), expected, "{report:?}");
    }
}

fn name(text: &str) -> keepalived_core::report::Name {
    text.into()
}

#[test]
fn states_are_told_as_by_the_original() {
    let instance = || name("VI_1");
    let entered = |state, init| Report::Entered { instance: instance(), state, init };
    let fault = |fault| Report::StartsInFault { instance: instance(), fault };
    let v6 = "fd00::1".parse().unwrap();
    check(vec![
        (entered(State::Backup, true), "(VI_1) Entering BACKUP STATE (init)"),
        (entered(State::Fault, true), "(VI_1) Entering FAULT STATE (init)"),
        (entered(State::Backup, false), "(VI_1) Entering BACKUP STATE"),
        (entered(State::Master, false), "(VI_1) Entering MASTER STATE"),
        (entered(State::Fault, false), "(VI_1) Entering FAULT STATE"),
        (entered(State::Init, true), ""),
        (fault(Fault::LinkDown(name("eth0"))), "(VI_1): entering FAULT state (interface eth0 down)"),
        (fault(Fault::NoAddress(Family::V4)), "(VI_1) entering FAULT state (no IPv4 address for interface)"),
        (fault(Fault::NoAddress(Family::V6)), "(VI_1) entering FAULT state (no IPv6 address for interface)"),
        (fault(Fault::NoSource), "(VI_1): entering FAULT state (src address not configured)"),
        (fault(Fault::Script(name("chk"))), "(VI_1): entering FAULT state due to script chk"),
        (fault(Fault::Group), ""),
        (fault(Fault::AddressesTaken), "(VI_1) entering FAULT state (others keep removing its addresses)"),
        (
            fault(Fault::NoMulticast(name("eth0"))),
            "(VI_1) entering FAULT state (interface eth0 does not do multicast)",
        ),
        (Report::SettingAddresses { instance: instance(), excluded: false }, "-D (VI_1) setting VIPs."),
        (Report::SettingAddresses { instance: instance(), excluded: true }, "-D (VI_1) setting E-VIPs."),
        (Report::RemovingAddresses { instance: instance(), excluded: false }, "-D (VI_1) removing VIPs."),
        (Report::RemovingAddresses { instance: instance(), excluded: true }, "-D (VI_1) removing E-VIPs."),
        (Report::Barring { instance: instance(), set: true }, "-D (VI_1) setting firewall drop rule"),
        (Report::Barring { instance: instance(), set: false }, "-D (VI_1) removing firewall drop rule"),
        (
            Report::QueueingGarp { instance: instance(), interface: name("eth0"), ip: V4 },
            "-D (VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.9.0.100",
        ),
        (
            Report::QueueingGarp { instance: instance(), interface: name("eth0"), ip: v6 },
            "-D (VI_1) Sending/queueing Unsolicited Neighbour Adverts on eth0 for fd00::1",
        ),
        (
            Report::SendingGarp { interface: name("eth0"), ip: V4 },
            "-D Sending gratuitous ARP on eth0 for 10.9.0.100",
        ),
        (
            Report::SendingGarp { interface: name("eth0"), ip: v6 },
            "-D Sending unsolicited Neighbour Advert on eth0 for fd00::1",
        ),
        (Report::SentZero { instance: instance() }, "-D (VI_1) sent 0 priority"),
        (Report::AnnouncerReady, "-D Registering gratuitous ARP shared channel"),
        (Report::StartDelayed { length: Micros(4_000_000) }, "Delaying startup for 4 seconds"),
        (Report::StartDelayed { length: Micros(1_050_000) }, "Delaying startup for 1.05 seconds"),
        (Report::StartDelayOver, "Delayed start completed"),
        (
            Report::GroupSyncing { group: name("G1"), state: State::Master },
            "VRRP_Group(G1) Syncing instances to MASTER state",
        ),
        (
            Report::GroupStartsInFault { group: name("G1"), instance: instance() },
            "VRRP_Group(G1): Syncing VI_1 to FAULT state",
        ),
        (
            Report::Adopted { instance: instance(), state: State::Master },
            "(VI_1) Taking up MASTER STATE where the process before left it",
        ),
        (
            Report::Reloaded { kept: 1, restarted: 2, added: 3, removed: 4 },
            "-D Configuration in force: 1 kept, 2 restarted, 3 added, 4 removed",
        ),
    ]);
}

#[test]
fn elections_are_told_as_by_the_original() {
    let instance = || name("VI_1");
    let from = PEER;
    let forcing =
        |answered| Report::ForcingElection { instance: instance(), from, priority: 90, ours: 100, answered };
    let failed = |destination| Report::SendFailed { instance: instance(), destination, errno: 101 };
    check(vec![
        (Report::AdvertTimeout { instance: instance() }, "-D (VI_1) Receive advertisement timeout"),
        (
            Report::HeardZero { instance: instance(), as_master: false },
            "-D (VI_1) Backup received priority 0 advertisement",
        ),
        (
            Report::HeardZero { instance: instance(), as_master: true },
            "-D (VI_1) Master received priority 0 message",
        ),
        (
            Report::LowerDiscarded { instance: instance(), from, priority: 101 },
            "(VI_1) received lower priority (101) advert from 10.9.0.2 - discarding",
        ),
        (
            forcing(true),
            "(VI_1) Received advert from 10.9.0.2 with lower priority 90, ours 100, forcing new election",
        ),
        (forcing(false), "(VI_1) Received advert from 10.9.0.2 with lower priority 90, ours 100"),
        (
            Report::HigherHeard { instance: instance(), from, priority: 150, ours: 100 },
            "(VI_1) Master received advert from 10.9.0.2 with higher priority 150, ours 100",
        ),
        (
            Report::EqualHigherAddress { instance: instance(), from, priority: 100 },
            "(VI_1) Master received advert from 10.9.0.2 with same priority 100 but higher IP address than ours",
        ),
        (
            Report::EqualOwnAddress { instance: instance() },
            "(VI_1) WARNING - equal priority advert received from remote host with our IP address.",
        ),
        (
            Report::BothOwners { instance: instance(), from },
            "(VI_1) CONFIGURATION ERROR: local instance and 10.9.0.2 are both configured as address owner, please \
             resolve",
        ),
        (
            Report::EffectivePriority { instance: instance(), from: 100, to: 102 },
            "(VI_1) Changing effective priority from 100 to 102",
        ),
        (
            Report::PreemptDelayStarted { instance: instance(), length: Micros(5_000_000) },
            "-D (VI_1) start preempt delay (5.000000)",
        ),
        (Report::PreemptDelayStopped { instance: instance() }, "-D (VI_1) stop preempt delay"),
        (Report::MasterSet { instance: instance(), to: from }, "-D (VI_1) master set to 10.9.0.2"),
        (
            Report::MasterChanged { instance: instance(), from, to: V4 },
            "-D (VI_1) master changed from 10.9.0.2 to 10.9.0.100",
        ),
        (
            Report::IntervalAdopted { instance: instance(), from: Micros(1_000_000), to: Micros(250_000) },
            "-D (VI_1) advertisement interval updated from 1000ms to 250ms by master",
        ),
        (
            Report::SteppingBackLate { instance: instance(), by: Micros(4_000_001) },
            "VRRP thread timer expired 4.000001 seconds ago",
        ),
        (Report::Late { by: Micros(5_600_284) }, "A thread timer expired 5.600284 seconds ago"),
        (failed(IpAddr::from([224, 0, 0, 18])), "(VI_1): send advert error 101 (Network is unreachable)"),
        (failed(PEER), "(VI_1) Cant send advert to 10.9.0.2 (Network is unreachable)"),
    ]);
}

/// Those that only packets over IPv6, with authentication headers or with signatures can give.
const OF_THE_NEWER_KINDS: [(Reject, &str); 13] = [
    (Reject::TooShortForAuthHeader { length: 51 }, "(VI_1) IPv4 VRRP packet with AH too short - 51 bytes"),
    (Reject::TooShortV6 { length: 7 }, "(VI_1) IPv6 VRRP packet too short - 7 bytes"),
    (Reject::SignatureMissing, "(VI_1) missing authentication trailer from 10.9.0.2"),
    (Reject::SignatureMalformed, "(VI_1) malformed authentication trailer from 10.9.0.2"),
    (Reject::SignatureKeyUnknown { id: 8 }, "(VI_1) unknown authentication key id 8 from 10.9.0.2"),
    (Reject::SignatureWrong, "(VI_1) invalid authentication HMAC from 10.9.0.2"),
    (
        Reject::StampStale { skew: -7, window: 5 },
        "(VI_1) stale authentication trailer from 10.9.0.2, clock skew -7 sec exceeds window 5 sec",
    ),
    (Reject::StampReplayed, "(VI_1) replayed authentication trailer from 10.9.0.2"),
    (
        Reject::IntegrityValue,
        "(VI_1) IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !",
    ),
    // As 2.2.7 said it of SPI 1.2.3.4 from 10.9.0.2 on a machine of the usual byte order.
    (
        Reject::SecurityParameters { received: 0x0102_0304, expected: 0x0a09_0002 },
        "IPSEC AH : invalid IPSEC SPI value. 33556746 and expect 67305985",
    ),
    (
        Reject::Sequence { received: 5, local: 10 },
        "(VI_1) IPSEC-AH : sequence number 5 already processed. Packet dropped. Local(10)",
    ),
    (Reject::WeAreOwner, "(VI_1) Dropping packet(s) from 10.9.0.2 since we are address owner"),
    (
        Reject::TtlRange { received: 255, least: 60, most: 200 },
        "(VI_1) TTL/HL 255 from 10.9.0.2 not in range 60 - 200",
    ),
];

#[test]
fn every_reject_reason_is_told_once_and_names_the_sender() {
    let rejected = |reason, first| Report::Rejected { instance: name("VI_1"), from: PEER, reason, first };
    let reasons = [
        (Reject::TooShort { length: 19 }, "(VI_1) IPv4 VRRP packet too short - 19 bytes"),
        (
            Reject::AuthHeader { present: true },
            "(VI_1) Received AH header but auth type not AH from 10.9.0.2",
        ),
        (Reject::AuthHeader { present: false }, "(VI_1) No AH header but auth type is AH from 10.9.0.2"),
        (
            Reject::Length { received: 44, expected: 40 },
            "(VI_1) vrrp packet from 10.9.0.2 too long, length 44 and expect 40",
        ),
        (
            Reject::Length { received: 36, expected: 40 },
            "(VI_1) vrrp packet from 10.9.0.2 too short, length 36 and expect 40",
        ),
        (Reject::Ttl { received: 64 }, "(VI_1) invalid TTL/HL from 10.9.0.2. Received 64 and expect 255"),
        (
            Reject::Version { received: 3, expected: 2 },
            "(VI_1) wrong VRRP version from 10.9.0.2. Received 3 and expect 2",
        ),
        (Reject::AuthTypeUnknown { received: 9 }, "(VI_1) Invalid auth type from 10.9.0.2: 9"),
        (
            Reject::AuthTypeMismatch { received: 0, expected: 1 },
            "(VI_1) received a 0 auth from 10.9.0.2, expecting 1!",
        ),
        (Reject::Password, "(VI_1) received an invalid passwd from 10.9.0.2!"),
        (
            Reject::Interval { received: 2, expected: 1 },
            "(VI_1) advertisement interval mismatch with 10.9.0.2 mine=1 sec rcv'd=2 sec",
        ),
        (Reject::Type { received: 2 }, "(VI_1) Invalid packet type from 10.9.0.2. 2 and expect 1"),
        (
            Reject::TotalLength { stated: 40, received: 44 },
            "(VI_1) ip_tot_len mismatch against received length from 10.9.0.2. 40 and received 44",
        ),
        (Reject::Checksum { version: 2 }, "(VI_1) Invalid VRRPv2 checksum from 10.9.0.2"),
        (
            Reject::Destination { multicast_received: true },
            "(VI_1) Expected unicast packet but received multicast packet from 10.9.0.2",
        ),
        (
            Reject::Destination { multicast_received: false },
            "(VI_1) Expected multicast packet but received unicast packet from 10.9.0.2",
        ),
        (Reject::NotAPeer, "(VI_1) unicast source address 10.9.0.2 not a unicast peer"),
    ];
    for (reason, text) in reasons.into_iter().chain(OF_THE_NEWER_KINDS) {
        check(vec![(rejected(reason, true), text), (rejected(reason, false), "")]);
    }
    let all = reasons.iter().chain(&OF_THE_NEWER_KINDS);
    let kinds: std::collections::BTreeSet<usize> = all.map(|(reason, _)| reason.kind()).collect();
    assert_eq!(kinds.len(), keepalived_wire::reject::KINDS);
}

#[test]
fn packets_that_differ_are_told_as_by_the_original() {
    let (instance, from, first) = (name("VI_1"), PEER, true);
    let differs =
        |first| Report::AddressCountDiffers { instance: name("VI_1"), from, expected: 2, received: 1, first };
    check(vec![
        (
            Report::Unreadable { reason: Reject::TooShort { length: 27 } },
            "IPv4 VRRP packet too short - 27 bytes",
        ),
        (Report::Unreadable { reason: Reject::Password }, "IPv4 VRRP packet not readable - Password"),
        (
            Report::UnknownVrid { vrid: 51, interface: name("eth0") },
            "Unknown VRID(51) received on interface(eth0). ignoring...",
        ),
        (
            Report::OldChecksum { instance: name("VI_1"), from, first },
            "(VI_1) Setting unicast VRRPv3 checksum to old version",
        ),
        (
            Report::SkewNearsWindow {
                instance: name("VI_1"),
                from,
                skew: -3,
                window: Micros::from_secs(5),
                first,
            },
            "(VI_1) authentication clock skew -3 sec from 10.9.0.2 approaching window 5 sec",
        ),
        (
            Report::SequenceSkipped { instance: name("VI_1") },
            "(VI_1) IPSEC-AH : Syncing seq_num - Increment seq",
        ),
        (differs(true), "(VI_1) expected 2 VIPs but received 1"),
        (differs(false), ""),
        (
            Report::AddressMissing {
                instance: instance.clone(),
                vrid: Vrid::try_from(51).unwrap(),
                from,
                ip: V4,
                first,
            },
            "(VI_1) ip address associated with VRID 51 not present in advert from 10.9.0.2: 10.9.0.100",
        ),
        (
            Report::IntervalDiffers {
                instance,
                from,
                ours: Micros(1_000_000),
                received: Micros(250_000),
                first,
            },
            "(VI_1) advertisement interval mismatch ours = 100 centi-sec rcv'd=25 centi-sec",
        ),
    ]);
    let quiet = Surroundings { pids: &BTreeMap::new(), log_unknown_vrids: false };
    assert_eq!(line(&Report::UnknownVrid { vrid: 51, interface: name("eth0") }, &quiet), None);
}

#[test]
fn scripts_are_told_as_by_the_original() {
    let script = || name("chk");
    let failed = |exit| Report::ScriptFailed { script: script(), exit };
    let overlap = |ending| Report::ScriptOverlap { script: script(), ending };
    let kept = |up| Report::ScriptKept { script: script(), up };
    check(vec![
        (Report::ScriptSucceeded { script: script() }, "VRRP_Script(chk) succeeded"),
        (failed(Exit::Code(1)), "VRRP_Script(chk) failed (exited with status 1)"),
        (failed(Exit::Signal(15)), "VRRP_Script(chk) failed (due to signal 15)"),
        (failed(Exit::NotRun), "VRRP_Script(chk) failed (could not be run)"),
        (Report::ScriptTimedOut { script: script() }, "VRRP_Script(chk) timed_out"),
        (Report::ScriptNow { script: name("chk"), status: 2 }, "Script `chk` now returning 2"),
        (overlap(false), "Track script chk is already running, expect idle - skipping run"),
        (overlap(true), "Track script chk is being timed out, expect idle - skipping run"),
        (
            Report::ScriptStuck { script: script(), run: RunId(4) },
            "Script chk child (PID 4711) failed to terminate after kill",
        ),
        (kept(true), "VRRP_Script(chk) considered successful on reload"),
        (kept(false), "VRRP_Script(chk) considered unsuccessful on reload"),
    ]);
}

#[test]
fn links_and_addresses_are_told_as_by_the_original() {
    let (instance, interface) = (|| name("VI_1"), || name("eth0"));
    let link = |up| Report::LinkState { interface: interface(), up, polled: false };
    let (ip, by) = (IpAddr::from([10, 9, 0, 100]), MacAddr([2, 0, 0, 0, 0, 9]));
    let contested = Report::Contested { instance: instance(), interface: interface(), ip, by };
    let beat = |up| Report::LinkState { interface: interface(), up, polled: true };
    let idle = |own| Report::NotPolled { interface: interface(), own };
    let (told, by) = (Polling::Mii, Polling::Ethtool);
    let otherwise = Report::PolledOtherwise { interface: interface(), told, by };
    let taken =
        |restored| Report::AddressTaken { instance: instance(), interface: interface(), key: KEY, restored };
    let refusal = Refusal { errno: 22, text: "Invalid argument".into() };
    check(vec![
        (link(true), "Netlink reports eth0 up"),
        (link(false), "Netlink reports eth0 down"),
        (contested, "(VI_1) contested: 02:00:00:00:00:09 claims 10.9.0.100 on eth0 - announcing it again"),
        (beat(true), "Linkbeat reports eth0 up"),
        (beat(false), "Linkbeat reports eth0 down"),
        (Report::Polling, "Using MII-BMSR/ETHTOOL NIC polling thread(s)..."),
        (otherwise, "(eth0): Configured linkbeat type MII not supported, using ETHTOOL"),
        (idle(false), "Turning off linkbeat for eth0 since not used for tracking"),
        (idle(true), "Turning off linkbeat for eth0 since netlink works for vmacs/ipvlans"),
        (Report::LinkAdded { interface: interface() }, "Interface eth0 added"),
        (Report::LinkDeleted { interface: interface() }, "Interface eth0 deleted"),
        (Report::LinkRenamed { from: name("a"), to: name("b") }, "Interface name has changed from a to b"),
        (
            Report::AddressAssigned { interface: interface(), ip: V4 },
            "-D Assigned address 10.9.0.100 for interface eth0",
        ),
        (
            Report::AddressDeassigned { interface: interface(), ip: V4 },
            "-D Deassigned address 10.9.0.100 from interface eth0",
        ),
        (
            taken(true),
            "(VI_1) ip address 10.9.0.100/32 dev eth0 was removed by another program, restoring it",
        ),
        (taken(false), "(VI_1) ip address 10.9.0.100/32 dev eth0 was removed by another program"),
        (
            Report::GivingUpAddresses { instance: instance(), removals: 6, within: Micros(10_000_000) },
            "(VI_1) entering FAULT state (other programs removed its addresses 6 times within 10 seconds)",
        ),
        (
            Report::AddressNoLonger { instance: Some(instance()), interface: interface(), key: KEY },
            "(VI_1) ip address 10.9.0.100/32 dev eth0, no longer exist",
        ),
        (
            Report::AddressRefused { instance: Some(instance()), interface: interface(), key: KEY, refusal },
            "(VI_1) ip address 10.9.0.100/32 dev eth0 refused by the kernel: Invalid argument (22)",
        ),
        (
            Report::AddressAccepted { instance: Some(instance()), interface: interface(), key: KEY },
            "(VI_1) ip address 10.9.0.100/32 dev eth0 set, which the kernel had refused",
        ),
        (
            Report::LeftoverRemoved { link: LinkId(2), key: KEY },
            "-D Removing ip address 10.9.0.100/32 that an earlier run left on the interface with index 2",
        ),
    ]);
}
