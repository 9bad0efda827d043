//! How much there may be of each kind of mailbox.

use tidegate_bindings::gateway::tidegate::gateway::mailboxes::Error;

/// Mailboxes of one kind. A client that opens conversations without end must meet a wall before memory does.
const MAILBOXES: usize = 10_000;
/// Durable mailboxes: each stands for work that a client may come back for, and costs the disk.
const DURABLE: usize = 1_000;
/// Bytes in all mailboxes of one kind, for the same reason. Durable ones are in memory too.
pub(super) const BYTES: usize = 64 << 20;
/// Mailboxes within one other: the streams that a conversation may have open. One that opens more must not take those of
/// others.
pub(super) const INNER: usize = 64;

/// The kinds of mailboxes. Each has room of its own, so that none crowds out another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In memory.
    Plain,
    /// In memory, and gone with another.
    Inner,
    /// On the disk too.
    Durable,
}

/// What is taken of the room of each kind.
#[derive(Default)]
pub(super) struct Rooms([Room; 3]);

#[derive(Default)]
struct Room {
    mailboxes: usize,
    bytes: usize,
}

impl Rooms {
    fn room(&mut self, kind: Kind) -> &mut Room {
        let [plain, inner, durable] = &mut self.0;
        match kind {
            Kind::Plain => plain,
            Kind::Inner => inner,
            Kind::Durable => durable,
        }
    }

    /// Takes room for a mailbox with so many bytes.
    pub(super) fn enter(&mut self, kind: Kind, bytes: usize) -> Result<(), Error> {
        let most = if kind == Kind::Durable { DURABLE } else { MAILBOXES };
        let room = self.room(kind);
        if room.mailboxes >= most || room.bytes.saturating_add(bytes) > BYTES {
            return Err(Error::Full);
        }
        room.mailboxes += 1;
        room.bytes += bytes;
        Ok(())
    }

    /// The same for one that is there already, whatever the bounds say.
    pub(super) fn enter_again(&mut self, kind: Kind, bytes: usize) {
        let room = self.room(kind);
        room.mailboxes += 1;
        room.bytes += bytes;
    }

    /// Gives back the room of a mailbox.
    pub(super) fn leave(&mut self, kind: Kind, bytes: usize) {
        let room = self.room(kind);
        room.mailboxes = room.mailboxes.saturating_sub(1);
        room.bytes = room.bytes.saturating_sub(bytes);
    }

    /// Takes room for a message.
    pub(super) fn grow(&mut self, kind: Kind, bytes: usize) -> Result<(), Error> {
        let room = self.room(kind);
        if room.bytes.saturating_add(bytes) > BYTES {
            return Err(Error::Full);
        }
        room.bytes += bytes;
        Ok(())
    }

    /// Gives back the room of messages.
    pub(super) fn shrink(&mut self, kind: Kind, bytes: usize) {
        let room = self.room(kind);
        room.bytes = room.bytes.saturating_sub(bytes);
    }
}

/// Whether one more fits within a mailbox.
pub(super) fn check_inner(there: usize) -> Result<(), Error> {
    if there < INNER { Ok(()) } else { Err(Error::Full) }
}
