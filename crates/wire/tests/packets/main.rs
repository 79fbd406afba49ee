//! Packets of both families and with every kind of authentication: recorded ones, made ones, damaged ones.

mod captures;
mod recorded;
mod refusals;
mod round_trips;
