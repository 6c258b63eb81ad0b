//! The port.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs as _};

use socket2::{Domain, Protocol, Socket, Type};

/// Opens the port `host:port`. `[::]` (also written as nothing) takes IPv6 and IPv4; on a machine
/// without IPv6 it is 0.0.0.0, and the second part of the answer says so.
///
/// # Errors
/// One line that says what is wrong.
pub(crate) fn listen(address: &str) -> Result<(TcpListener, Option<String>), String> {
    let wanted = resolve(address)?;
    match open(wanted) {
        Ok(listener) => Ok((listener, None)),
        Err(error) if wanted.ip() == Ipv6Addr::UNSPECIFIED && lacks_ipv6(&error) => {
            let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted.port()));
            let note = format!("this machine has no IPv6 ({error}); listening on {fallback}");
            let listener = open(fallback).map_err(|error| explain(fallback, &error))?;
            Ok((listener, Some(note)))
        }
        Err(error) => Err(explain(wanted, &error)),
    }
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let full = if address.starts_with(':') { format!("[::]{address}") } else { address.to_owned() };
    let bad = |what: String| {
        format!("listen: {address:?} is no address ({what}); write for example [::]:9099")
    };
    full.to_socket_addrs()
        .map_err(|error| bad(error.to_string()))?
        .next()
        .ok_or_else(|| bad("nothing found".to_owned()))
}

fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        // EAFNOSUPPORT
        || error.raw_os_error() == Some(97)
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {} is taken: something listens on {address} already; stop it, or choose another \
             port with --listen",
            address.port()
        ),
        io::ErrorKind::PermissionDenied => {
            format!("no permission to listen on {address}; ports below 1024 need privileges")
        }
        _ => format!("can't listen on {address}: {error}"),
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    // A restarted server gets its port back at once; two at a time still can't have it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let (first, _) = listen("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(&address.to_string()).unwrap_err();
        let start = format!("port {} is taken: ", address.port());
        assert!(error.starts_with(&start), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in ["", "9099", "localhost", "host.invalid:x"] {
            assert!(listen(address).unwrap_err().contains("is no address"), "{address}");
        }
    }
}
