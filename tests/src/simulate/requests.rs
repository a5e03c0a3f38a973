//! What minions ask, as the master's dispatch takes it: decoded, put before the ledger, answered.

use master::act::TOLD_AGAIN_AFTER;
use master::auth::decide::{Attempt, Claim, Outcome};
use master::jobs::decide::{Known, resolve};
use master::ledger::{Answer, Input, LedgerError, TimerKey};
use master::mine;
use model::target::Target;
use model::{Jid, Map, MinionId, Value};

use super::fault::Fault;
use super::master_process::{Life, SimEntropy};
use super::minion::{Ask, Frame, Reply};
use super::operator::CALL_OFF_AGAIN;
use super::world::{Happening, World};

/// How long a process that ended at its start is away, in milliseconds.
const START_PAUSE_MS: u64 = 2_000;

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum Asker {
    Nobody,
    /// The master told itself, and does so again if it must.
    Itself(Box<Input>),
    /// A timer that is set again if it must.
    Timer(TimerKey),
    /// Without the record of its start the process ends.
    Start,
    Operator,
    /// Somebody who answers the run's question.
    Approver,
    /// The operator, who calls the run off.
    Canceller,
    /// The operator, who begins again.
    Retrier,
    /// A stranger that must not get in.
    Twin,
    Minion(Box<Frame>, Vec<String>),
    /// A minion returns; what it says in clear, if the log must not have it.
    Returner(Box<Frame>, Option<Value>),
    /// A minion reads the mine, and found this so far.
    Reader(Box<Frame>, Map),
}

/// A sign-in that the operator's files let in.
fn attempt(id: MinionId, pem: String) -> Box<Attempt> {
    let claim = Claim {
        signed_by: Some("simulation".into()),
        ..Claim::default()
    };
    Box::new(Attempt {
        id,
        pem,
        version: 3,
        from: "10.0.0.1".into(),
        claim,
        is_over_max: false,
        is_old_gone: false,
    })
}

impl World {
    pub(super) fn answer(&mut self, asker: Asker, answer: Result<Answer, LedgerError>) {
        let again = TOLD_AGAIN_AFTER.as_micros() as u64;
        match (asker, answer) {
            (Asker::Start, Err(_)) => self.kill(START_PAUSE_MS),
            (Asker::Itself(input), Err(_)) => {
                let number = self.life().map_or(0, |life| life.number);
                self.after(again, Happening::Input(number, input));
            }
            (Asker::Timer(key), Err(_)) => self.set_again(key),
            (Asker::Nobody | Asker::Itself(_) | Asker::Timer(_) | Asker::Start, _) => {}
            (Asker::Operator, Ok(Answer::Run(started))) => {
                self.note(|_| format!("the run {} is started", started.run));
                self.history.runs.push(started.run.clone());
                self.run = Some(started.run);
            }
            (Asker::Operator, other) => {
                self.note(|_| format!("the run is not started: {other:?}"));
                self.master.is_asked_to_run = false;
            }
            (Asker::Approver, Ok(Answer::Done)) => self.history.is_answered = true,
            (Asker::Canceller, Ok(Answer::Done)) => {
                self.note(|_| "the run is called off".into());
                self.history.is_called_off = true;
            }
            (Asker::Canceller, Err(_)) => {
                self.after(CALL_OFF_AGAIN, Happening::Fault(Fault::CallOff { at: 0 }));
            }
            (Asker::Approver | Asker::Canceller, _) => {}
            (Asker::Retrier, answer) => self.on_again_answered(answer),
            (Asker::Twin, Ok(Answer::Auth(Outcome::Accepted))) => {
                self.violate("a stranger got in under a minion's id".into());
            }
            (Asker::Twin, _) => {}
            (Asker::Returner(frame, clear), Ok(Answer::MustSeal { ret, run, plain })) => {
                self.seal(frame, clear, ret, (run, plain));
            }
            (Asker::Returner(frame, _), Ok(_)) => {
                self.acknowledge(&frame);
                self.reply(&frame, Reply::Recorded);
            }
            (Asker::Reader(frame, found), Ok(Answer::Secrets(grants))) => {
                self.hand_out(&frame, found, grants);
            }
            (Asker::Returner(frame, _) | Asker::Reader(frame, _), _) => {
                self.reply(&frame, Reply::Broken);
            }
            (Asker::Minion(frame, _), Ok(Answer::Auth(outcome))) => {
                let (wall, minion) = (self.wall(), &self.minions[frame.node]);
                let (id, ip) = (minion.id.clone(), minion.ip);
                let key = self.life().map_or(0, |life| life.key);
                let reply = match outcome {
                    Outcome::Accepted => Reply::Accepted { key },
                    _ => Reply::Refused,
                };
                if let (Outcome::Accepted, Some(life)) = (outcome, self.life()) {
                    life.presence.saw(&id, ip, wall);
                }
                self.reply(&frame, reply);
            }
            (Asker::Minion(frame, _), Ok(_)) => {
                self.acknowledge(&frame);
                self.reply(&frame, Reply::Recorded);
            }
            (Asker::Minion(frame, blobs), Err(_)) => {
                if let Some(life) = self.life() {
                    mine::sealed::remove(life.blobs.as_ref(), blobs);
                }
                self.reply(&frame, Reply::Broken);
            }
        }
    }

