//! Memory between the requests of one conversation: `tidegate:gateway/mailboxes`.

mod entry;
mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_bindings::gateway::tidegate::gateway::mailboxes::{Error, Message, Options};
use tidegate_mailbox_store::{Change, Failure, Kept, Store, Terms};
use tokio::sync::OnceCell;

use self::entry::Entry;
use self::room::{Kind, Rooms};

/// Bytes of one message: the largest body that a protocol keeps for resumption.
const MESSAGE: usize = 8 << 20;
/// Longest time without use.
const IDLE_SECONDS: u32 = 86_400;
/// Most messages of one mailbox.
const MESSAGES: u32 = 4_096;
/// Ids that are given at once.
const LISTED: u32 = 1_000;
/// Mailboxes that were idle too long are looked for at most this often.
const SWEEP: Duration = Duration::from_secs(1);

type Ids = Box<dyn Fn() -> Result<String, Error> + Send + Sync>;

/// The mailboxes of one owner.
pub(crate) struct Mailboxes {
    inner: Mutex<Inner>,
    random: Ids,
    /// Where durable ones are kept, and under which name; nothing: there are none.
    store: Option<(Arc<Store>, String)>,
    /// Whether those of the last run were looked at.
    loaded: OnceCell<()>,
}

/// Somebody waits for a message.
struct Waiting<'a> {
    all: &'a Mailboxes,
    id: &'a str,
}

#[derive(Default)]
struct Inner {
    boxes: HashMap<String, Entry>,
    rooms: Rooms,
    swept: Option<Instant>,
}

impl Mailboxes {
    /// No mailboxes but those that `store` keeps for the owner. `random` makes ids: 32 hexadecimal digits from 128 random
    /// bits.
    pub(crate) fn new(
        store: Option<(Arc<Store>, String)>,
        random: impl Fn() -> Result<String, Error> + Send + Sync + 'static,
    ) -> Self {
        Self { inner: Mutex::default(), random: Box::new(random), store, loaded: OnceCell::new() }
    }

    /// Makes a mailbox for `client` and gives its id. A durable one is on the disk then.
    ///
    /// # Errors
    /// When options or message are out of bounds, there is no room, or the disk refuses.
    pub(crate) async fn create(
        self: &Arc<Self>,
        client: &[u8],
        options: Options,
        first: Vec<u8>,
    ) -> Result<String, Error> {
        check(&options, &first)?;
        let id = (self.random)()?;
        if options.durable {
            self.load().await?;
        }
        let entry = Entry::new(client, &options, first);
        self.lock_swept().reserve(&entry)?;
        if options.durable {
            // In a task of its own: whoever asked may go, and then memory and disk must still agree.
            let (this, id) = (Arc::clone(self), id.clone());
            return detached(async move { this.create_durable(id, entry).await }).await;
        }
        self.lock().insert(id.clone(), entry);
        Ok(id)
    }

    async fn create_durable(&self, id: String, entry: Entry) -> Result<String, Error> {
        let Some((store, owner)) = &self.store else { return Err(no_store()) };
        let terms = Terms { idle_seconds: entry.idle_seconds(), messages: entry.limit(), used: now() };
        let (first, client) = (entry.first(), entry.client().to_vec());
        let made = store.change(Change::Create { owner: owner.clone(), id: id.clone(), client, terms, first }).await;
        let mut inner = self.lock();
        match made {
            Ok(()) => {
                inner.insert(id.clone(), entry);
                Ok(id)
            }
            Err(failure) => {
                inner.rooms.leave(Kind::Durable, entry.bytes());
                Err(refused(&failure))
            }
        }
    }

    /// Whether a mailbox of `client` is there; it counts as used.
    ///
    /// # Errors
    /// When it is not, or is somebody else's: to them it is not there, and their asking does not keep it alive. When the
    /// disk refuses to say.
    pub(crate) async fn open(self: &Arc<Self>, client: &[u8], id: &str) -> Result<(), Error> {
        if self.lock_swept().open(client, id).is_ok() {
            return Ok(());
        }
        self.load().await?;
        self.lock_swept().open(client, id)
    }

    /// Ids of the durable mailboxes of `client`, in order: at most `limit` of those after `after`.
    ///
    /// # Errors
    /// When the disk refuses to say.
    pub(crate) async fn list(self: &Arc<Self>, client: &[u8], after: &str, limit: u32) -> Result<Vec<String>, Error> {
        self.load().await?;
        let inner = self.lock_swept();
        let own = |entry: &Entry| entry.kind() == Kind::Durable && entry.client() == client;
        let boxes = inner.boxes.iter().filter(|(id, entry)| id.as_str() > after && own(entry));
        let mut ids: Vec<String> = boxes.map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids.truncate(limit.min(LISTED) as usize);
        Ok(ids)
    }

