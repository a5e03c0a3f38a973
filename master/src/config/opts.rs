//! The options as believed: typed, checked, complete. One list makes the struct, the defaults, the
//! reader, what `--dump-config` shows and the table in `docs/configuration.md`.
//!
//! Names, meanings and defaults are Salt's, except where the text says so. This file is a long list
//! on purpose; each entry has the same shape: doc comment, `name: type = default;`.

use std::path::PathBuf;

use model::{Map, MinionId, Value};
use storage::disk::DiskRead;

use super::raw::{Raw, Written};
use super::setting::{Described, Roots, Setting, describe};
use super::{Error, Problem, path_glob, unsupported};
use crate::pillar_sources::external;

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr;)*) => {
        /// What the master goes by.
        #[derive(Debug, Clone)]
        pub struct Opts {
            $($(#[doc = $doc])+ pub $name: $kind,)*
            /// What is written and nobody knows: templates see it, as in Salt.
            pub custom: Map,
        }

        /// Every option that has an effect, in the order of the manual.
        pub static OPTIONS: &[Described] = &[
            $(Described {
                name: stringify!($name),
                expected: <$kind as Setting>::EXPECTED,
                doc: concat!($($doc),+),
            },)*
        ];

        impl Default for Opts {
            fn default() -> Self {
                Self { $($name: $default,)* custom: Map::new() }
            }
        }

        impl Opts {
            fn read(raw: &Raw, problems: &mut Vec<Problem>) -> Self {
                let defaults = Self::default();
                let custom = custom(raw);
                Self {
                    $($name: read(raw, stringify!($name), defaults.$name, problems),)*
                    custom,
                }
            }

            fn put_paths_under_root_dir(&mut self) {
                let root_dir = self.root_dir.clone();
                $(self.$name.put_under(&root_dir);)*
                self.root_dir = root_dir;
            }

            /// Gives every option and its value, in the order of the manual.
            pub fn shown(&self) -> Vec<(&'static str, Value)> {
                vec![$((stringify!($name), self.$name.show()),)*]
            }
        }
    };
}

options! {
    /// Address to listen on, for both ports.
    interface: String = "0.0.0.0".into();
    /// Port on which minions listen for jobs.
    publish_port: u16 = 4505;
    /// Port on which minions ask and answer.
    ret_port: u16 = 4506;
    /// The user the master runs as; it does not need root.
    user: String = "root".into();
    /// The master's own id in events and returns; unset: the host name with `_master`.
    id: Option<String> = None;
    /// Sent with every job and echoed in every return.
    master_id: Option<String> = None;
    /// Put before every path below (not before file_roots and pillar_roots).
    root_dir: PathBuf = "/".into();
    /// The master's keys and those of its minions, in Salt's layout.
    pki_dir: PathBuf = "/etc/salt/pki/master".into();
    /// Session keys and files that minions sent.
    cachedir: PathBuf = "/var/cache/salt/master".into();
    /// Where the local programs find the master.
    sock_dir: PathBuf = "/var/run/salt/master".into();
    /// The durable log: jobs, returns, events, runs. Not Salt's; unset: `store` in `cachedir`.
    store_dir: PathBuf = PathBuf::new();
    /// File that holds the master's process id.
    pidfile: PathBuf = "/var/run/salt-master.pid".into();
    /// Bits of the master's RSA key, when it is made.
    keysize: u64 = 2048;

    /// How strangers become minions: policy (every configured clause must hold) or legacy (Salt's
    /// own meaning: any rule that matches). Not Salt's.
    enrolment: String = "policy".into();
    /// Let the UUIDs of public documentation count. For a laboratory. Not Salt's.
    enrolment_lab: bool = false;
    /// Under policy: nobody enrols outside a window (brine enrol open). Not Salt's.
    enrolment_window: bool = false;
    /// Under policy: networks that minions enrol from, such as 10.0.0.0/24. Not Salt's.
    enrolment_networks: Vec<String> = Vec::new();
    /// Under policy: place of the node table in the master's own pillar, such as kubic:nodes; a
    /// minion enrols if its id, MAC address or UUID is in a row that nobody used. Not Salt's.
    enrolment_inventory: Option<String> = None;
    /// Grains of autosign_grains_dir whose values many minions share; any other value enrols one
    /// minion. Not Salt's.
    enrolment_shared_grains: Vec<String> = Vec::new();
    /// Under policy: a node that was built anew (same id, new key) replaces its key if every clause
    /// holds and its old connection is gone. Not Salt's.
    enrolment_rebuild: bool = false;
    /// Under policy: the most minions that enrol in a minute; 0: any number. Not Salt's.
    enrolment_rate: u64 = 120;
    /// Under policy: minions enrol until this many keys are accepted; 0: any number. Not Salt's.
    enrolment_total: u64 = 0;
    /// The most keys that wait; a further stranger is told to wait and not kept; 0: any number. Not
    /// Salt's.
    enrolment_pending_max: u64 = 5000;
    /// Accept every key.
    auto_accept: bool = false;
    /// Accept every minion, whatever its key. For a laboratory.
    open_mode: bool = false;
    /// File of ids (exact, glob or regular expression) whose keys are accepted.
    autosign_file: Option<PathBuf> = None;
    /// File of ids whose keys are rejected.
    autoreject_file: Option<PathBuf> = None;
    /// Directory of files named after a grain; a listed value accepts the key.
    autosign_grains_dir: Option<PathBuf> = None;
    /// Minutes after which a stub in `minions_autosign` no longer counts; 0: never.
    autosign_timeout: u64 = 120;
    /// Trust autosign files that their group can write.
    permissive_pki_access: bool = false;
    /// The most minions that may be connected; 0: any number.
    max_minions: u64 = 0;
    /// Lowest sign-in protocol spoken, 0 to 3. Salt's default is 3, which shuts out minions before
    /// 3007.
    minimum_auth_version: u8 = 0;
    /// Seconds that a request of protocol 3 may be old or early; 0: its time is compared with the
    /// minion's other requests only.
    request_server_ttl: u64 = 0;
    /// Sign the master's public key with a second key, for minions with verify_master_pubkey_sign.
    master_sign_pubkey: bool = false;
    /// Name of the second key's files in pki_dir, without ending.
    master_sign_key_name: String = "master_sign".into();
    /// Send the signature that is in a file, instead of making one.
    master_use_pubkey_signature: bool = false;
    /// Name of that file in pki_dir.
    master_pubkey_signature: String = "master_pubkey_signature".into();
    /// Whether a minion may delete its own key.
    allow_minion_key_revoke: bool = true;
    /// Whether sign-ins are events.
    auth_events: bool = true;
    /// Ask minions that sign in for the boot id of their machine, so that no restart goes unseen.
    boot_ids: bool = true;
    /// Make a new session key for everybody when a key is deleted or rejected.
    rotate_aes_key: bool = true;
    /// Seconds after which the session keys are made anew.
    publish_session: u64 = 86400;
    /// Ping all minions after a new session key, so that none waits for its next job to learn it.
    ping_on_rotate: bool = false;
    /// Signature of what is published.
    publish_signing_algorithm: String = "PKCS1v15-SHA1".into();

    /// Seconds that a command waits for its minions.
    timeout: u64 = 5;
    /// Seconds that the question "is it still running?" waits.
    gather_job_timeout: u64 = 10;
    /// Seconds for which jobs and returns are kept; 0: for ever.
    keep_jobs_seconds: u64 = 86400;
    /// Older form of keep_jobs_seconds, in hours.
    keep_jobs: u64 = 24;
    /// Whether each state that a minion ran is an event.
    state_events: bool = false;
    /// Send a job only to the minions it is meant for.
    zmq_filtering: bool = false;

    /// Environments and their directories; globs are expanded, `__env__` stands for any
    /// environment.
    file_roots: Roots = base(&["/srv/salt", "/srv/spm/salt"]);
    /// Where files come from; only `roots`.
    fileserver_backend: Vec<String> = vec!["roots".into()];
    /// Bytes of one piece of a file.
    file_buffer_size: u64 = 1_048_576;
    /// Regular expressions of files that are not served.
    file_ignore_regex: Vec<String> = Vec::new();
    /// Globs of files that are not served.
    file_ignore_glob: Vec<String> = Vec::new();
    /// Serve what links lead to, also outside of the roots, as Salt does. False: links must stay
    /// inside.
    fileserver_followsymlinks: bool = true;
    /// Leave links out of the lists.
    fileserver_ignoresymlinks: bool = false;
    /// Checksum of files and fingerprints.
    hash_type: String = "sha256".into();

    /// Environment of a top file that names none.
    default_top: String = "base".into();
    /// Order of environments when top files are merged.
    env_order: Vec<String> = Vec::new();
    /// How top files of several environments go together.
    top_file_merging_strategy: String = "merge".into();
    /// Name of the top file.
    state_top: String = "top.sls".into();
    /// The one environment whose top file counts.
    state_top_saltenv: Option<String> = None;
    /// Run states in the order in which they are written.
    state_auto_order: bool = true;
    /// Let states of one kind be done together.
    state_aggregate: Value = Value::Bool(false);
    /// Stop at the first state that failed.
    failhard: bool = false;
    /// Stop orchestrations, and only them, at the first step that failed.
    orch_failhard: bool = false;
    /// Pipe for files without a `#!` line.
    renderer: String = "jinja|yaml".into();
    /// Settings of Jinja for all templates.
    jinja_env: Map = Map::new();
    /// Settings of Jinja for SLS files.
    jinja_sls_env: Map = Map::new();
    /// Jinja: drop blanks before a block.
    jinja_lstrip_blocks: bool = false;
    /// Jinja: drop the line end after a block.
    jinja_trim_blocks: bool = false;
    /// Regular expressions of secrets: what matches in returns and events is replaced before it is
    /// recorded or shown. A kubeadm token is `\b[a-z0-9]{6}\.[a-z0-9]{16}\b`.
    redact_patterns: Vec<String> = Vec::new();
    /// Named groups of minions.
    nodegroups: Map = Map::new();

    /// Environments and their pillar directories.
    pillar_roots: Roots = base(&["/srv/pillar", "/srv/spm/pillar"]);
    /// Put these options into every pillar, as `master`.
    pillar_opts: bool = false;
    /// Show minions that an SLS of their pillar is broken, but not how.
    pillar_safe_render_error: bool = true;
    /// How pillar files go together.
    pillar_source_merging_strategy: String = "smart".into();
    /// Join lists when pillar files go together.
    pillar_merge_lists: bool = false;
    /// Let an included pillar file win over the one that includes it.
    pillar_includes_override_sls: bool = false;
    /// Environment of pillars; unset: all.
    pillarenv: Option<String> = None;
    /// Take the pillar environment from the state environment that a minion asks with.
    pillarenv_from_saltenv: bool = false;
    /// External pillars, in the order in which they are asked: cmd_json, cmd_yaml, file_tree,
    /// http_json, http_yaml, stack.
    ext_pillar: Vec<Value> = Vec::new();
    /// Ask external pillars before pillar files are rendered; those then see what was given.
    ext_pillar_first: bool = false;
    /// External pillars that are not asked.
    exclude_ext_pillar: Vec<String> = Vec::new();
    /// External pillars that a minion may ask for by pillar.ext. Salt's default names two that are
    /// not built.
    on_demand_ext_pillar: Vec<String> = Vec::new();
    /// Seconds that one program or server of an external pillar may take. Not Salt's.
    ext_pillar_timeout: u64 = 60;
    /// File with the certificates of the authorities that servers of https must be known to
    /// (http_json, http_yaml, http.query); unset: those that the system trusts.
    ca_bundle: Option<String> = None;
    /// Keep compiled pillars and give them again while minion, files and options are the same; for
    /// what else they are made of, at most pillar_cache_ttl.
    pillar_cache: bool = false;
    /// Seconds for which a kept pillar counts.
    pillar_cache_ttl: u64 = 3600;
    /// Pillar keys whose values are decrypted when everything is merged.
    decrypt_pillar: Value = Value::List(Vec::new());
    /// What separates the parts of a key in decrypt_pillar.
    decrypt_pillar_delimiter: String = ":".into();
    /// Renderer that decrypts where decrypt_pillar names none.
    decrypt_pillar_default: String = "gpg".into();
    /// Renderers that decrypt_pillar may name.
    decrypt_pillar_renderers: Vec<String> = vec!["gpg".into()];
    /// Directory of the keys for the renderer gpg; unset: `gpgkeys` beside the configuration.
    gpg_keydir: Option<String> = None;
    /// Take a message that gpg cannot decrypt for an error; false: it stays as it is.
    gpg_decrypt_must_succeed: bool = false;
    /// Keep in memory what gpg has decrypted.
    gpg_cache: bool = false;
    /// Seconds for which that is kept.
    gpg_cache_ttl: u64 = 86400;
    /// Python program that runs pillar files, orchestrations and reactions of the renderer py;
    /// unset: they are refused. Not Salt's.
    python_renderer: Option<String> = None;
    /// Let templates on the master run commands (cmd.run and the like), and orchestrations run
    /// commands and write files on the master (cmd.run, file.*, onlyif, unless, check_cmd), as the
    /// master's user. Not Salt's.
    template_commands: bool = false;
    /// Directories, besides those of file_roots and pillar_roots, in which templates on the master
    /// may look with file.*. Not Salt's.
    template_directories: Vec<String> = Vec::new();

    /// What the terminal shows.
    log_level: String = "warning".into();
    /// Where the log goes.
    log_file: PathBuf = "/var/log/salt/master".into();
}

/// Takes the options that neither Salt nor this master has.
fn custom(raw: &Raw) -> Map {
    let is_known = |name: &str| {
        OPTIONS.iter().any(|option| option.name == name)
            || unsupported::why(name).is_some()
            || unsupported::is_for_the_reader(name)
    };
    raw.iter()
        .filter(|(name, _)| !is_known(name))
        .map(|(name, written)| (name, written.value.clone()))
        .collect()
}

/// Options that must be one of a few words.
const CHOICES: &[(&str, &[&str])] = &[
    ("enrolment", &["policy", "legacy"]),
    ("log_level", LOG_LEVELS),
    (
        "hash_type",
        &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
    ),
    (
        "publish_signing_algorithm",
        &["PKCS1v15-SHA1", "PKCS1v15-SHA224"],
    ),
    ("top_file_merging_strategy", &["merge", "same", "merge_all"]),
    (
        "pillar_source_merging_strategy",
        &["smart", "aggregate", "overwrite", "recurse", "list", "none"],
    ),
];

const LOG_LEVELS: &[&str] = &[
    "all", "garbage", "trace", "debug", "profile", "info", "warning", "error", "critical", "quiet",
];

/// Options that must lie between two numbers: below or above, nothing works.
const RANGES: &[(&str, std::ops::RangeInclusive<u64>)] = &[
    ("keysize", 2048..=16384),
    ("minimum_auth_version", 0..=3),
    ("file_buffer_size", 1..=16 * 1024 * 1024),
    ("publish_session", 1..=u64::MAX),
    ("ext_pillar_timeout", 1..=3600),
];

fn base(directories: &[&str]) -> Roots {
    let directories = directories.iter().map(|&directory| directory.to_owned());
    Roots::from([("base".to_owned(), directories.collect())])
}

fn read<T: Setting>(raw: &Raw, option: &str, default: T, problems: &mut Vec<Problem>) -> T {
    let Some(written) = raw.get(option).filter(|written| !written.value.is_nil()) else {
        return default;
    };
    let expected = match checked(option, &written.value) {
        Some(expected) => Some(expected),
        None => T::read(&written.value)
            .is_none()
            .then(|| T::EXPECTED.to_owned()),
    };
    if let Some(expected) = expected {
        problems.push(problem(option, written, expected));
        return default;
    }
    T::read(&written.value).unwrap_or(default)
}

/// Says what would be right, if the value is of the right type and still wrong.
fn checked(option: &str, value: &Value) -> Option<String> {
    if let Some((_, words)) = CHOICES.iter().find(|(name, _)| *name == option) {
        let is_one = value
            .as_str()
            .is_some_and(|word| words.contains(&lowered(option, word).as_str()));
        return (!is_one).then(|| format!("one of {}", words.join(", ")));
    }
    let (_, range) = RANGES.iter().find(|(name, _)| *name == option)?;
    let number = u64::read(value)?;
    let (least, most) = (range.start(), range.end());
    let expected = || match *most {
        u64::MAX => format!("a whole number, {least} or more"),
        _ => format!("a whole number from {least} to {most}"),
    };
    (!range.contains(&number)).then(expected)
}

/// Words for which case does not count.
fn lowered(option: &str, word: &str) -> String {
    match option {
        "hash_type" | "log_level" => word.to_lowercase(),
        _ => word.to_owned(),
    }
}

fn problem(option: &str, written: &Written, expected: String) -> Problem {
    Problem {
        file: written.file.clone(),
        line: written.line,
        option: option.to_owned(),
        expected,
        got: describe(&written.value),
    }
}

impl Opts {
    /// Believes what was written, or lists everything that cannot be believed.
    pub(super) fn believe(raw: &Raw, disk: &dyn DiskRead) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut opts = Self::read(raw, &mut problems);
        check_backends(raw, &opts, &mut problems);
        check_regexes(raw, &opts, &mut problems);
        check_interface(raw, &opts, &mut problems);
        check_id(raw, &opts, &mut problems);
        check_ext_pillar(raw, &opts, &mut problems);
        check_networks(raw, &opts, &mut problems);
        if !problems.is_empty() {
            return Err(Error::Problems(problems));
        }
        if opts.store_dir.as_os_str().is_empty() {
            opts.store_dir = opts.cachedir.join("store");
        }
        // As Salt: the hours count only where nobody wrote seconds.
        let writes = |option| {
            raw.get(option)
                .is_some_and(|written| !written.value.is_nil())
        };
        if writes("keep_jobs") && !writes("keep_jobs_seconds") {
            opts.keep_jobs_seconds = opts.keep_jobs.saturating_mul(3600);
        }
        opts.hash_type = opts.hash_type.to_lowercase();
        opts.log_level = opts.log_level.to_lowercase();
        if opts.id.is_none() {
            opts.id = Some(default_id(disk)?);
        }
        opts.put_paths_under_root_dir();
        expand(&mut opts.file_roots, disk)?;
        expand(&mut opts.pillar_roots, disk)?;
        Ok(opts)
    }
}

