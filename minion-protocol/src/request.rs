//! The closed list of what may be asked. What is no variant here does not exist.
//!
//! There is no dispatch by name: a command's name is compared in this file and nowhere else.

use model::{Map, MinionId, Value};

use crate::auth::AuthLoad;
use crate::limits::CMD_CHARS_MAX;
use crate::load::{Fields, LoadError, event, file, local, mine, peer, pillar, returns, tops};

/// A request, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `_auth`: may I come in? Sealed with [`crate::Reply::Auth`] only.
    Auth(AuthLoad),
    /// An `_auth` whose id or key is malformed; answered as refused, recorded nowhere.
    BadAuth(LoadError),

    /// `ping` in the clear: the load comes back.
    Ping(Map),
    /// `publish` in the clear, from a local user.
    Publish(Box<local::PublishLoad>),
    /// `runner` in the clear.
    Runner(local::FunctionLoad),
    /// `wheel` in the clear.
    Wheel(local::FunctionLoad),
    /// `mk_token` in the clear.
    MkToken(local::Credentials),
    /// `get_token` in the clear.
    GetToken(local::Credentials),

    /// `_pillar`: the asker's pillar.
    Pillar(Box<pillar::PillarLoad>),
    /// `_return`: what a job gave.
    Return(Box<returns::ReturnLoad>),
    /// `_syndic_return`: what a lower master's jobs gave.
    SyndicReturn(returns::SyndicReturnLoad),
    /// `_minion_event`: events for the bus.
    MinionEvent(event::EventLoad),
    /// `_mine`: values to keep.
    Mine(mine::MineLoad),
    /// `_mine_get`: values kept of others.
    MineGet(mine::MineGetLoad),
    /// `_mine_delete`: forget one value.
    MineDelete(mine::MineDeleteLoad),
    /// `_mine_flush`: forget all values.
    MineFlush(MinionId),
    /// `_master_opts`: options a state run needs.
    MasterOpts {
        /// Whether only those about environments are asked.
        env_only: bool,
    },
    /// `_master_tops` and its older name `_ext_nodes`.
    MasterTops(tops::TopsLoad),
    /// `_file_envs`.
    FileEnvs,
    /// `_file_list`.
    FileList(file::ListLoad),
    /// `_file_list_emptydirs`.
    FileListEmptydirs(file::ListLoad),
    /// `_dir_list`.
    DirList(file::ListLoad),
    /// `_symlink_list`.
    SymlinkList(file::ListLoad),
    /// `_file_hash`.
    FileHash(file::PathLoad),
    /// `_file_hash_and_stat`.
    FileHashAndStat(file::PathLoad),
    /// `_file_find`.
    FileFind(file::PathLoad),
    /// `_serve_file`.
    ServeFile(file::ServeLoad),
    /// `_file_recv`: a chunk of a file for the master.
    FileRecv(file::RecvLoad),
    /// `minion_pub`: a minion publishes to its peers.
    MinionPub(Box<peer::PublishLoad>),
    /// `minion_publish`: the same, and waits for the returns.
    MinionPublish(Box<peer::PublishLoad>),
    /// `pub_ret`: the returns of a job the minion published.
    PubRet(peer::PubRetLoad),
    /// `minion_runner`: a minion asks for a runner.
    MinionRunner(peer::RunnerLoad),
    /// `revoke_auth`: a minion gives its own key up.
    RevokeAuth(peer::RevokeLoad),
    /// `_register_resources` of 3008.
    RegisterResources(peer::ResourcesLoad),

    /// A command that is not in this list. Answered with an empty map.
    Unknown(String),
    /// A known command without a field it needs. Answered with an empty map.
    Malformed {
        /// The command.
        cmd: String,
        /// What is wrong.
        error: LoadError,
    },
}

impl Request {
    pub(crate) fn auth(load: Map) -> Self {
        match AuthLoad::read(load) {
            Ok(load) => Request::Auth(load),
            Err(error) => Request::BadAuth(error),
        }
    }

    pub(crate) fn clear(load: Map) -> Self {
        let cmd = cmd(&load);
        if cmd == "ping" {
            return Request::Ping(load);
        }
        let fields = Fields::new(load);
        let request = match cmd.as_str() {
            "publish" => local::PublishLoad::read(fields)
                .map(Box::new)
                .map(Request::Publish),
            "runner" => local::FunctionLoad::read(fields).map(Request::Runner),
            "wheel" => local::FunctionLoad::read(fields).map(Request::Wheel),
            "mk_token" => local::Credentials::read(fields).map(Request::MkToken),
            "get_token" => local::Credentials::read(fields).map(Request::GetToken),
            _ => return Request::Unknown(shorten(cmd)),
        };
        request.unwrap_or_else(|error| Request::Malformed { cmd, error })
    }

