//! One match over [`Request`]; the only one.
//!
//! From here a request goes to the family it belongs to. Everything a minion may ask has a variant;
//! what has none does not exist.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use minion_protocol::auth::AuthLoad;
use minion_protocol::load::file::ServeLoad;
use minion_protocol::{
    Cost, Doubt, KeyLookup, Opened, Principal, Refusal, Reply, Request, Seal, Version,
};
use model::Value;

use crate::aes_funcs::{events, files, mine, opts, peer, pillar, returns};
use crate::auth::Counter;
use crate::auth::replay::Age;
use crate::clear_funcs::{self, auth::Visitor};
use crate::ledger::Input;
use crate::shared::Shared;
use crate::signers::Turn;
use crate::transport::{Incoming, Refused, ReplyHandle};

/// Requests up to this size are opened by the thread that serves their socket: that takes less than
/// waking another one.
const OPENED_HERE_BYTES: usize = 16 * 1024;

/// The longest that a minion waits for one answer, unless it was told otherwise:
/// `request_channel_timeout`. A request that waited so long for its turn is answered with the text
/// of a master in trouble, without any work.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Handles one request, whose turn has come, from the socket to the answer.
pub async fn handle(shared: Arc<Shared>, incoming: Incoming, turn: Option<Turn>) {
    let Incoming {
        peer, body, reply, ..
    } = incoming;
    // Whoever waited too long has gone, or has asked again: no work for what nobody reads.
    if reply.is_given_up(PATIENCE_MAX) {
        return shared.refusals.count(Refused::GivenUp, peer, &"late");
    }
    match open(&shared, body).await {
        None => {}
        Some(Err(refusal)) => {
            shared.refusals.count(kind(&refusal), peer, &refusal);
            reply.send(refusal.reply());
        }
        Some(Ok(opened)) => {
            if let Some(bytes) = refused_as_replay(&shared, &opened, peer) {
                return reply.send(bytes);
            }
            let asked = Asked {
                peer,
                seal: opened.seal,
                reply,
                turn,
            };
            let visitor = Visitor {
                from: peer,
                version: opened.version,
                mark: opened.mark,
            };
            let request = (opened.request, opened.principal);
            work(&shared, request, &visitor, asked).await;
        }
    }
}

/// Does what a request that was opened asks for, and answers it.
async fn work(
    shared: &Arc<Shared>,
    (request, principal): (Request, Principal),
    visitor: &Visitor,
    asked: Asked,
) {
    if let Some(id) = principal.minion_id() {
        let now = shared.world.clock.now();
        shared.presence.saw(id, visitor.from.ip(), now);
    }
    note_version(shared, &principal, visitor.version).await;
    if let Request::Auth(load) = request {
        return sign_in(shared, load, visitor, asked).await;
    }
    if let Request::ServeFile(load) = request {
        return serve_file(shared, load, asked);
    }
    let mut handed = None;
    let answer = answer_once(shared, request, &principal, visitor, &mut handed).await;
    if answer.cost() == Cost::PrivateKey {
        let at_work = Arc::clone(shared);
        return shared
            .signers
            .give(move || asked.answer(&at_work, Some(&answer)));
    }
    let Some((reply, bytes)) = sealed(shared, asked, answer).await else {
        return;
    };
    // A peer that has gone away asks again on a new connection.
    match handed {
        None => reply.send(bytes),
        Some(handed) => {
            if reply.send_and_wait(bytes).await {
                mine::delivered(shared, handed).await;
            }
        }
    }
}

/// Opens a request: a large one, of which there are megabytes to decrypt and parse, where blocking
/// is allowed. `None` if the master stops.
async fn open(shared: &Arc<Shared>, body: Bytes) -> Option<Result<Opened, Refusal>> {
    if body.len() <= OPENED_HERE_BYTES {
        return Some(shared.channel.open(&body));
    }
    let shared = Arc::clone(shared);
    let opened = tokio::task::spawn_blocking(move || shared.channel.open(&body));
    opened.await.ok()
}

