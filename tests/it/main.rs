//! Hub and plugin together, through the surface that users have.

#![allow(unreachable_pub)] // Methods of plugins are `pub` to be exposed.
#![allow(clippy::unused_self)] // They take `&self` for the same reason.
#![allow(clippy::unused_async)] // And are async to be tested as such.
#![allow(clippy::needless_pass_by_value)] // Their inputs are owned.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod support;

mod auth;
mod auto_traits;
mod broadcasts;
mod calls;
mod cancelling;
mod checking;
mod clients;
mod credentials;
mod descriptions;
mod dialling_securely;
mod drain;
mod dropping;
mod encryption;
mod errors;
mod events;
mod faults_of_the_original;
mod first_answers;
mod floods;
mod gob;
mod handshake;
mod heartbeats;
mod in_doubt;
mod in_place;
mod insecure;
mod labels;
mod lagging;
mod limits;
mod listeners;
mod logs;
mod metadata;
mod middleware;
mod mute;
mod naming;
mod on_disconnect;
mod original;
mod panics;
mod passing_through;
mod payloads;
mod presence;
mod reconnecting;
mod registry;
mod resuming;
mod retrying;
mod rows;
mod securing;
mod selecting;
mod shutdown;
mod slow_peers;
mod spans;
mod stuck;
mod takeover;
mod testing;
mod unread_answers;
mod wait_for_plugin;
mod waiting;
mod wakers;
