//! `salt-key`: shows the keys of minions, and decides about them.

use std::ffi::OsString;
use std::process::ExitCode;

use model::api::KeyList;
use model::{Glob, Map, Value};

use crate::client::{Client, Error};
use crate::exit_code;
use crate::flags::{self, Printer, SaltKeyFlags};
use crate::program::{block_on, fail};
use crate::terminal::Terminal;
use crate::{key_notes, key_pair};

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    match prepare(args, terminal) {
        Ok(mut command) => block_on(async {
            match command.run(terminal).await {
                Ok(code) => code,
                Err(error) => fail(&error, terminal),
            }
        }),
        Err(code) => code,
    }
}

/// What to do, with the keys it is about.
enum Action {
    List(String),
    Decide(Verb, String),
    /// `print` or `finger`.
    Show(&'static str, String),
    /// Make a key pair; whether the master accepts it at once.
    Make(String, bool),
    ResetVersion(String),
}

/// A decision about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Accept,
    Reject,
    Delete,
}

impl Verb {
    fn wheel(self) -> &'static str {
        match self {
            Self::Accept => "key.accept_dict",
            Self::Reject => "key.reject_dict",
            Self::Delete => "key.delete_dict",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Delete => "deleted",
        }
    }
}

struct Command {
    client: Client,
    flags: SaltKeyFlags,
    action: Action,
    printer: Printer,
}

fn prepare(args: Vec<OsString>, terminal: &mut Terminal) -> Result<Command, u8> {
    let flags: SaltKeyFlags = flags::parse(args, terminal)?;
    let action =
        action_of(&flags).map_err(|text| flags::usage_error("salt-key", &text, terminal))?;
    let (client, config) = flags.connection.open();
    let mut printer = flags
        .output
        .printer(&config, terminal)
        .map_err(|text| flags::usage_error("salt-key", &text, terminal))?;
    // The master's `output` is for returns; key lists have their own.
    if flags.output.out.is_none() {
        printer.style.out = None;
    }
    Ok(Command {
        client,
        flags,
        action,
        printer,
    })
}

/// Takes the first action in Salt's order of precedence.
fn action_of(flags: &SaltKeyFlags) -> Result<Action, String> {
    let given = &flags.action;
    if given.gen_signature {
        return Err("signing the master's key is not supported yet".into());
    }
    let made = given.gen_keys.as_ref().map(|name| (name, false));
    let made = made.or_else(|| given.gen_accept.as_ref().map(|id| (id, true)));
    if let Some((name, is_accepted)) = made {
        return Ok(Action::Make(name.clone(), is_accepted));
    }
    if let Some(id) = &given.reset_version {
        return Ok(Action::ResetVersion(id.clone()));
    }
    if let Some(which) = &given.list {
        let is_known = ["acc", "pre", "un", "rej", "den", "all"]
            .iter()
            .any(|known| which.starts_with(known));
        if !is_known {
            return Err(format!("'{which}' is not a valid argument to '--list'"));
        }
        return Ok(Action::List(which.clone()));
    }
    let all = || "*".to_owned();
    let action = if given.list_all {
        Action::List("all".into())
    } else if let Some(id) = &given.print {
        Action::Show("key.print", id.clone())
    } else if given.print_all {
        Action::Show("key.print", all())
    } else if let Some(id) = &given.accept {
        Action::Decide(Verb::Accept, id.clone())
    } else if given.accept_all {
        Action::Decide(Verb::Accept, all())
    } else if let Some(id) = &given.reject {
        Action::Decide(Verb::Reject, id.clone())
    } else if given.reject_all {
        Action::Decide(Verb::Reject, all())
    } else if let Some(id) = &given.delete {
        Action::Decide(Verb::Delete, id.clone())
    } else if given.delete_all {
        Action::Decide(Verb::Delete, all())
    } else if let Some(id) = &given.finger {
        Action::Show("key.finger", id.clone())
    } else if given.finger_all {
        Action::Show("key.finger", all())
    } else {
        Action::List("all".into())
    };
    Ok(action)
}