/// Seals an answer; `None` if nobody is there to read it, or the master stops.
async fn sealed(
    shared: &Arc<Shared>,
    asked: Asked,
    answer: Reply,
) -> Option<(ReplyHandle, Vec<u8>)> {
    let Asked {
        peer, seal, reply, ..
    } = asked;
    if answer.cost() == Cost::Little {
        return Some((reply, shared.channel.seal(&seal, &answer)));
    }
    if reply.is_abandoned() {
        shared.refusals.count(Refused::GivenUp, peer, &"late");
        return None;
    }
    let shared = Arc::clone(shared);
    let work = move || shared.channel.seal(&seal, &answer);
    let bytes = tokio::task::spawn_blocking(work).await.ok()?;
    Some((reply, bytes))
}

/// A request that waits for its answer, with its turn.
struct Asked {
    peer: SocketAddr,
    seal: Seal,
    reply: ReplyHandle,
    turn: Option<Turn>,
}

impl Asked {
    /// Seals the answer on this thread, and gives it to its connection. Gives back the turn, which
    /// is over.
    fn answer(self, shared: &Shared, answer: Option<&Reply>) -> Option<Turn> {
        match answer {
            None => self.reply.send(below_the_floor()),
            Some(_) if self.reply.is_abandoned() => {
                shared.refusals.count(Refused::GivenUp, self.peer, &"late");
            }
            Some(answer) => self.reply.send(shared.channel.seal(&self.seal, answer)),
        }
        self.turn
    }
}

/// Answers with a piece of a file: it is read and sealed where blocking is allowed, and goes from
/// there to its connection.
fn serve_file(shared: &Arc<Shared>, load: ServeLoad, asked: Asked) {
    let shared = Arc::clone(shared);
    let work = move || {
        let piece = files::serve(&shared.files, &load);
        asked.answer(&shared, Some(&piece))
    };
    // Nobody waits here. A panic drops the right to answer, and that answers for a master in
    // trouble.
    drop(tokio::task::spawn_blocking(work));
}

/// Answers a sign-in. What the ledger says goes straight to the threads with the private key.
async fn sign_in(shared: &Arc<Shared>, load: AuthLoad, visitor: &Visitor, asked: Asked) {
    let from = visitor.from;
    if !shared.pace.take(from.ip()) {
        shared.refusals.count(Refused::SignInRate, from, &load.id);
        // Not false, at which a real minion ends: it tries again after this.
        asked.answer(shared, Some(&Reply::Broken));
        return;
    }
    let at_work = Arc::clone(shared);
    match clear_funcs::auth::gather(shared, load, visitor).await {
        Ok((input, sign_in)) => {
            let go_on = move |decided| {
                let told = sign_in.told(&at_work, decided);
                asked.answer(&at_work, told.as_ref())
            };
            shared.signers.decide(&shared.ledger, input, go_on).await;
        }
        Err(told) => shared
            .signers
            .give(move || asked.answer(&at_work, Some(&told))),
    }
}

/// What a minion is told whose key has spoken a newer protocol.
fn below_the_floor() -> Vec<u8> {
    Refusal::BadLoad(Doubt::Downgrade(0, None)).reply()
}

/// Says what kind of refusal this is, for the counts.
fn kind(refusal: &Refusal) -> Refused {
    match refusal {
        Refusal::BadLoad(doubt) => match doubt {
            Doubt::Msgpack(_) | Doubt::NoEnvelope | Doubt::Enc | Doubt::Algo => Refused::Envelope,
            Doubt::Version(_) | Doubt::Downgrade(..) => Refused::Version,
            Doubt::Undecryptable | Doubt::Unknown(_) => Refused::Key,
            _ => Refused::Identity,
        },
        Refusal::LoadNotMap | Refusal::SigAlgo | Refusal::EncAlgo => Refused::Envelope,
        Refusal::IdNul | Refusal::IdNotText(_) => Refused::Identity,
    }
}

/// Answers a request. Minions of protocols 0 and 2 send the same bytes again when an answer is
/// late, and so may somebody who recorded them: what is done is answered again, and not done again.
async fn answer_once(
    shared: &Arc<Shared>,
    request: Request,
    principal: &Principal,
    visitor: &Visitor,
    handed: &mut Option<mine::Handed>,
) -> Reply {
    let mark = visitor.mark.filter(|_| visitor.version < Version::V3);
    let again = mark.zip(answer_to_done(&request));
    if let Some((mark, answer)) = &again
        && shared.channel.is_done(*mark)
    {
        let why = "the same request was done before";
        shared.refusals.count(Refused::Repeat, visitor.from, &why);
        return answer.clone();
    }
    let answer = answer(shared, request, principal, visitor, handed).await;
    if let Some((mark, _)) = again
        && matches!(answer, Reply::Value(_))
    {
        shared.channel.note_done(mark);
    }
    answer
}

