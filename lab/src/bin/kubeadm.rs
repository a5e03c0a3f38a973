//! The stand-in for `kubeadm` (linked as `kubectl`, for that) as a program of its own.
//!
//! In a lab the one binary plays it; this is for its tests and for trying the formula without one.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::kubeadm::main(std::env::args_os())
}
