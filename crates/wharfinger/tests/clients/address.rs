//! Addresses for servers that are started again.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// An address of the loopback network that no other test has, nor one of another run: so nobody takes the port between
/// two servers.
pub(crate) fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = (std::process::id() << 8) | (NEXT.fetch_add(1, Ordering::Relaxed) & 0xff);
    Ipv4Addr::from(0x7f40_0000 | (number & 0x003f_ffff))
}
