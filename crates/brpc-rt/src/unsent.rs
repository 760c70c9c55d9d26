//! How much the system holds of what this side has written.

/// Bounds what the system holds of a TCP stream's unsent bytes, where it can; elsewhere this does
/// nothing. What is in flight isn't bounded, so it costs no throughput on long links.
///
/// Without it, Linux takes some MiB at once and then nothing for long, so a slow peer seems to have
/// stopped; and a call that the plugin hasn't seen is in doubt.
#[cfg(any(target_os = "android", target_os = "linux"))]
pub fn bound_unsent(stream: &impl std::os::fd::AsFd) {
    // A system that refuses holds more, and nothing else changes.
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

/// Bounds what the system holds of unsent bytes, where it can: not here.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub fn bound_unsent<S>(_stream: &S) {}

/// The most unsent bytes when the system asks for more. At 16 kbit/s, which is about the slowest
/// rate of a peer, the system must ask several times in a window.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 16 * 1024;