impl Command {
    async fn run(&mut self, terminal: &mut Terminal) -> Result<u8, Error> {
        match &self.action {
            Action::List(which) => {
                let which = which.clone();
                let keys: KeyList = self.client.get("/keys").await?;
                let lists = sections(&keys)
                    .into_iter()
                    .filter(|(section, _)| is_listed(&which, section))
                    .map(|(section, ids)| (section, list_of(ids)))
                    .collect();
                self.show(Value::Map(lists), terminal);
                if !self.flags.quiet {
                    key_notes::tell(&self.client, &keys, &which, terminal).await;
                }
                Ok(exit_code::OK)
            }
            Action::Make(name, is_accepted) => {
                let request = key_pair::Wanted {
                    name,
                    directory: &self.flags.action.gen_keys_dir,
                    bits: self.flags.keysize,
                    is_accepted: *is_accepted,
                };
                let made = key_pair::make(&self.client, &request, terminal).await?;
                match made {
                    Some(finger) => {
                        self.show(Map::from([("return", finger)]).into(), terminal);
                        Ok(exit_code::OK)
                    }
                    None => Ok(exit_code::FAILED),
                }
            }
            Action::ResetVersion(id) => {
                let kwarg = Map::from([("match", id.as_str())]);
                let keys = self.client.wheel("key.reset_version", kwarg).await?;
                for id in keys
                    .get("minions")
                    .and_then(Value::as_list)
                    .unwrap_or_default()
                {
                    terminal.line(&format!("{} may speak any protocol again.", id.to_text()));
                }
                Ok(exit_code::OK)
            }
            Action::Show(fun, id) => {
                let mut kwarg = Map::from([("match", id.as_str())]);
                if let Some(hash) = self.flags.finger_hash.as_deref()
                    && *fun == "key.finger"
                {
                    kwarg.insert("hash_type", hash);
                }
                let keys = self.client.wheel(fun, kwarg).await?;
                self.show(keys, terminal);
                Ok(exit_code::OK)
            }
            Action::Decide(verb, id) => {
                let (verb, id) = (*verb, id.clone());
                self.decide(verb, &id, terminal).await
            }
        }
    }

    fn show(&mut self, keys: Value, terminal: &mut Terminal) {
        self.printer.show(&keys, Some("key"), 0, terminal);
    }

    async fn decide(
        &mut self,
        verb: Verb,
        pattern: &str,
        terminal: &mut Terminal,
    ) -> Result<u8, Error> {
        let keys: KeyList = self.client.get("/keys").await?;
        let concerned = self.concerned(verb, pattern, &keys).await?;
        if concerned.is_empty() {
            let kinds = self.kinds(verb);
            terminal.line(&format!(
                "The key glob '{pattern}' does not match any {kinds} keys."
            ));
            return Ok(exit_code::OK);
        }
        if !self.flags.quiet || !self.flags.yes {
            let done = verb.done();
            terminal.line(&format!("The following keys are going to be {done}:"));
            let lists: Map = concerned
                .iter()
                .map(|(section, ids)| (*section, list_of(ids)))
                .collect();
            self.show(Value::Map(lists), terminal);
        }
        if !self.flags.yes {
            match is_confirmed(verb, terminal) {
                Some(true) => {}
                Some(false) => return Ok(exit_code::OK),
                None => {
                    terminal.complain("\nERROR: no answer on standard input; say -y to agree");
                    return Ok(exit_code::FAILED);
                }
            }
        }
        self.carry_out(verb, &concerned).await?;
        for id in concerned.iter().flat_map(|(_, ids)| ids) {
            if !self.flags.quiet {
                terminal.line(&format!("Key for minion {id} {}.", verb.done()));
            }
        }
        Ok(exit_code::OK)
    }