    /// A secret goes into a blob before its return is recorded.
    fn seal(
        &mut self,
        frame: Box<Frame>,
        clear: Option<Value>,
        ret: Box<model::JobReturn>,
        (run, plain): (Jid, Vec<String>),
    ) {
        let sealer = self.sealer.clone();
        let Some(life) = self.life() else { return };
        let clear = clear.unwrap_or_else(|| ret.ret.clone());
        life.redactor.learn(&run, &clear, &plain);
        match sealer.put(life.blobs.as_ref(), &clear) {
            Ok(blob) => {
                let input = Input::SealedReturn {
                    ret,
                    blob: blob.clone(),
                };
                self.put(input, Asker::Minion(frame, vec![blob]));
            }
            Err(_) => {
                self.reply(&frame, Reply::Broken);
            }
        }
    }

    /// Secrets are opened for a reader, and that they were handed out is recorded.
    fn hand_out(
        &mut self,
        frame: &Frame,
        mut found: Map,
        grants: Vec<master::secrets::decide::Grant>,
    ) {
        let sealer = self.sealer.clone();
        let reader = self.minions[frame.node].id.clone();
        if frame.number == 0 && !grants.is_empty() {
            self.violate(format!("{reader} read a secret that is not for it"));
        }
        let mut jids = Vec::new();
        for grant in grants {
            let Some(life) = self.life() else { return };
            match sealer.get(life.blobs.as_ref(), &grant.blob) {
                Ok(value) => {
                    found.insert(grant.maker.as_str(), value);
                    jids.push(grant.jid);
                }
                Err(_) => {
                    self.reply(frame, Reply::Broken);
                    return;
                }
            }
        }
        let is_lost = self.reply(frame, Reply::Found(found)) == 0;
        if is_lost && !jids.is_empty() {
            self.excuse(format!("a secret was lost on its way to {reader}"));
        }
        if !jids.is_empty() {
            self.put(Input::SecretsDelivered { reader, jids }, Asker::Nobody);
        }
    }

    /// The master promises that it has recorded what was asked.
    pub(super) fn acknowledge(&mut self, frame: &Frame) {
        match &frame.ask {
            Ask::Return(ret) => self.history.returns.push((**ret).clone()),
            Ask::Event(tag, data) => self.history.events.push((tag.clone(), data.clone())),
            _ => {}
        }
    }

    /// Sends an answer; gives how often it arrives.
    fn reply(&mut self, frame: &Frame, reply: Reply) -> usize {
        let Frame {
            node, boot, number, ..
        } = *frame;
        let now = self.now;
        let arrivals = self.network.arrivals(&mut self.chance, node, now);
        let count = arrivals.len();
        for at in arrivals {
            let reply = reply.clone();
            self.at(
                at,
                Happening::Reply {
                    node,
                    boot,
                    number,
                    reply,
                },
            );
        }
        count
    }

