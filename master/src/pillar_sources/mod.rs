//! Minions' pillars: the files of `pillar_roots`, the functions that templates may call, and the
//! options, put together for `pillar::compile`.
//!
//! A pillar is compiled anew whenever it is asked for, unless `pillar_cache` keeps them (`kept`).
//! What is broken in one is told in the log in full, and to the minion under `_errors`. Rendering
//! takes time: call it where blocking is allowed.

use std::sync::Arc;

use minion_protocol::msgpack;
use model::{Grains, Map, MinionId, Value};
use pillar::{Origin, Pillar, PillarSource, Problem, Request, Suppliers};
use states::context::Functions;
use states::file_client::FileClient;
use states::top_file::Matches;
use storage::disk::DiskRead;

mod environments;
mod exact;
pub(crate) mod external;
mod functions;
pub(crate) mod gpg;
#[cfg(test)]
mod gpg_tests;
mod kept;
#[cfg(test)]
mod kept_tests;
pub(crate) mod live;
mod master_grains;
pub(crate) mod python;
#[cfg(test)]
mod python_tests;
#[cfg(test)]
pub(crate) mod tests;

use crate::config::Opts;
use crate::fileserver::{KeptContents, Roots, RootsClient};
use crate::world::World;
use environments::Wanted;
use exact::Exact;
use external::Parts;
pub use functions::Live;
pub(crate) use functions::commands;
use functions::{MinionFunctions, Tools};
use kept::Kept;

/// Somebody's question for a pillar.
#[derive(Debug, Clone)]
pub struct Asked {
    /// For which minion.
    pub id: MinionId,
    /// Its grains.
    pub grains: Grains,
    /// The state environment, if one was named.
    pub saltenv: Option<String>,
    /// The pillar environment, if one was named.
    pub pillarenv: Option<String>,
    /// Pillar that wins over everything.
    pub overrides: Map,
    /// An external pillar that the minion asks for.
    pub ext: Option<Map>,
    /// Whether kept pillars of the minion are to be dropped first.
    pub is_cache_cleared: bool,
}

/// Compiles pillars.
pub struct Pillars {
    files: Arc<RootsClient>,
    opts: Arc<Map>,
    master_id: MinionId,
    tools: Arc<Tools>,
    disk: Arc<dyn DiskRead>,
    parts: Parts,
    /// The external pillars of the option, in order.
    external: Vec<Arc<dyn PillarSource>>,
    /// Those that a minion may ask for.
    on_demand: Vec<String>,
    /// Where pillars are kept (`pillar_cache`).
    kept: Option<Kept>,
    /// Where those are kept that cannot come out otherwise.
    exact: Exact,
}

impl Pillars {
    /// Compiles from `pillar_roots`.
    pub fn new(opts: &Opts, world: &World) -> Self {
        let disk: Arc<dyn DiskRead> = world.disk.clone();
        let roots = Roots::new(opts.pillar_roots.clone(), opts, Arc::clone(&disk));
        let parts = Parts::new(opts, Arc::clone(&disk));
        let files = RootsClient::new(Arc::new(roots), Arc::clone(&disk));
        let contents = Arc::new(KeptContents::new(Arc::clone(&world.clock)));
        Self {
            files: Arc::new(files.keeping(contents)),
            opts: opts.for_templates().into(),
            master_id: opts.master_minion_id(),
            tools: Arc::new(Tools::new(opts, world)),
            external: external::sources(&entries(opts), &parts),
            on_demand: opts.on_demand_ext_pillar.clone(),
            kept: Kept::new(opts, Arc::clone(&world.clock)),
            exact: Exact::default(),
            parts,
            disk,
        }
    }

    /// Lets templates ask the running master (`mine.get`, `saltutil.runner`).
    pub fn connect(&self, live: Arc<dyn Live>) {
        self.tools.connect(live);
    }

    /// Compiles the pillar of a minion that asked for no environment.
    pub fn compile(&self, id: &MinionId, grains: &Grains) -> Map {
        self.compile_for(id, grains, None, None, &Map::new())
    }

    /// Compiles the pillar of a minion as it asked for it. `overrides` win over everything.
    pub fn compile_for(
        &self,
        id: &MinionId,
        grains: &Grains,
        saltenv: Option<&str>,
        pillarenv: Option<&str>,
        overrides: &Map,
    ) -> Map {
        self.compile_asked(Asked {
            id: id.clone(),
            grains: grains.clone(),
            saltenv: saltenv.map(str::to_owned),
            pillarenv: pillarenv.map(str::to_owned),
            overrides: overrides.clone(),
            ext: None,
            is_cache_cleared: false,
        })
    }

    /// Gives a pillar as a minion asked for it, in the bytes that it is sent.
    pub fn encoded(&self, asked: Asked) -> Arc<[u8]> {
        if asked.ext.is_some() || self.kept.is_some() {
            return encode(self.compile_asked(asked));
        }
        let question = Exact::question(&asked);
        let files = self.files_for(asked.saltenv.as_deref(), asked.pillarenv.as_deref());
        if let Some(pillar) = self.exact.get(&question, files.as_ref()) {
            return pillar;
        }
        let request = self.request_of(asked);
        let made = pillar::compile(&request, &self.suppliers(&request));
        tell(&request.id, &made);
        let is_whole = made.problems.is_empty();
        let pillar = encode(made.data);
        if is_whole {
            self.exact.put(question, &made.inputs, &pillar);
        }
        pillar
    }

    fn request_of(&self, asked: Asked) -> Request {
        let mut request = self.request(&asked.id, &asked.grains);
        request.saltenv = asked.saltenv;
        request.pillarenv = asked.pillarenv;
        request.overrides = asked.overrides;
        request
    }

