//! Settings for the tokio runtime that calls run on.

use tokio::runtime::Builder;

/// Tasks between two looks at the sockets and timers. A guest in an endless loop is a task of one tick (1 ms): with
/// tokio's default of 61 a socket could wait 61 ms, with this one 8 ms at worst. (Guests' yields look at once, when no
/// other task is ready.) A look costs about 1 us.
pub const EVENT_INTERVAL: u32 = 8;

/// Tasks between two looks at the queue of tasks that other threads started; an idle look is one atomic load.
pub const GLOBAL_QUEUE_INTERVAL: u32 = 4;

/// Sets both on a runtime's builder: sockets answer within some milliseconds while more guests spin than there are cores.
pub fn tune(builder: &mut Builder) -> &mut Builder {
    builder.event_interval(EVENT_INTERVAL).global_queue_interval(GLOBAL_QUEUE_INTERVAL)
}
