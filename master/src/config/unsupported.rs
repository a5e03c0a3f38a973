//! Options that Salt's master knows and this one does nothing with, and what to do instead.
//!
//! A long list on purpose. A family of names with one answer is one entry, by its prefix.

const MINION: &str = "it is a minion's option; it belongs into the minion's configuration";
const ONE_PROCESS: &str = "the master is one process that uses all processors; nothing to set";
const RETURNS: &str = "jobs, returns and events are kept in the master's own log";
const KEY_SIGNING: &str = "a private key with a passphrase cannot be read yet";
const SYNDIC: &str = "there are no syndics";
const SSH: &str = "there is no salt-ssh";
const CLI: &str = "give the matching flag to the command instead";
const LATER: &str = "not built yet";
const EXTENSIONS: &str = "the master runs no Python; files for minions belong into file_roots";
const TRANSPORT: &str = "minions are served by ZeroMQ's protocol with limits of the master's own";

/// Options that only say which files to read; they have had their effect.
const FOR_THE_READER: &[&str] = &["include", "default_include", "conf_file"];

/// Families of options, by the beginning of their names.
const FAMILIES: &[(&str, &str)] = &[
    (
        "gitfs_",
        "files come from file_roots only; check the repository out there",
    ),
    (
        "git_pillar_",
        "pillars come from pillar_roots only; check the repository out there",
    ),
    ("hgfs_", "files come from file_roots only"),
    ("svnfs_", "files come from file_roots only"),
    ("s3fs_", "files come from file_roots only"),
    ("s3.", "files come from file_roots only"),
    ("azurefs_", "files come from file_roots only"),
    ("minionfs_", "files come from file_roots only"),
    ("winrepo_", "there is no Windows package repository"),
    ("ssh_", SSH),
    ("syndic_", SYNDIC),
    ("thorium", "there is no thorium; use an orchestration"),
    ("memcache_", "there is nothing to cache in front of"),
    ("log_fmt_", "the log has a fixed form, one line a fact"),
    ("log_datefmt", "the log has a fixed form, one line a fact"),
    ("log_rotate_", "let logrotate or the journal do it"),
    ("event_return_", RETURNS),
    ("master_stats", "see the metrics of the HTTP API"),
    ("tcp_", TRANSPORT),
    ("source_", MINION),
    ("reactor_", "there are no reactions to events yet"),
    ("queue_", "there are no queues"),
    ("django_auth_", "there is no Django login"),
    ("pass_", "pillars do not read pass"),
    ("proxy_", "there are no proxy minions"),
    ("cluster_", "there is no cluster of masters yet"),
    (
        "rest_tornado",
        "use rest_cherrypy: it sets the one HTTP API there is",
    ),
    (
        "rest_wsgi",
        "use rest_cherrypy: it sets the one HTTP API there is",
    ),
];