    /// `id` is the asker's, already proven or at least accepted.
    pub(crate) fn aes(load: Map, id: Option<&MinionId>) -> Self {
        let cmd = cmd(&load);
        let fields = Fields::new(load);
        let anonymous = match by_anyone(&cmd, fields) {
            Ok(request) => return typed(cmd, request),
            Err(fields) => fields,
        };
        let Some(id) = id.cloned() else {
            return match BY_MINIONS.contains(&cmd.as_str()) {
                true => typed(cmd, Err(LoadError::missing("id"))),
                false => Request::Unknown(shorten(cmd)),
            };
        };
        match by_minion(&cmd, anonymous, id) {
            Some(request) => typed(cmd, request),
            None => Request::Unknown(shorten(cmd)),
        }
    }
}

fn typed(cmd: String, request: Result<Request, LoadError>) -> Request {
    request.unwrap_or_else(|error| Request::Malformed { cmd, error })
}

type Typed = Result<Request, LoadError>;

/// Commands that old minions send without an id. Gives the fields back if it is another command.
fn by_anyone(cmd: &str, mut fields: Fields) -> Result<Typed, Fields> {
    Ok(match cmd {
        "_master_opts" => Ok(Request::MasterOpts {
            env_only: fields.take("env_only").is_some_and(|only| only.is_truthy()),
        }),
        "_file_envs" => Ok(Request::FileEnvs),
        "_file_list" => file::ListLoad::read(fields).map(Request::FileList),
        "_file_list_emptydirs" => file::ListLoad::read(fields).map(Request::FileListEmptydirs),
        "_dir_list" => file::ListLoad::read(fields).map(Request::DirList),
        "_symlink_list" => file::ListLoad::read(fields).map(Request::SymlinkList),
        "_file_hash" => file::PathLoad::read(fields).map(Request::FileHash),
        "_file_hash_and_stat" => file::PathLoad::read(fields).map(Request::FileHashAndStat),
        "_file_find" => file::PathLoad::read(fields).map(Request::FileFind),
        "_serve_file" => file::ServeLoad::read(fields).map(Request::ServeFile),
        _ => return Err(fields),
    })
}

/// The names [`by_minion`] knows, to tell a request without an id from one that does not exist.
const BY_MINIONS: [&str; 17] = [
    "_pillar",
    "_return",
    "_syndic_return",
    "_minion_event",
    "_mine",
    "_mine_get",
    "_mine_delete",
    "_mine_flush",
    "_master_tops",
    "_ext_nodes",
    "_file_recv",
    "minion_pub",
    "minion_publish",
    "pub_ret",
    "minion_runner",
    "revoke_auth",
    "_register_resources",
];

fn by_minion(cmd: &str, fields: Fields, id: MinionId) -> Option<Typed> {
    Some(match cmd {
        "_pillar" => pillar::PillarLoad::read(fields, id)
            .map(Box::new)
            .map(Request::Pillar),
        "_return" => returns::ReturnLoad::read(fields, id)
            .map(Box::new)
            .map(Request::Return),
        "_syndic_return" => returns::SyndicReturnLoad::read(fields, id).map(Request::SyndicReturn),
        "_minion_event" => event::EventLoad::read(fields, id).map(Request::MinionEvent),
        "_mine" => mine::MineLoad::read(fields, id).map(Request::Mine),
        "_mine_get" => mine::MineGetLoad::read(fields, id).map(Request::MineGet),
        "_mine_delete" => mine::MineDeleteLoad::read(fields, id).map(Request::MineDelete),
        "_mine_flush" => Ok(Request::MineFlush(id)),
        "_master_tops" | "_ext_nodes" => tops::TopsLoad::read(fields, id).map(Request::MasterTops),
        "_file_recv" => file::RecvLoad::read(fields, id).map(Request::FileRecv),
        "minion_pub" => peer::PublishLoad::read(fields, id)
            .map(Box::new)
            .map(Request::MinionPub),
        "minion_publish" => peer::PublishLoad::read(fields, id)
            .map(Box::new)
            .map(Request::MinionPublish),
        "pub_ret" => peer::PubRetLoad::read(fields, id).map(Request::PubRet),
        "minion_runner" => peer::RunnerLoad::read(fields, id).map(Request::MinionRunner),
        "revoke_auth" => peer::RevokeLoad::read(fields, id).map(Request::RevokeAuth),
        "_register_resources" => {
            peer::ResourcesLoad::read(fields, id).map(Request::RegisterResources)
        }
        _ => return None,
    })
}

fn cmd(load: &Map) -> String {
    load.get("cmd")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn shorten(cmd: String) -> String {
    cmd.chars().take(CMD_CHARS_MAX).collect()
}
