//! The state of the node: load, memory, disks, temperatures. Readings are at most one second old; sizes are bytes.
pub use crate::bindings::imports::tidegate::host::system::{
    Disk, Machine, Memory, Processor, Sensor, get_disks as disks, get_machine as machine, get_memory as memory,
    get_processor as processor, get_temperatures as temperatures,
};
