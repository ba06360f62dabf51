//! The command line of Wharfinger. See the library of the same name.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    wharfinger::run()
}
