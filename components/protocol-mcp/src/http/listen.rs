//! The stream of a legacy session: changes of the catalog, until the client or the session goes.

use std::time::Duration;

use super::calls::SILENCE;
use super::log::IDLE_SECONDS;
use super::outlet::Outlet;
use super::stream::Exit;
use crate::gateway::{Gateway, Source, Watch};
use crate::methods::legacy_change;
use crate::session::HttpSession;

/// For so long an instance writes for a client that comes back again and again, in milliseconds: the host ends instances
/// a day after their own client has gone.
const LONGEST: u64 = 12 * 3_600 * 1_000;

/// Serves it. Only here, not on the streams of requests: a message may go out on one stream only.
///
/// When the client's connection breaks, the watch goes on for a while: the client comes back for what it missed
/// (`resume`), and this instance stays the one that writes.
pub(super) fn serve<G: Gateway, E: Exit>(gateway: &G, session: &mut HttpSession<G::Mailbox>, exit: &mut E) {
    let watch = gateway.watch();
    let mut outlet = Outlet::new(gateway, exit);
    let mut told = outlet.begin(Some(session), true).and_then(|()| outlet.keep_alive());
    // Since when nobody reads, in milliseconds since 1970.
    let mut alone: Option<u64> = None;
    // Since when the client is not here, wherever it reads.
    let mut away: Option<u64> = None;
    while told.is_ok() {
        let mut sources = vec![Source::Watch(&watch), Source::Mailbox(&session.mailbox, session.seen)];
        sources.extend(outlet.log().map(|log| Source::Mailbox(log.mailbox(), log.seen)));
        if outlet.is_open() {
            sources.push(Source::Closed);
        }
        let limit = alone.map_or(SILENCE, |since| left(gateway, since).min(SILENCE));
        if !gateway.wait(&sources, Some(limit)) {
            told = outlet.keep_alive();
        }
        if session.notes().is_none() || outlet.look().is_none() {
            return;
        }
        for change in watch.next() {
            if let (Ok(()), Some(text)) = (&told, legacy_change(&session.session, &change)) {
                told = outlet.event(&text);
            }
        }
        if outlet.is_open() && gateway.is_closed() {
            outlet.close();
        }
        if outlet.is_open() {
            continue;
        }
        let now = gateway.now();
        if outlet.is_attended() {
            alone = None;
        }
        let waited = !outlet.is_attended() && left(gateway, *alone.get_or_insert(now)).is_zero();
        if !outlet.is_kept() || waited || now.saturating_sub(*away.get_or_insert(now)) > LONGEST {
            return outlet.forget();
        }
    }
}

/// How much longer to wait for a client that went then.
fn left<G: Gateway>(gateway: &G, since: u64) -> Duration {
    let away = Duration::from_millis(gateway.now().saturating_sub(since));
    Duration::from_secs(IDLE_SECONDS.into()).saturating_sub(away)
}