    /// The number of the newest message when this host started.
    pub(crate) fn inherited(&self, id: &str) -> u64 {
        self.entry(id, |entry| entry.inherited()).unwrap_or(0)
    }

    /// Adds a message and gives its number. In a durable mailbox it is on the disk then.
    ///
    /// # Errors
    /// When the mailbox is gone, the message is out of bounds, there is no room, or the disk refuses.
    pub(crate) async fn post(self: &Arc<Self>, id: &str, body: Vec<u8>) -> Result<u64, Error> {
        check_message(&body)?;
        let turn = {
            let mut inner = self.lock_swept();
            match inner.entry(id)?.turn() {
                None => return inner.post(id, body),
                Some(turn) => turn,
            }
        };
        let (this, id) = (Arc::clone(self), id.to_owned());
        detached(async move {
            // One after the other: numbers are given when a message is on the disk, and are never given twice.
            let _turn = turn.lock().await;
            this.post_durable(&id, body).await
        })
        .await
    }

    async fn post_durable(&self, id: &str, body: Vec<u8>) -> Result<u64, Error> {
        let Some((store, owner)) = &self.store else { return Err(no_store()) };
        let (number, dropped) = {
            let mut inner = self.lock();
            let entry = inner.entry(id)?;
            let (number, dropped) = (entry.next(), entry.surplus());
            inner.rooms.grow(Kind::Durable, body.len())?;
            (number, dropped)
        };
        let length = body.len();
        let change =
            Change::Post { owner: owner.clone(), id: id.to_owned(), number, body: body.clone(), dropped, used: now() };
        let posted = store.change(change).await;
        let mut inner = self.lock();
        inner.rooms.shrink(Kind::Durable, length);
        posted.map_err(|failure| refused(&failure))?;
        inner.post(id, body)
    }

    /// Messages after a number, oldest first.
    ///
    /// # Errors
    /// When the mailbox is gone.
    pub(crate) fn read(&self, id: &str, after: u64, limit: u32) -> Result<Vec<Message>, Error> {
        self.entry(id, |entry| entry.read(after, limit))
    }

