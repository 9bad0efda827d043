//! Files in the directories that policy grants: list, read, write, search, look at.
//!
//! The host confines paths to what is granted; what is checked here gives better errors, and is no protection.

mod info;
mod list;
mod paths;
mod read;
mod search;
mod write;

tidegate_sdk::tools! {
    "list_directory" => list::list_directory { title: "List a directory", read_only: true, idempotent: true, open_world: false },
    "read_file" => read::read_file { title: "Read a file", read_only: true, idempotent: true, open_world: false },
    "write_file" => write::write_file { title: "Write a file", read_only: false, destructive: true, open_world: false },
    "search_files" => search::search_files { title: "Search files", read_only: true, idempotent: true, open_world: false },
    "file_info" => info::file_info { title: "Look at a file", read_only: true, idempotent: true, open_world: false },
}

#[cfg(test)]
mod tests;
