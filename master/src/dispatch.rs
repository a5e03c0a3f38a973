//! One match over [`Request`]; the only one.
//!
//! From here a request goes to the family it belongs to. Everything a minion may ask has a variant;
//! what has none does not exist.

use std::net::SocketAddr;
use std::sync::Arc;

use minion_protocol::{Opened, Principal, Reply, Request};

use crate::aes_funcs::{events, files, mine, opts, peer, pillar, returns};
use crate::clear_funcs;
use crate::shared::Shared;
use crate::transport::Incoming;

/// Handles one request from the socket to the answer.
pub async fn handle(shared: Arc<Shared>, incoming: Incoming) {
    let Incoming {
        peer, body, reply, ..
    } = incoming;
    let opening = Arc::clone(&shared);
    let mut handed = None;
    // Opening may cost a public RSA operation and the parsing of megabytes: not on the threads that
    // serve sockets.
    let opened = tokio::task::spawn_blocking(move || opening.channel.open(&body)).await;
    let bytes = match opened {
        Err(_) => return,
        Ok(Err(refusal)) => {
            tracing::debug!(%peer, %refusal, "refused");
            refusal.reply()
        }
        Ok(Ok(opened)) => {
            let Opened {
                request,
                principal,
                seal,
                ..
            } = opened;
            if let Some(id) = principal.minion_id() {
                shared.presence.saw(id, peer.ip(), shared.world.clock.now());
            }
            let answer = answer(&shared, request, &principal, peer, &mut handed).await;
            let sealing = Arc::clone(&shared);
            let sealed = tokio::task::spawn_blocking(move || sealing.channel.seal(&seal, &answer));
            match sealed.await {
                Ok(bytes) => bytes,
                Err(_) => return,
            }
        }
    };
    // A peer that has gone away asks again on a new connection.
    match handed {
        None => reply.send(bytes),
        Some(handed) => {
            if reply.send_and_wait(bytes).await {
                mine::delivered(&shared, handed).await;
            }
        }
    }
}

async fn answer(
    shared: &Arc<Shared>,
    request: Request,
    principal: &Principal,
    from: SocketAddr,
    handed: &mut Option<mine::Handed>,
) -> Reply {
    match request {
        Request::Auth(load) => clear_funcs::auth::sign_in(shared, load, from).await,
        Request::BadAuth(error) => clear_funcs::auth::malformed(&error, from),
        Request::Ping(load) => Reply::Value(load.into()),
        Request::Publish(_) | Request::Runner(_) | Request::Wheel(_) => clear_funcs::refuse(),
        Request::MkToken(_) | Request::GetToken(_) => clear_funcs::refuse(),
        Request::Pillar(load) => pillar::pillar(shared, *load).await,
        Request::Return(load) => returns::take(shared, *load).await,
        Request::SyndicReturn(_) => Reply::empty(),
        Request::MinionEvent(load) => events::fire(shared, load).await,
        Request::Mine(load) => mine::store(shared, load).await,
        Request::MineGet(load) => mine::get(shared, load, handed).await,
        Request::MineDelete(load) => mine::delete(shared, load.id, Some(load.fun)).await,
        Request::MineFlush(id) => mine::delete(shared, id, None).await,
        Request::MasterOpts { env_only } => opts::master_opts(shared, env_only),
        Request::MasterTops(_) => Reply::empty(),
        Request::FileEnvs => files::envs(shared),
        Request::FileList(load) => files::list(shared, files::Listing::Files, load).await,
        Request::FileListEmptydirs(load) => {
            files::list(shared, files::Listing::EmptyDirs, load).await
        }
        Request::DirList(load) => files::list(shared, files::Listing::Dirs, load).await,
        Request::SymlinkList(load) => files::list(shared, files::Listing::Symlinks, load).await,
        Request::FileHash(load) => files::hash(shared, load).await,
        Request::FileHashAndStat(load) => files::hash_and_stat(shared, load).await,
        Request::FileFind(load) => files::find(shared, load).await,
        Request::ServeFile(load) => files::serve(shared, load).await,
        Request::FileRecv(load) => files::receive(shared, load).await,
        Request::MinionPub(_) | Request::MinionPublish(_) => peer::refuse(),
        Request::PubRet(_) | Request::MinionRunner(_) => peer::refuse(),
        Request::RevokeAuth(load) => peer::revoke(shared, load, principal).await,
        Request::RegisterResources(_) => Reply::Value(true.into()),
        Request::Unknown(cmd) => {
            tracing::debug!(%from, %cmd, "unknown command");
            Reply::empty()
        }
        Request::Malformed { cmd, error } => {
            tracing::debug!(%from, %cmd, %error, "malformed load");
            Reply::empty()
        }
    }
}
