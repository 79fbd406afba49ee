//! What only version 2 has: authentication data and intervals of whole seconds (RFC 3768 §5.3, RFC 2338 §5.3.6).

use keepalived_model::Micros;
use keepalived_model::vrrp::Family;

use super::message::{AUTH_LENGTH, Message};
use super::{Guard, ah};
use crate::ipv4::Datagram;
use crate::reject::Reject;

const TYPE_NONE: u8 = 0;
const TYPE_PASSWORD: u8 = 1;
const TYPE_AUTH_HEADER: u8 = 2;

/// Authentication type, then its data; the sequence number of an authentication header that is right.
pub fn check_auth(
    message: &Message<'_>,
    around: Option<&Datagram<'_>>,
    guard: &Guard<'_>,
) -> Result<Option<u32>, Reject> {
    let [received, _] = message.middle;
    let expected = match guard {
        Guard::None | Guard::Hmac(_) => TYPE_NONE,
        Guard::Password(_) => TYPE_PASSWORD,
        Guard::AuthHeader { .. } => TYPE_AUTH_HEADER,
    };
    if received > TYPE_AUTH_HEADER {
        return Err(Reject::AuthTypeUnknown { received });
    }
    if received != expected {
        return Err(Reject::AuthTypeMismatch { received, expected });
    }
    match (guard, message.family) {
        (Guard::Password(password), Family::V4) if !message.rest.starts_with(&password[..]) => {
            Err(Reject::Password)
        }
        (Guard::AuthHeader { key, heard }, Family::V4) => {
            around.map(|datagram| ah::check(datagram, message.octets(), key, *heard)).transpose()
        }
        // Over IPv6 there is no room for a password. The original compares it with what lies behind the packet
        // in its memory, and dies (2.2.7).
        (Guard::None | Guard::Hmac(_) | Guard::Password(_) | Guard::AuthHeader { .. }, _) => Ok(None),
    }
}

/// The sender's interval, which has to be ours.
pub fn check_interval(message: &Message<'_>, ours: Micros) -> Result<Micros, Reject> {
    let [_, received] = message.middle;
    let expected = seconds(ours);
    if received == expected {
        Ok(Micros::from_secs(u64::from(received)))
    } else {
        Err(Reject::Interval { received, expected })
    }
}

/// Authentication type and interval.
pub fn middle(guard: AuthData<'_>, interval: Micros) -> [u8; 2] {
    let kind = match guard {
        AuthData::None => TYPE_NONE,
        AuthData::Password(_) => TYPE_PASSWORD,
        AuthData::AuthHeader => TYPE_AUTH_HEADER,
    };
    [kind, seconds(interval)]
}

/// What an advert says of its authentication.
#[derive(Clone, Copy, Debug)]
pub enum AuthData<'a> {
    None,
    Password(&'a [u8; AUTH_LENGTH]),
    AuthHeader,
}

impl AuthData<'_> {
    /// The octets at a message's end.
    pub fn octets(self) -> [u8; AUTH_LENGTH] {
        match self {
            Self::None | Self::AuthHeader => [0; AUTH_LENGTH],
            Self::Password(password) => *password,
        }
    }
}

fn seconds(interval: Micros) -> u8 {
    u8::try_from(interval.as_secs()).unwrap_or(u8::MAX)
}
