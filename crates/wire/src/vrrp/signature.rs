//! The signature of `auth_hmac`, behind a message of any version and family (`spec` runtime 3.3, 2.4.3).
//!
//! ```text
//!  0      1        2..4       4..8      8..10      10..12    12..28
//! ┌──────┬────────┬──────────┬─────────┬──────────┬─────────┬──────────────────────────────────┐
//! │ 1    │ key id │ reserved │ seconds │ fraction │ counter │ HMAC-SHA256 cut to sixteen octets │
//! └──────┴────────┴──────────┴─────────┴──────────┴─────────┴──────────────────────────────────┘
//! ```
//!
//! It covers the sender's address, the message without its checksum, and itself with a value of zero: nothing
//! that differs between unicast copies, so that one signature serves them all.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use keepalived_model::Micros;
use keepalived_model::vrrp::{Hmac as Rules, HmacMode};
use sha2::Sha256;

use super::message::around_checksum;
use super::replay::{Freshness, Signers, Stamp};
use crate::reject::Reject;

/// Octets of the trailer.
pub const TRAILER_LENGTH: usize = 28;
const VALUE_LENGTH: usize = 16;
const PREFIX_LENGTH: usize = TRAILER_LENGTH - VALUE_LENGTH;
/// The only type there is.
const TYPE_SIGNATURE: u8 = 1;

/// Whether what we send is signed.
pub fn signs(mode: HmacMode) -> bool {
    match mode {
        HmacMode::Enforce | HmacMode::Permissive => true,
        HmacMode::ReceiveOnly => false,
    }
}

/// Whether an advert without a signature is heard. One with a wrong signature never is: it is no step of a
/// migration but a wrong key or an attack.
fn hears_unsigned(mode: HmacMode) -> bool {
    match mode {
        HmacMode::Enforce => false,
        HmacMode::Permissive | HmacMode::ReceiveOnly => true,
    }
}

/// Everything a signature is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// Keys and rules. All keys are good, so that they can be changed one router after the other.
    pub rules: &'a Rules,
    /// The wall clock, from 1970.
    pub clock: Micros,
    /// What was heard so far; whoever accepts the advert writes its stamp there.
    pub signers: &'a Signers,
}

impl Verifier<'_> {
    /// Missing, malformed, unknown key, wrong value, stale, replayed: the original's order. The stamp of a good
    /// signature; `None` for an advert that may be unsigned and is.
    pub fn check(&self, source: IpAddr, message: &[u8], behind: &[u8]) -> Result<Option<Stamp>, Reject> {
        let Ok(trailer) = <&[u8; TRAILER_LENGTH]>::try_from(behind) else {
            return if hears_unsigned(self.rules.mode) { Ok(None) } else { Err(Reject::SignatureMissing) };
        };
        let (prefix, value) = split(trailer);
        let [kind, id, _, _, stamp @ ..] = *prefix;
        if kind != TYPE_SIGNATURE {
            return Err(Reject::SignatureMalformed);
        }
        let key = self.rules.keys.get(&id).ok_or(Reject::SignatureKeyUnknown { id })?;
        if covered(key, source, message, prefix).verify_truncated_left(value).is_err() {
            return Err(Reject::SignatureWrong);
        }
        let stamp = Stamp::read(stamp);
        Freshness::from(self.rules).check(stamp, self.signers.last(source), self.clock)?;
        Ok(Some(stamp))
    }
}

/// The trailer for a message, with the active key; of no effect on it is what the checksum field holds. None where
/// nothing is to be signed.
pub fn sign(rules: &Rules, source: IpAddr, message: &[u8], stamp: Stamp) -> Option<[u8; TRAILER_LENGTH]> {
    let key = rules.keys.get(&rules.active).filter(|_| signs(rules.mode))?;
    let [s0, s1, s2, s3, s4, s5, s6, s7] = stamp.octets();
    let prefix = [TYPE_SIGNATURE, rules.active, 0, 0, s0, s1, s2, s3, s4, s5, s6, s7];
    let value = covered(key, source, message, &prefix).finalize().into_bytes();
    let mut trailer = [0; TRAILER_LENGTH];
    trailer.iter_mut().zip(prefix.into_iter().chain(value)).for_each(|(place, octet)| *place = octet);
    Some(trailer)
}

fn split(trailer: &[u8; TRAILER_LENGTH]) -> (&[u8; PREFIX_LENGTH], &[u8]) {
    trailer.split_first_chunk().expect("a trailer is longer than its prefix")
}

/// Family, version, VRID, zero, source address padded to sixteen octets; the message with a checksum of zero; the
/// trailer with a value of zero.
fn covered(key: &[u8], source: IpAddr, message: &[u8], prefix: &[u8; PREFIX_LENGTH]) -> Hmac<Sha256> {
    let [version_type, vrid] = message.first_chunk().copied().unwrap_or_default();
    let (family, address) = match source {
        IpAddr::V4(source) => {
            let [a, b, c, d] = source.octets();
            (4, [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        }
        IpAddr::V6(source) => (6, source.octets()),
    };
    let (before, after) = around_checksum(message);
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&[family, version_type >> 4, vrid, 0]);
    mac.update(&address);
    mac.update(before);
    mac.update(&[0, 0]);
    mac.update(after);
    mac.update(prefix);
    mac.update(&[0; VALUE_LENGTH]);
    mac
}