    /// Gives the files as a question with these environments sees them.
    fn files_for(&self, saltenv: Option<&str>, pillarenv: Option<&str>) -> Arc<dyn FileClient> {
        let wanted = Wanted { saltenv, pillarenv };
        environments::files(self.files.clone(), wanted, &self.opts)
    }

    /// Compiles a pillar as somebody asked for it.
    pub fn compile_asked(&self, asked: Asked) -> Map {
        let (id, ext) = (asked.id.clone(), asked.ext.clone());
        let is_cache_cleared = asked.is_cache_cleared;
        let request = self.request_of(asked);
        let files = self.files_for(request.saltenv.as_deref(), request.pillarenv.as_deref());
        // What a minion asks for on demand is asked for now.
        let kept = self.kept.as_ref().filter(|_| ext.is_none());
        if let Some(kept) = kept {
            if is_cache_cleared {
                kept.drop_of(&id);
            } else if let Some(data) = kept.get(&request, files.as_ref()) {
                return data;
            }
        }
        let mut suppliers = self.suppliers(&request);
        suppliers.external.extend(self.on_demand(ext));
        let pillar = pillar::compile(&request, &suppliers);
        if let Some(kept) = kept {
            kept.put(&request, &pillar);
        }
        tell(&id, &pillar);
        pillar.data
    }

    /// Drops kept pillars of the minions that a glob matches; says whether any are kept at all.
    pub fn clear_kept(&self, glob: &str) -> bool {
        if let Some(kept) = &self.kept {
            kept.clear(glob);
        }
        self.kept.is_some()
    }

    /// Gives the kept pillars of the minions that a glob matches; `None` if none are kept at all.
    pub fn kept(&self, glob: &str, pillarenv: Option<&str>) -> Option<Map> {
        self.kept.as_ref().map(|kept| kept.show(glob, pillarenv))
    }

    /// Makes the external pillars that a minion asks for, if all of them may be asked for.
    fn on_demand(&self, ext: Option<Map>) -> Vec<Arc<dyn PillarSource>> {
        let Some(ext) = ext else {
            return Vec::new();
        };
        let is_refused = |name: &String| !self.on_demand.contains(name);
        if let Some(name) = ext.keys().map(Value::to_text).find(is_refused) {
            let allowed = self.on_demand.join(", ");
            tracing::error!(name, allowed, "not in on_demand_ext_pillar, none is asked");
            return Vec::new();
        }
        external::sources(&[Value::Map(ext)], &self.parts)
    }

    /// Gives the SLS that the top files name for a minion (`pillar.show_top`), or what is wrong
    /// with them.
    pub fn top(&self, id: &MinionId, grains: &Grains) -> Result<Matches, Vec<Problem>> {
        let request = self.request(id, grains);
        pillar::top_matches(&request, &self.suppliers(&request))
    }

    /// Lists the places that set a key (`a:b:c`) of a minion's pillar, the one that wins (or is
    /// merged last) at the end.
    pub fn explain(&self, id: &MinionId, grains: &Grains, key: &str) -> Vec<Origin> {
        let request = self.request(id, grains);
        let pillar = pillar::compile(&request, &self.suppliers(&request));
        pillar.explain(key, self.files.as_ref())
    }

    fn request(&self, id: &MinionId, grains: &Grains) -> Request {
        Request {
            id: id.clone(),
            grains: with_id(id, grains),
            saltenv: None,
            pillarenv: None,
            overrides: Map::new(),
            opts: Arc::clone(&self.opts),
        }
    }

    fn suppliers(&self, request: &Request) -> Suppliers {
        let functions = self.functions(&request.id, &request.grains, &Map::new());
        let decryptor = gpg::Decryptor {
            functions: Arc::clone(&functions),
            opts: Arc::clone(&self.opts),
        };
        let mut suppliers = Suppliers::new(
            self.files_for(request.saltenv.as_deref(), request.pillarenv.as_deref()),
            functions,
        );
        suppliers.decrypt = Some(Arc::new(decryptor));
        suppliers.external.clone_from(&self.external);
        suppliers
    }

    /// Gives what templates may call as `salt[...]` on behalf of a minion.
    pub fn functions(&self, id: &MinionId, grains: &Grains, pillar: &Map) -> Arc<dyn Functions> {
        Arc::new(MinionFunctions {
            id: id.clone(),
            grains: grains.clone(),
            pillar: pillar.clone(),
            opts: Arc::clone(&self.opts),
            tools: Arc::clone(&self.tools),
        })
    }

    /// Gives the grains of the master itself, as orchestrations see them.
    pub fn master_grains(&self) -> Grains {
        master_grains::grains(&self.master_id, self.disk.as_ref())
    }
}

/// Gives the entries of `ext_pillar` without those that the options exclude.
fn entries(opts: &Opts) -> Vec<Value> {
    let first = |entry: &Value| {
        let first = entry.as_map()?.get_index(0)?;
        Some(first.0.to_text())
    };
    let is_excluded =
        |entry: &&Value| first(entry).is_some_and(|name| opts.exclude_ext_pillar.contains(&name));
    let entries = opts.ext_pillar.iter();
    entries
        .filter(|entry| !is_excluded(entry))
        .cloned()
        .collect()
}

fn encode(pillar: Map) -> Arc<[u8]> {
    msgpack::encode(&pillar.into()).into()
}

/// Tells what is broken in a pillar.
fn tell(id: &MinionId, pillar: &Pillar) {
    for problem in &pillar.problems {
        tracing::warn!(minion_id = id.as_str(), problem = %problem.full, "pillar is broken");
    }
}

/// The id is the one that was authenticated, whatever the minion says of itself.
fn with_id(id: &MinionId, grains: &Grains) -> Grains {
    let mut grains = grains.clone();
    grains.0.insert("id", id.as_str());
    grains
}