/// Where the kernel tells the host name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Makes the master's id of the host name, as Salt does.
fn default_id(disk: &dyn DiskRead) -> Result<String, Error> {
    let name = disk.read(HOST_NAME.as_ref())?.unwrap_or_default();
    let name = String::from_utf8_lossy(&name);
    let name = if name.trim().is_empty() {
        "localhost"
    } else {
        name.trim()
    };
    Ok(format!("{name}_master"))
}

/// Expands the globs in roots; a directory that is not there yet stays.
fn expand(roots: &mut Roots, disk: &dyn DiskRead) -> Result<(), Error> {
    for directories in roots.values_mut() {
        let mut expanded = Vec::new();
        for directory in directories.drain(..) {
            if path_glob::has_wildcard(&directory) {
                let found = path_glob::matches(directory.as_ref(), disk)?;
                expanded.extend(found.iter().map(|path| path.to_string_lossy().into_owned()));
            } else {
                expanded.push(directory);
            }
        }
        *directories = expanded;
    }
    Ok(())
}

fn check_backends(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    let is_roots = |name: &String| name == "roots";
    if let Some(written) = raw.get("fileserver_backend")
        && !opts.fileserver_backend.iter().all(is_roots)
    {
        let expected = "[roots], the only file server there is yet".to_owned();
        problems.push(problem("fileserver_backend", written, expected));
    }
}