    /// Decides about exactly the keys that were shown, whatever arrived since.
    async fn carry_out(&self, verb: Verb, concerned: &[Concerned]) -> Result<(), Error> {
        let lists: Map = concerned
            .iter()
            .map(|(section, ids)| (*section, list_of(ids)))
            .collect();
        let mut kwarg = Map::from([("match", lists)]);
        for (name, is_set) in self.includes(verb) {
            kwarg.insert(name, is_set);
        }
        let preserves = self.flags.preserve_minions.as_deref();
        if preserves.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
            kwarg.insert("preserve_minions", true);
        }
        self.client.wheel(verb.wheel(), kwarg).await?;
        Ok(())
    }

    fn includes(&self, verb: Verb) -> Vec<(&'static str, bool)> {
        let flags = &self.flags;
        match verb {
            Verb::Accept => vec![
                (
                    "include_rejected",
                    flags.include_rejected || flags.include_all,
                ),
                ("include_denied", flags.include_denied),
            ],
            Verb::Reject => vec![
                (
                    "include_accepted",
                    flags.include_accepted || flags.include_all,
                ),
                ("include_denied", flags.include_denied),
            ],
            Verb::Delete => Vec::new(),
        }
    }

    async fn concerned(
        &self,
        verb: Verb,
        pattern: &str,
        keys: &KeyList,
    ) -> Result<Vec<Concerned>, Error> {
        let includes = self.includes(verb);
        let is_included = |section: &str| match section {
            "minions_pre" => true,
            _ if verb == Verb::Delete => true,
            "minions" => includes.contains(&("include_accepted", true)),
            "minions_rejected" => includes.contains(&("include_rejected", true)),
            _ => includes.contains(&("include_denied", true)),
        };
        let found = self.matching(pattern, keys).await?.into_iter();
        let is_meant = |(section, ids): &Concerned| is_included(section) && !ids.is_empty();
        Ok(found.filter(is_meant).collect())
    }

    /// Gives the keys that a pattern means. Only the master knows fingerprints.
    async fn matching(&self, pattern: &str, keys: &KeyList) -> Result<Vec<Concerned>, Error> {
        if key_notes::is_fingerprint(pattern) {
            let kwarg = Map::from([("match", pattern)]);
            let found = self.client.wheel("key.name_match", kwarg).await?;
            let ids = |section| -> Vec<String> {
                let ids = found.get(section).and_then(Value::as_list);
                ids.unwrap_or_default().iter().map(Value::to_text).collect()
            };
            let sections = sections(keys).into_iter();
            return Ok(sections
                .map(|(section, _)| (section, ids(section)))
                .collect());
        }
        let globs: Vec<Glob> = pattern.split(',').map(Glob::new).collect();
        let matching = |(section, ids): (&'static str, &Vec<String>)| {
            let is_meant = |id: &&String| globs.iter().any(|glob| glob.matches(id));
            (section, ids.iter().filter(is_meant).cloned().collect())
        };
        Ok(sections(keys).into_iter().map(matching).collect())
    }

    fn kinds(&self, verb: Verb) -> String {
        // Salt names only these kinds also for a deletion, which looks at all.
        let mut kinds = vec!["unaccepted"];
        for (name, is_set) in self.includes(verb) {
            if is_set {
                kinds.push(name.trim_start_matches("include_"));
            }
        }
        match kinds.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        }
    }
}

/// The ids of one section that an action is about.
type Concerned = (&'static str, Vec<String>);

fn sections(keys: &KeyList) -> Vec<(&'static str, &Vec<String>)> {
    vec![
        ("minions", &keys.minions),
        ("minions_pre", &keys.minions_pre),
        ("minions_rejected", &keys.minions_rejected),
        ("minions_denied", &keys.minions_denied),
    ]
}

fn is_listed(which: &str, section: &str) -> bool {
    let wanted = match which.get(..2) {
        Some("ac") => "minions",
        Some("pr" | "un") => "minions_pre",
        Some("re") => "minions_rejected",
        Some("de") => "minions_denied",
        _ => return true,
    };
    section == wanted
}

fn list_of(ids: &[String]) -> Value {
    ids.iter().map(Value::from).collect()
}

/// Asks; an empty answer is yes, but no for a deletion. `None` if nobody answers.
fn is_confirmed(verb: Verb, terminal: &mut Terminal) -> Option<bool> {
    let question = if verb == Verb::Delete {
        "Proceed? [N/y] "
    } else {
        "Proceed? [n/Y] "
    };
    let answer = terminal.ask(question)?;
    Some(match answer.trim() {
        "" => verb != Verb::Delete,
        text => text.to_lowercase().starts_with('y'),
    })
}
