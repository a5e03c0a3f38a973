//! The node's power switch: a named pipe in the shared directory, and the programs that write to
//! it.
//!
//! `reboot` inside a pid namespace would need a service manager; here the programs of that name
//! tell pid 1, which ends, and with it every process of the node.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::failure::{Attempt, Failure};

use super::Node;

/// What the switch was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// End every process and boot again.
    Reboot,
    /// End every process and stay off.
    PowerOff,
}

/// The programs of a node that reach the switch, by name. `%PIPE%` is the pipe.
const PROGRAMS: [(&str, &str); 5] = [
    ("reboot", "echo reboot > '%PIPE%'\n"),
    ("poweroff", "echo poweroff > '%PIPE%'\n"),
    ("halt", "echo poweroff > '%PIPE%'\n"),
    (
        "shutdown",
        r#"word=poweroff minutes=0
for arg in "$@"; do
  case $arg in
    -r|--reboot) word=reboot ;;
    -c) exit 0 ;;
    now) minutes=0 ;;
    +*) minutes=${arg#+} ;;
  esac
done
if [ "$minutes" = 0 ]; then echo $word > '%PIPE%'; else
  setsid sh -c "sleep $((minutes * 60)); echo $word > '%PIPE%'" > /dev/null 2>&1 &
fi
"#,
    ),
    (
        "systemctl",
        r#"for arg in "$@"; do
  case $arg in
    reboot|kexec|soft-reboot) echo reboot > '%PIPE%'; exit ;;
    poweroff|halt) echo poweroff > '%PIPE%'; exit ;;
  esac
done
[ -x /usr/bin/systemctl ] && exec /usr/bin/systemctl "$@"
if [ "$1" = --version ]; then echo 'systemd 0 (lab)'; echo '-ALL'; exit; fi
echo "systemctl: no service manager in the lab; known are reboot, poweroff, halt" >&2
exit 1
"#,
    ),
];

/// Makes the pipe and the programs.
pub(super) fn install(node: &Node) -> Result<(), Failure> {
    let pipe = node.shared().join("control");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let _ = fs::remove_file(&pipe);
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode)
        .attempt(|| format!("make the pipe {}", pipe.display()))?;
    let dir = node.shared().join("power");
    fs::create_dir_all(&dir).attempt(|| format!("create {}", dir.display()))?;
    let inside = node.shared_inside().join("control").display().to_string();
    for (name, text) in PROGRAMS {
        let file = dir.join(name);
        fs::write(
            &file,
            format!("#!/bin/sh\n{}", text.replace("%PIPE%", &inside)),
        )
        .attempt(|| format!("write {}", file.display()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
            .attempt(|| format!("make {} executable", file.display()))?;
    }
    Ok(())
}

/// Listens at the switch. The pipe is opened for writing as well, so that it never ends.
pub(super) fn listen(pipe: &std::path::Path) -> Result<Receiver<Request>, Failure> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(pipe)
        .attempt(|| format!("open {}", pipe.display()))?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || forward(file, &sender));
    Ok(receiver)
}

fn forward(pipe: File, sender: &Sender<Request>) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        let request = match line.trim() {
            "reboot" => Request::Reboot,
            "poweroff" => Request::PowerOff,
            _ => continue,
        };
        if sender.send(request).is_err() {
            return;
        }
    }
}
