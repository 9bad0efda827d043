//! Connections to addresses that were checked.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long one address is waited for before the next is tried beside it (RFC 8305 recommends 250 ms): a name with a
/// dead IPv6 address must not cost a whole timeout.
const STAGGER: Duration = Duration::from_millis(250);

/// The first connection that comes about, to one of `addresses` and to nothing else.
pub(crate) async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address");
    loop {
        if let Some(next) = waiting.next() {
            attempts.push(TcpStream::connect(next));
        }
        let more = waiting.len() > 0;
        tokio::select! {
            finished = attempts.next() => match finished {
                Some(Ok(stream)) => {
                    // Small writes of a request must not wait for acknowledgements.
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Some(Err(error)) => failure = error,
                None => return Err(failure),
            },
            () = sleep(STAGGER), if more => {}
        }
    }
}

/// The two families in turn, beginning with that of the first address.
fn alternate(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let leader = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut ours, mut others): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == leader);
    ours.reverse();
    others.reverse();
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(ours.pop());
        turns.extend(others.pop());
    }
    turns
}
