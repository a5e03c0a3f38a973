//! Many labs, one after the other, each with the next seed: one line for each, and a tally.
//!
//! Each is a program of its own with a directory of its own, as if a person had typed it; so one
//! that breaks harms none behind it, and any of them can be typed again. What went well is removed,
//! what did not is left to be looked at.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::failure::{Attempt, Failure};
use crate::flags::Flags;
use crate::interrupt::Interrupt;
use crate::layout::Layout;

/// What a line needs of a lab's result.
#[derive(Debug, Deserialize)]
struct Told {
    is_success: bool,
    problems: Vec<String>,
    reboot: String,
    resumed: Option<u32>,
    kills: Vec<f64>,
    kills_left: usize,
    seconds: f64,
}

/// How the labs ended so far.
#[derive(Debug, Default)]
struct Tally {
    well: u32,
    kills: usize,
    bad: Vec<u64>,
}

/// Runs the series; says whether every lab ended well.
pub(crate) fn run(flags: &Flags, exe: &Path, count: u32) -> Result<bool, Failure> {
    let interrupt = Interrupt::listen()?;
    let root = &flags.root;
    fs::create_dir_all(root).attempt(|| format!("create {}", root.display()))?;
    println!(
        "{count} labs, minion {}, --reboot {}, --kill-master {}, seeds {} to {}, in {}",
        flags.minion,
        flags.reboot.name(),
        flags.kill_master,
        flags.seed,
        flags.seed + u64::from(count) - 1,
        root.display()
    );
    let mut tally = Tally::default();
    for number in 1..=count {
        let seed = flags.seed + u64::from(number - 1);
        let told = one(flags, exe, seed)?;
        if interrupt.is_asked() {
            println!("{}", tally.line(number - 1));
            return Err(Failure::new("interrupted"));
        }
        println!(
            "{number:>4}/{count}  seed {seed:<6} {}",
            line(&told, &lab_of(root, seed))
        );
        tally.add(seed, &told);
    }
    println!("{}", tally.line(count));
    Ok(tally.bad.is_empty())
}

fn lab_of(root: &Path, seed: u64) -> PathBuf {
    root.join(format!("seed-{seed}"))
}

/// Runs one lab. One that cannot even say how it ended did not end well.
fn one(flags: &Flags, exe: &Path, seed: u64) -> Result<Told, Failure> {
    let lab = lab_of(&flags.root, seed);
    let log = flags.root.join(format!("seed-{seed}.log"));
    let progress = File::create(&log).attempt(|| format!("create {}", log.display()))?;
    let mut command = Command::new(exe);
    command
        .arg("lab")
        .args(["--out", "json", "--minion", &flags.minion])
        .args(["--nodes", &flags.nodes.to_string()])
        .args(["--reboot", flags.reboot.name()])
        .args(["--kill-master", &flags.kill_master.to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--timeout", &flags.timeout.to_string()])
        .arg("--root")
        .arg(&lab)
        .arg("--minions")
        .arg(&flags.minions);
    if flags.plain {
        command.arg("--plain");
    }
    if let Some(formula) = &flags.formula {
        command.arg("--formula").arg(formula);
    }
    for python in &flags.python {
        command.arg("--python").arg(python);
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(progress)
        .output()
        .attempt(|| format!("start {}", exe.display()))?;
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| broken(&log, flags));
    if told.is_success {
        // Ends what may be left, and empties it; the directory itself is only tidiness.
        drop(Layout::take(&lab)?);
        let _ = fs::remove_dir_all(&lab);
        let _ = fs::remove_file(&log);
    }
    Ok(told)
}

/// What is told of a lab that told nothing: its last line on standard error.
fn broken(log: &Path, flags: &Flags) -> Told {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().last().unwrap_or("it said nothing").to_owned();
    Told {
        is_success: false,
        problems: vec![last],
        reboot: flags.reboot.name().to_owned(),
        resumed: None,
        kills: Vec::new(),
        kills_left: 0,
        seconds: 0.0,
    }
}

fn line(told: &Told, lab: &Path) -> String {
    let (kills, resumed) = (told.kills.len(), told.resumed.unwrap_or_default());
    let unused = match told.kills_left {
        0 => String::new(),
        left => format!(" ({left} after its end)"),
    };
    let facts = format!(
        "{:>4.0} s  {:<6} killed {kills} times{unused}, resumed {resumed} times",
        told.seconds, told.reboot
    );
    if told.is_success {
        return format!("well  {facts}");
    }
    let problems = told.problems.join("; ");
    format!("BAD   {facts}: {problems}; kept in {}", lab.display())
}

impl Tally {
    fn add(&mut self, seed: u64, told: &Told) {
        self.kills += told.kills.len();
        if told.is_success {
            self.well += 1;
        } else {
            self.bad.push(seed);
        }
    }

    fn line(&self, count: u32) -> String {
        let (well, kills) = (self.well, self.kills);
        let mut line = format!("{well} of {count} ended well, {kills} kills of the master");
        if !self.bad.is_empty() {
            let bad: Vec<String> = self.bad.iter().map(u64::to_string).collect();
            line.push_str(&format!("; bad seeds: {}", bad.join(", ")));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_success: bool) -> Told {
        Told {
            is_success,
            problems: vec!["the run ended as Failed".into()],
            reboot: "early".into(),
            resumed: Some(2),
            kills: vec![1.0, 2.0],
            kills_left: 1,
            seconds: 31.4,
        }
    }

    #[test]
    fn a_bad_lab_is_named_and_kept() {
        let lab = Path::new("target/lab/seed-7");
        let bad = line(&told(false), lab);
        assert_eq!(
            bad,
            "BAD     31 s  early  killed 2 times (1 after its end), resumed 2 times: the run \
             ended as Failed; kept in target/lab/seed-7"
        );
        let mut tally = Tally::default();
        tally.add(6, &told(true));
        tally.add(7, &told(false));
        assert_eq!(
            tally.line(2),
            "1 of 2 ended well, 4 kills of the master; bad seeds: 7"
        );
    }
}