    /// A request reaches the place where the master should be.
    pub(crate) fn on_request(&mut self, frame: Frame) {
        if self.minions[frame.node].boot != frame.boot {
            return;
        }
        let pause = 100_000 + self.chance.within(0..4_900_000);
        let wall = self.wall();
        let id = self.minions[frame.node].id.clone();
        let ip = self.minions[frame.node].ip;
        let Some(life) = self.life() else {
            // The connection is refused: the client's socket keeps the request and tries again.
            return self.after(pause, Happening::Request(Box::new(frame)));
        };
        if !matches!(frame.ask, Ask::SignIn) {
            if frame.key != Some(life.key) {
                self.reply(&frame, Reply::BadLoad);
                return;
            }
            life.presence.saw(&id, ip, wall);
        }
        let entropy = self.chance.draw();
        let Some(life) = self.life() else { return };
        let mut blobs = Vec::new();
        let input = match &frame.ask {
            Ask::SignIn => Input::Auth(attempt(id.clone(), format!("key of {id}"))),
            Ask::Grains => {
                let grains = Map::from([("id", id.as_str())]);
                Input::Grains(id, model::Grains(grains))
            }
            Ask::Event(tag, data) => Input::Events(vec![(tag.clone(), data.clone())]),
            Ask::Return(ret) => {
                let mut ret = ret.clone();
                let clear = life.redactor.redact_return(&mut ret);
                let asker = Asker::Returner(Box::new(frame), clear);
                return self.put(Input::Return(ret), asker);
            }
            Ask::MineDelete(fun) => Input::MineDelete {
                id,
                fun: fun.clone(),
            },
            Ask::MineSend(data) => {
                let entropy = SimEntropy::new(entropy);
                match mine::sealed::put(life.blobs.as_ref(), &entropy, data.clone()) {
                    Ok(data) => {
                        blobs = data.iter().map(|kept| kept.blob.clone()).collect();
                        Input::MineStore {
                            id,
                            data,
                            clear: false,
                        }
                    }
                    Err(_) => {
                        self.reply(&frame, Reply::Broken);
                        return;
                    }
                }
            }
            Ask::MineGet { tgt, fun } => {
                let Some((found, jids)) = mine_get(life, &id, tgt, fun) else {
                    self.reply(&frame, Reply::Broken);
                    return;
                };
                if jids.is_empty() {
                    self.reply(&frame, Reply::Found(found));
                    return;
                }
                let asker = Asker::Reader(Box::new(frame), found);
                return self.put(Input::SecretsAsked { reader: id, jids }, asker);
            }
        };
        self.put(input, Asker::Minion(Box::new(frame), blobs));
    }

    /// A stranger signs in with a machine's id and another key.
    pub(crate) fn twin(&mut self, node: usize) {
        let id = self.minions[node].id.clone();
        let is_known = self
            .master
            .views()
            .is_some_and(|views| views.keys.is_accepted(&id));
        if is_known {
            let attempt = attempt(id, "key of a stranger".into());
            self.put(Input::Auth(attempt), Asker::Twin);
        }
    }
}

fn mine_get(life: &mut Life, id: &MinionId, tgt: &Value, fun: &str) -> Option<(Map, Vec<Jid>)> {
    let views = life.core.views()?;
    let grains = |id: &MinionId| views.minions.grains(id);
    let nodegroups = Map::new();
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups: &nodegroups,
    };
    let target = Target {
        tgt: tgt.clone(),
        tgt_type: model::target::TargetType::Glob,
    };
    let (minions, _) = resolve(&target, known, &Default::default()).ok()?;
    let grains = views.minions.grains(id);
    let fun = Value::str(fun);
    let found = mine::decide::read(&views.mine, id, grains, &minions, &fun);
    let names = mine::decide::funs_of(&fun);
    Some((found, views.secrets.named(&minions, &names)))
}
