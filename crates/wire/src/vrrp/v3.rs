//! What only version 3 has: intervals of centiseconds and, over IPv4, three forms of the checksum
//! (RFC 5798 §5.2.7 and §5.2.8, `spec` runtime 3.3).

use std::net::{IpAddr, Ipv4Addr};

use keepalived_model::Micros;
use keepalived_model::vrrp::{Checksum, OldChecksum};

use super::message::Message;
use crate::checksum::Checksum as Sum;
use crate::ipv4::PROTOCOL_VRRP;

/// The longest interval there is: twelve bits of centiseconds.
const CENTIS_MAX: u16 = 0x0fff;
/// What the original up to 1.3.6 took for the destination in the checksum of unicast adverts.
const OLD_PSEUDO_DESTINATION: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));

/// What the checksum of an advert over IPv4 covers beside the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChecksumForm {
    /// A pseudo header with both addresses, as RFC 5798 says.
    #[default]
    Standard,
    /// A pseudo header with the multicast group, whoever it goes to (`old_unicast_checksum`).
    OldUnicast,
    /// Nothing, as in version 2 (`v3_checksum_as_v2`).
    AsVersion2,
}

/// The form to send with. A peer that is seen using the old form is still sent the standard one, which all that
/// understand the old form understand too (`spec` runtime 3.3).
pub fn form_to_send(rules: Checksum, is_unicast: bool) -> ChecksumForm {
    match (rules.as_v2, rules.old_unicast) {
        (true, _) => ChecksumForm::AsVersion2,
        (false, OldChecksum::Always) if is_unicast => ChecksumForm::OldUnicast,
        (false, OldChecksum::Always | OldChecksum::Detect | OldChecksum::Never) => ChecksumForm::Standard,
    }
}

/// The sum to begin with.
pub fn sum_before(form: ChecksumForm, source: IpAddr, destination: IpAddr, length: usize) -> Sum {
    match form {
        ChecksumForm::Standard => Sum::over_pseudo_header(source, destination, PROTOCOL_VRRP, length),
        ChecksumForm::OldUnicast => {
            Sum::over_pseudo_header(source, OLD_PSEUDO_DESTINATION, PROTOCOL_VRRP, length)
        }
        ChecksumForm::AsVersion2 => Sum::default(),
    }
}

/// The form of the checksum these octets have, of those that are good enough. For unicast the old one is, unless
/// forbidden; the original settles for the first form it meets and refuses the other from then on, by which
/// nothing is gained while two neighbors are being upgraded. `v3_checksum_as_v2` takes wrong ones too.
pub fn checksum_form(
    octets: &[u8],
    (source, destination): (IpAddr, IpAddr),
    is_unicast: bool,
    rules: Checksum,
) -> Option<ChecksumForm> {
    let is =
        |form: &ChecksumForm| sum_before(*form, source, destination, octets.len()).with(octets).finish() == 0;
    let may_be_old = is_unicast && rules.old_unicast != OldChecksum::Never;
    let forms = [Some(ChecksumForm::Standard), may_be_old.then_some(ChecksumForm::OldUnicast)];
    let found = forms.into_iter().flatten().find(is);
    found.or(rules.as_v2.then_some(ChecksumForm::AsVersion2))
}

/// The sender's interval; may be zero.
pub fn interval(message: &Message<'_>) -> Micros {
    Micros::from_centis(u64::from(u16::from_be_bytes(message.middle) & CENTIS_MAX))
}

/// Reserved bits, all clear, and interval.
pub fn middle(interval: Micros) -> [u8; 2] {
    let Micros(micros) = interval;
    let centis = u16::try_from(micros / Micros::from_centis(1).0).unwrap_or(CENTIS_MAX);
    centis.min(CENTIS_MAX).to_be_bytes()
}
