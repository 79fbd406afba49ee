//! `keepalived.stats`, to the column (`spec` runtime 7.4).

use keepalived_core::Counters;
use keepalived_core::view::{InstanceView, View};
use keepalived_wire::reject::Reject;

/// Counters under the names the original gives them, in its order, as both of its files have them. What it has no
/// name for is counted all the same, and told elsewhere.
pub struct Named {
    pub length: u64,
    pub ttl: u64,
    pub packet_type: u64,
    /// The original never counts these, whatever the name says.
    pub interval: u64,
    pub address_list: u64,
    pub auth_type_unknown: u64,
    pub auth_type_mismatch: u64,
    pub auth_failure: u64,
    pub signature_missing: u64,
    pub signature_malformed: u64,
    pub signature_key_unknown: u64,
    pub signature_wrong: u64,
    pub signature_stale: u64,
    pub signature_replayed: u64,
}

impl From<&Counters> for Named {
    fn from(counters: &Counters) -> Self {
        let count = |reason: Reject| counters.rejected.count(reason);
        let lengths =
            [Reject::Length { received: 0, expected: 0 }, Reject::TotalLength { stated: 0, received: 0 }];
        let mismatches =
            [Reject::AuthHeader { present: true }, Reject::AuthTypeMismatch { received: 0, expected: 0 }];
        let failures = [
            Reject::Password,
            Reject::IntegrityValue,
            Reject::SecurityParameters { received: 0, expected: 0 },
            Reject::Sequence { received: 0, local: 0 },
        ];
        Self {
            length: lengths.map(count).iter().sum(),
            ttl: count(Reject::Ttl { received: 0 }),
            packet_type: count(Reject::Type { received: 0 }),
            interval: 0,
            address_list: counters.list_differs + count(Reject::Destination { multicast_received: true }),
            auth_type_unknown: count(Reject::AuthTypeUnknown { received: 0 }),
            auth_type_mismatch: mismatches.map(count).iter().sum(),
            auth_failure: failures.map(count).iter().sum(),
            signature_missing: counters.unsigned + count(Reject::SignatureMissing),
            signature_malformed: count(Reject::SignatureMalformed),
            signature_key_unknown: count(Reject::SignatureKeyUnknown { id: 0 }),
            signature_wrong: count(Reject::SignatureWrong),
            signature_stale: count(Reject::StampStale { skew: 0, window: 0 }),
            signature_replayed: count(Reject::StampReplayed),
        }
    }
}

/// The whole file.
pub fn text(view: &View<'_>) -> String {
    view.instances.iter().map(instance).collect()
}

fn instance(instance: &InstanceView<'_>) -> String {
    let counters = instance.counters;
    let named = Named::from(counters);
    format!(
        "VRRP Instance: {}
  Advertisements:
    Received: {}
    Sent: {}
  Became master: {}
  Released master: {}
  Packet Errors:
    Length: {}
    TTL: {}
    Invalid Type: {}
    Advertisement Interval: {}
    Address List: {}
  Authentication Errors:
    Invalid Type: {}
    Type Mismatch: {}
    Failure: {}
  Authentication Extension Errors:
    Missing: {}
    Malformed: {}
    Unknown Key: {}
    Invalid HMAC: {}
    Stale: {}
    Replay: {}
  Priority Zero:
    Received: {}
    Sent: {}
",
        instance.name,
        counters.accepted,
        counters.sent,
        counters.became_master,
        counters.released_master,
        named.length,
        named.ttl,
        named.packet_type,
        named.interval,
        named.address_list,
        named.auth_type_unknown,
        named.auth_type_mismatch,
        named.auth_failure,
        named.signature_missing,
        named.signature_malformed,
        named.signature_key_unknown,
        named.signature_wrong,
        named.signature_stale,
        named.signature_replayed,
        counters.zero_received,
        counters.zero_sent,
    )
}
