//! Runs the lab with a master that is not ours: `BRINE_LAB_EXE` names the program that plays it.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args_os()
        .next()
        .map(PathBuf::from)
        .unwrap_or_default();
    if name
        .file_name()
        .is_some_and(|name| name == "kubeadm" || name == "kubectl")
    {
        return lab::kubeadm::main(std::env::args_os());
    }
    let exe = std::env::var_os("BRINE_LAB_EXE").map_or_else(|| "brine".into(), PathBuf::from);
    let mut args: Vec<_> = std::env::args_os().collect();
    // The word `lab`, as the real program has it.
    args.remove(1);
    lab::main(args, exe)
}
