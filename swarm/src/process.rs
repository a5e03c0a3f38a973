//! What a process tree has cost, from `/proc`: CPU time, memory, open files.
//!
//! Memory is PSS (proportional set size): pages that processes share are divided among them, so
//! that a master of several processes is not counted several times over. Linux only.

use std::collections::{HashMap, HashSet};
use std::fs;

use serde_json::{Value, json};

/// Clock ticks in a second; fixed on every Linux platform we know of.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process tree has used up to now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cost {
    /// User and system time of the living processes and of the children they have waited for.
    pub(crate) cpu_seconds: f64,
    /// Proportional set size.
    pub(crate) pss_kib: u64,
    /// Open file descriptors.
    pub(crate) descriptors: usize,
    /// How many processes there are.
    pub(crate) processes: usize,
}

impl Cost {
    /// Gives what was used between an earlier look and this one, and what is held now.
    pub(crate) fn since(&self, before: &Cost) -> Value {
        json!({
            "cpu_seconds": self.cpu_seconds - before.cpu_seconds,
            "pss_kib_before": before.pss_kib,
            "pss_kib_after": self.pss_kib,
            "descriptors_before": before.descriptors,
            "descriptors_after": self.descriptors,
            "processes": self.processes,
        })
    }
}

/// Looks at a process and all its descendants; `None` if it is not there.
pub(crate) fn cost(root: u32) -> Option<Cost> {
    let parents = parents();
    parents.get(&root)?;
    let mut tree = HashSet::from([root]);
    // Children may be listed before their parents.
    loop {
        let before = tree.len();
        for (pid, stat) in &parents {
            if tree.contains(&stat.parent) {
                tree.insert(*pid);
            }
        }
        if tree.len() == before {
            break;
        }
    }
    let mut cost = Cost {
        cpu_seconds: 0.0,
        pss_kib: 0,
        descriptors: 0,
        processes: tree.len(),
    };
    for pid in tree {
        cost.cpu_seconds += parents.get(&pid).map_or(0.0, |stat| stat.cpu_seconds);
        cost.pss_kib += pss_kib(pid);
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        cost.descriptors += open.map_or(0, Iterator::count);
    }
    Some(cost)
}

/// CPU seconds of the children that this process has waited for, and of theirs.
pub(crate) fn children_cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    read_stat(&text).map_or(0.0, |stat| stat.children_cpu_seconds)
}

struct Stat {
    parent: u32,
    /// With that of the children it has waited for.
    cpu_seconds: f64,
    children_cpu_seconds: f64,
}

fn parents() -> HashMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return HashMap::new();
    };
    let of = |entry: std::io::Result<fs::DirEntry>| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, read_stat(&text)?))
    };
    entries.filter_map(of).collect()
}

/// Reads `/proc/PID/stat` (see proc(5)); the name in brackets may hold anything.
fn read_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<f64>().ok();
    // Behind the name: state, parent, ...; utime, stime, cutime and cstime are 14 to 17 of all.
    let (own, children) = (number(11)? + number(12)?, number(13)? + number(14)?);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu_seconds: (own + children) / TICKS_PER_SECOND,
        children_cpu_seconds: children / TICKS_PER_SECOND,
    })
}

fn pss_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4 1 2 3 4 100 50 20 30 20 0 1 0 9";
        let stat = read_stat(text).expect("it is well formed");
        assert_eq!((stat.parent, stat.cpu_seconds), (3, 2.0));
    }

    #[test]
    fn this_process_is_found_and_costs_something() {
        let cost = cost(std::process::id()).expect("we are running");
        assert!(cost.pss_kib > 0 && cost.descriptors > 0 && cost.processes >= 1);
    }
}