/// Gives the answer to a request that changes something, for when that is done; none to those that
/// only ask, which may ask again.
fn answer_to_done(request: &Request) -> Option<Reply> {
    match request {
        Request::Return(_) | Request::MinionEvent(_) => Some(Reply::Value(Value::Nil)),
        Request::Mine(_) | Request::MineDelete(_) | Request::MineFlush(_) => {
            Some(Reply::Value(true.into()))
        }
        _ => None,
    }
}

/// Answers a request. Some are boxed: each request has room for the largest of those that are not.
async fn answer(
    shared: &Arc<Shared>,
    request: Request,
    principal: &Principal,
    visitor: &Visitor,
    handed: &mut Option<mine::Handed>,
) -> Reply {
    let from = visitor.from;
    match request {
        // Answered by their own ways, see [`sign_in`] and [`serve_file`].
        Request::Auth(_) | Request::ServeFile(_) => Reply::Broken,
        Request::BadAuth(error) => {
            shared.refusals.count(Refused::Identity, from, &error);
            clear_funcs::auth::malformed(shared, &error, from)
        }
        Request::Ping(load) => Reply::Value(load.into()),
        Request::Publish(_)
        | Request::Runner(_)
        | Request::Wheel(_)
        | Request::MkToken(_)
        | Request::GetToken(_) => {
            let why = "a command of a local user came over the network";
            shared.refusals.count(Refused::Command, from, &why);
            clear_funcs::refuse()
        }
        Request::Pillar(load) => Box::pin(pillar::pillar(shared, *load)).await,
        Request::Return(load) => returns::take(shared, load).await,
        Request::SyndicReturn(_) => Reply::empty(),
        Request::MinionEvent(load) => events::fire(shared, load, from).await,
        Request::Mine(load) => Box::pin(mine::store(shared, load)).await,
        Request::MineGet(load) => Box::pin(mine::get(shared, load, handed)).await,
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
        Request::FileRecv(load) => files::receive(shared, load).await,
        Request::MinionPub(_) | Request::MinionPublish(_) => peer::refuse(),
        Request::PubRet(_) | Request::MinionRunner(_) => peer::refuse(),
        Request::RevokeAuth(load) => peer::revoke(shared, load, principal).await,
        Request::RegisterResources(_) => Reply::Value(true.into()),
        Request::Unknown(cmd) => {
            shared.refusals.count(Refused::Command, from, &cmd);
            Reply::empty()
        }
        Request::Malformed { cmd, error } => {
            let why = format!("malformed load of {cmd}: {error}");
            shared.refusals.count(Refused::Load, from, &why);
            Reply::empty()
        }
    }
}

/// Gives the answer to a request that came before or is too old: it has no effect. Its minion, if
/// it was honest after all, signs in again.
fn refused_as_replay(shared: &Shared, opened: &Opened, peer: SocketAddr) -> Option<Vec<u8>> {
    let now = shared.world.clock.now();
    let (counter, doubt) = match shared.replays.judge(opened, peer.ip(), now) {
        Age::New | Age::Resent => return None,
        Age::Replayed => (Counter::Replayed, Doubt::Replay),
        Age::Stale => {
            // With a new session what was recorded under the old one can be read by nobody.
            if let Principal::Proven(id) = &opened.principal {
                shared.keyring.end_session(id);
            }
            (Counter::Stale, Doubt::Stale)
        }
    };
    shared.counters.add(counter);
    shared.refusals.count(Refused::Replay, peer, &doubt);
    Some(Refusal::BadLoad(doubt).reply())
}

/// Remembers the protocol that a key has proven to speak, before anything is answered.
async fn note_version(shared: &Arc<Shared>, principal: &Principal, version: Version) {
    let Principal::Proven(id) = principal else {
        return;
    };
    let version = version.number();
    if shared.keyring.version_floor(Some(id)) < version {
        let spoke = Input::Spoke(id.clone(), version);
        if let Err(error) = shared.ledger.decide(spoke).await {
            tracing::warn!(%id, %error, "the protocol that this key speaks is noted later");
        }
    }
}