fn check_regexes(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    let is_regex = |text: &String| fancy_regex::Regex::new(text).is_ok();
    for (name, patterns) in [
        ("file_ignore_regex", &opts.file_ignore_regex),
        ("redact_patterns", &opts.redact_patterns),
    ] {
        if let Some(written) = raw.get(name)
            && !patterns.iter().all(is_regex)
        {
            let expected = "regular expressions".to_owned();
            problems.push(problem(name, written, expected));
        }
    }
}

fn check_interface(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    if let Some(written) = raw.get("interface")
        && opts.interface.parse::<std::net::IpAddr>().is_err()
    {
        let expected = "an IP address of this machine (0.0.0.0: all of them)".to_owned();
        problems.push(problem("interface", written, expected));
    }
}

fn check_ext_pillar(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    if let Some(written) = raw.get("ext_pillar")
        && let Some(expected) = external::check(&opts.ext_pillar)
    {
        problems.push(problem("ext_pillar", written, expected));
    }
}

fn check_id(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    let is_id = |id: &String| id.parse::<MinionId>().is_ok();
    if let Some(written) = raw.get("id")
        && !opts.id.as_ref().is_none_or(is_id)
    {
        problems.push(problem(
            "id",
            written,
            "an id: text without slashes".to_owned(),
        ));
    }
}

fn check_networks(raw: &Raw, opts: &Opts, problems: &mut Vec<Problem>) {
    let any = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let is_wrong = |network: &String| crate::enrolment::inventory::is_in(network, any).is_none();
    if let Some(written) = raw.get("enrolment_networks")
        && opts.enrolment_networks.iter().any(is_wrong)
    {
        problems.push(problem(
            "enrolment_networks",
            written,
            "networks such as 10.0.0.0/24".to_owned(),
        ));
    }
}