/// Single options.
const OPTIONS: &[(&str, &str)] = &[
    ("archive_jobs", RETURNS),
    ("auth_mode", TRANSPORT),
    ("cache", RETURNS),
    ("cache_sreqs", TRANSPORT),
    ("clean_dynamic_modules", MINION),
    ("cli_summary", CLI),
    ("client_acl_verify", "every user is checked"),
    ("con_cache", "connected minions are always known"),
    ("cython_enable", EXTENSIONS),
    (
        "detect_remote_minions",
        "minions are known by their connections",
    ),
    ("discovery", "masters are not announced"),
    ("drop_messages_signature_fail", LATER),
    ("dummy_pub", "it is for Salt's own tests"),
    ("eauth_acl_module", EXTENSIONS),
    ("eauth_tokens", RETURNS),
    ("enable_gpu_grains", "the master has no grains of its own"),
    ("enable_legacy_startup_events", MINION),
    ("enable_ssh_minions", SSH),
    ("encryption_algorithm", MINION),
    ("enforce_mine_cache", "the mine is always kept"),
    (
        "engines",
        "there are no engines; read the event stream of the HTTP API",
    ),
    ("event_match_type", "a tag is matched as its reader says"),
    ("event_publisher_niceness", ONE_PROCESS),
    ("event_return", RETURNS),
    ("ext_job_cache", RETURNS),
    ("extension_modules", EXTENSIONS),
    ("external_auth", LATER),
    ("extmod_blacklist", EXTENSIONS),
    ("extmod_whitelist", EXTENSIONS),
    ("features", "it switches code of Salt's own"),
    ("file_client", "the master serves its files itself"),
    ("file_recv", "files that minions push are refused"),
    ("file_recv_max_size", "files that minions push are refused"),
    ("fileserver_events", LATER),
    (
        "fileserver_interval",
        "a changed file is noticed when it is asked for",
    ),
    ("fileserver_limit_traversal", "lists hold every file"),
    ("fileserver_update_niceness", ONE_PROCESS),
    (
        "fileserver_verify_config",
        "the configuration is always checked",
    ),
    ("fips_mode", LATER),
    ("http_connect_timeout", "see ext_pillar_timeout"),
    (
        "http_max_body",
        "an answer to an external pillar has 16 MiB at most",
    ),
    ("http_request_timeout", "see ext_pillar_timeout"),
    (
        "gpg_cache_backend",
        "what was decrypted is kept in memory, never on a disk",
    ),
    (
        "ipc_mode",
        "the programs talk to the master by a socket in sock_dir",
    ),
    (
        "ipc_write_buffer",
        "a slow reader of events holds up nobody",
    ),
    ("ipv6", "set interface to an IPv6 address, or to :: for all"),
    ("job_cache", RETURNS),
    ("job_cache_store_endtime", "the end of a job is always kept"),
    ("keep_acl_in_token", "a token holds what its owner may do"),
    ("key_cache", "keys are always known"),
    ("key_logfile", CLI),
    (
        "key_pass",
        "a private key with a passphrase cannot be read yet",
    ),
    ("local", MINION),
    ("lock_saltenv", MINION),
    ("log_granular_levels", "set RUST_LOG for levels by part"),
    (
        "log_level_logfile",
        "the log file shows what log_level says",
    ),
    (
        "loop_interval",
        "each task of upkeep has a period of its own",
    ),
    ("maintenance_interval", "see loop_interval"),
    ("maintenance_niceness", ONE_PROCESS),
    ("master", MINION),
    ("master_job_cache", RETURNS),
    ("master_roots", EXTENSIONS),
    ("master_tops", "top files come from file_roots only"),
    ("master_tops_first", "top files come from file_roots only"),
    ("max_event_size", "events are never cut short"),
    (
        "max_open_files",
        "the service manager sets it (LimitNOFILE)",
    ),
    ("min_extra_mods", SSH),
    (
        "mine_get",
        "reading the mine is restricted by allow_tgt of mine.send only",
    ),
    ("mine_interval", MINION),
    ("minion_data_cache", "what minions said is always kept"),
    ("minion_data_cache_events", LATER),
    ("module_dirs", EXTENSIONS),
    ("mworker_niceness", ONE_PROCESS),
    ("mworker_queue_niceness", ONE_PROCESS),
    ("netapi_allow_raw_shell", SSH),
    (
        "netapi_disable_clients",
        "name the clients to offer in netapi_enable_clients",
    ),
    ("netapi_enable_clients", LATER),
    ("optimization_order", EXTENSIONS),
    ("order_masters", SYNDIC),
    ("outputter_dirs", EXTENSIONS),
    ("peer", "minions may not publish to each other"),
    ("peer_run", "minions may not call runners"),
    ("permissive_acl", "every rule must allow what is run"),
    (
        "pillar_cache_backend",
        "a compiled pillar is kept in memory",
    ),
    (
        "pillar_version",
        "pillars are always sealed for their minion",
    ),
    ("presence_events", LATER),
    ("preserve_minion_cache", LATER),
    ("pub_hwm", TRANSPORT),
    ("pub_server_niceness", ONE_PROCESS),
    ("publish_drain_timeout", TRANSPORT),
    ("publish_timeout", TRANSPORT),
    (
        "publisher_acl",
        "the local socket is for the master's user alone",
    ),
    (
        "publisher_acl_blacklist",
        "the local socket is for the master's user alone",
    ),
    ("range_server", "there are no range targets"),
    ("reactor", "there are no reactions to events yet"),
    ("regen_thin", SSH),
    ("remote_minions_port", SSH),
    (
        "renderer_blacklist",
        "the renderers are jinja, yaml and json",
    ),
    (
        "renderer_whitelist",
        "the renderers are jinja, yaml and json",
    ),
    ("req_server_niceness", ONE_PROCESS),
    ("request_server_aes_session", TRANSPORT),
    ("require_minion_sign_messages", LATER),
    ("rest_cherrypy", LATER),
    (
        "roots_update_interval",
        "a changed file is noticed when it is asked for",
    ),
    ("runner_dirs", EXTENSIONS),
    ("runner_returns", "returns of runners are always kept"),
    ("salt_cp_chunk_size", CLI),
    ("saltenv", CLI),
    (
        "schedule",
        "the master has no schedule yet; use a timer of the system",
    ),
    ("search", EXTENSIONS),
    ("serial", "minions are spoken to in msgpack"),
    ("show_jid", CLI),
    ("show_timeout", CLI),
    ("sign_pub_messages", "what is published is always signed"),
    ("signing_algorithm", MINION),
    ("signing_key_pass", KEY_SIGNING),
    ("sock_pool_size", TRANSPORT),
    ("sqlite_queue_dir", "there are no queues"),
    ("ssl", TRANSPORT),
    ("state_output", CLI),
    ("state_output_diff", CLI),
    ("state_output_profile", CLI),
    ("state_verbose", CLI),
    ("sudo_acl", "use publisher_acl"),
    ("test", MINION),
    ("thin_extra_mods", SSH),
    ("token_expire", LATER),
    (
        "token_expire_user_override",
        "a token lives as long as token_expire says",
    ),
    ("top_file", "see state_top"),
    ("transport", "minions are served by ZeroMQ's protocol only"),
    ("unique_jid", "job ids are always unique"),
    ("utils_dirs", EXTENSIONS),
    ("verify_env", "directories are always checked"),
    ("worker_threads", ONE_PROCESS),
    ("zmq_backlog", TRANSPORT),
    ("zmq_monitor", TRANSPORT),
];

/// Says whether an option has had its effect when the files were read.
pub(super) fn is_for_the_reader(option: &str) -> bool {
    FOR_THE_READER.contains(&option)
}

/// Says why an option that Salt knows has no effect; `None` if Salt does not know it either.
pub(super) fn why(option: &str) -> Option<&'static str> {
    let single = OPTIONS.iter().find(|(name, _)| *name == option);
    let family = || {
        FAMILIES
            .iter()
            .find(|(prefix, _)| option.starts_with(prefix))
    };
    single.or_else(family).map(|(_, why)| *why)
}

/// Gives the names of the single options.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FOR_THE_READER
        .iter()
        .copied()
        .chain(OPTIONS.iter().map(|(name, _)| *name))
}

/// Gives single options and families (with `*`) with their answers.
pub(super) fn all() -> impl Iterator<Item = (String, &'static str)> {
    let families = FAMILIES
        .iter()
        .map(|(prefix, why)| (format!("{prefix}*"), *why));
    families.chain(OPTIONS.iter().map(|(name, why)| ((*name).to_owned(), *why)))
}