    /// Waits until there is a message after a number, or the mailbox is gone.
    pub(crate) async fn wait(&self, id: &str, after: u64) {
        // Whoever waits uses the mailbox: it is not forgotten under them.
        let _waiting = Waiting::begin(self, id);
        loop {
            let Ok(changed) = self.entry(id, |entry| entry.changed()) else { return };
            let mut notified = std::pin::pin!(changed.notified());
            // Registered before the look at the mailbox, so that nothing in between is missed.
            notified.as_mut().enable();
            match self.entry(id, |entry| entry.next() > after.saturating_add(1)) {
                Ok(false) => notified.await,
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// Forgets a mailbox, and those within it. Idempotent.
    pub(crate) async fn close(self: &Arc<Self>, id: &str) {
        let removed = self.lock().remove(id);
        let (Some(Kind::Durable), Some((store, owner))) = (removed, &self.store) else { return };
        let change = Change::Remove { owner: owner.clone(), id: id.to_owned() };
        let store = Arc::clone(store);
        // What the disk still has then ends with its time.
        let closed: Result<(), Error> =
            detached(async move { store.change(change).await.map_err(|failure| refused(&failure)) }).await;
        drop(closed);
    }

    /// Looks at what the last run left, once.
    async fn load(self: &Arc<Self>) -> Result<(), Error> {
        let Some((store, owner)) = &self.store else { return Ok(()) };
        let load = || async {
            let (store, owner) = (Arc::clone(store), owner.clone());
            let kept = tokio::task::spawn_blocking(move || store.load(&owner)).await;
            let kept = kept.map_err(|_| Error::Unavailable("the host stops".to_owned()))?;
            self.lock().restore(kept.map_err(|failure| refused(&failure))?);
            Ok(())
        };
        self.loaded.get_or_try_init(load).await.map(|_: &()| ())
    }

    fn entry<T>(&self, id: &str, look: impl FnOnce(&mut Entry) -> T) -> Result<T, Error> {
        self.lock_swept().entry(id).map(look)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, after those that were idle too long have gone.
    fn lock_swept(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let ended = inner.sweep(Instant::now());
        if let (false, Some((store, owner))) = (ended.is_empty(), &self.store)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (store, owner) = (Arc::clone(store), owner.clone());
            runtime.spawn(async move {
                for id in ended {
                    // Else it goes when the file is opened next.
                    let _ = store.change(Change::Remove { owner: owner.clone(), id }).await;
                }
            });
        }
        inner
    }
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn begin(all: &'a Mailboxes, id: &'a str) -> Self {
        // A mailbox that is gone has nobody to count.
        let _ = all.lock().entry(id).map(|entry| entry.waits(true));
        Self { all, id }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let _ = self.all.lock().entry(self.id).map(|entry| entry.waits(false));
    }
}

// === impl Inner ===

impl Inner {
    /// Takes room for a mailbox that comes.
    fn reserve(&mut self, entry: &Entry) -> Result<(), Error> {
        if let Some(parent) = entry.within() {
            let own = |parent: &&Entry| parent.kind() == Kind::Plain && parent.client() == entry.client();
            let parent = self.boxes.get(parent).filter(own);
            let parent = parent.ok_or(Error::NotFound)?;
            room::check_inner(parent.inner().len())?;
        }
        self.rooms.enter(entry.kind(), entry.bytes())
    }

    fn insert(&mut self, id: String, entry: Entry) {
        if let Some(parent) = entry.within() {
            match self.boxes.get_mut(parent) {
                Some(parent) => parent.inner_mut().push(id.clone()),
                // Closed since: what would be within it is gone too.
                None => return self.rooms.leave(entry.kind(), entry.bytes()),
            }
        }
        self.boxes.insert(id, entry);
    }

    fn entry(&mut self, id: &str) -> Result<&mut Entry, Error> {
        let entry = self.boxes.get_mut(id).ok_or(Error::NotFound)?;
        entry.touch();
        Ok(entry)
    }

    fn open(&mut self, client: &[u8], id: &str) -> Result<(), Error> {
        if self.boxes.get(id).is_some_and(|entry| entry.client() != client) {
            return Err(Error::NotFound);
        }
        self.entry(id).map(|_| ())
    }

    fn post(&mut self, id: &str, body: Vec<u8>) -> Result<u64, Error> {
        let rooms = &mut self.rooms;
        let entry = self.boxes.get_mut(id).ok_or(Error::NotFound)?;
        rooms.shrink(entry.kind(), entry.make_room());
        rooms.grow(entry.kind(), body.len())?;
        Ok(entry.push(body))
    }

    fn remove(&mut self, id: &str) -> Option<Kind> {
        let mut entry = self.boxes.remove(id)?;
        self.rooms.leave(entry.kind(), entry.bytes());
        entry.wake();
        for one in std::mem::take(entry.inner_mut()) {
            self.remove(&one);
        }
        if let Some(parent) = entry.within().and_then(|parent| self.boxes.get_mut(parent)) {
            parent.inner_mut().retain(|one| one != id);
        }
        Some(entry.kind())
    }

    /// Forgets what was idle too long; gives the durable ones.
    fn sweep(&mut self, now: Instant) -> Vec<String> {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return Vec::new();
        }
        self.swept = Some(now);
        let ended: Vec<String> =
            self.boxes.iter().filter(|(_, entry)| entry.ended(now)).map(|(id, _)| id.clone()).collect();
        ended.into_iter().filter(|id| self.remove(id) == Some(Kind::Durable)).collect()
    }

    fn restore(&mut self, kept: Vec<Kept>) {
        let now = now();
        for one in kept.into_iter().filter(|one| !one.terms.ended(now)) {
            let entry = Entry::restored(one.client, &one.terms, one.messages, now);
            // What was let in once stays: a bound that was lowered since stops new ones.
            self.rooms.enter_again(Kind::Durable, entry.bytes());
            self.boxes.insert(one.id, entry);
        }
    }
}

fn check(options: &Options, first: &[u8]) -> Result<(), Error> {
    if options.idle_seconds == 0 || options.idle_seconds > IDLE_SECONDS {
        return Err(Error::Invalid(format!("`idle-seconds` is {}: from 1 to {IDLE_SECONDS}", options.idle_seconds)));
    }
    if options.messages == 0 || options.messages > MESSAGES {
        return Err(Error::Invalid(format!("`messages` is {}: from 1 to {MESSAGES}", options.messages)));
    }
    if options.durable && options.within.is_some() {
        return Err(Error::Invalid("a mailbox is either `durable` or `within` another".to_owned()));
    }
    check_message(first)
}

fn check_message(body: &[u8]) -> Result<(), Error> {
    if body.len() > MESSAGE {
        return Err(Error::Invalid(format!("the message has {} bytes: at most {MESSAGE}", body.len())));
    }
    Ok(())
}

fn no_store() -> Error {
    Error::Unavailable("this host keeps no durable mailboxes".to_owned())
}

fn refused(failure: &Failure) -> Error {
    Error::Unavailable(failure.to_string())
}

/// Runs to its end, also when the caller goes.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Error::Unavailable("the host stops".to_owned())))
}

/// Seconds since 1970; 0 with a clock before that.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
