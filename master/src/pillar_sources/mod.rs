//! Minions' pillars: the files of `pillar_roots`, the functions that templates may call, and the
//! options, put together for `pillar::compile`.
//!
//! A pillar is compiled anew whenever it is asked for. What is broken in one is told in the log in
//! full, and to the minion under `_errors`. Rendering takes time: call it where blocking is
//! allowed.

use std::sync::Arc;

use model::{Grains, Map, MinionId};
use pillar::{Origin, Problem, Request, Suppliers};
use states::context::{Functions, NoFunctions};
use states::top_file::Matches;
use storage::disk::DiskRead;

mod functions;
mod master_grains;
#[cfg(test)]
mod tests;

use crate::config::Opts;
use crate::fileserver::{Roots, RootsClient};
use crate::world::World;
use functions::MinionFunctions;

/// Compiles pillars.
pub struct Pillars {
    files: Arc<RootsClient>,
    opts: Map,
    master_id: MinionId,
    more: Arc<dyn Functions>,
    disk: Arc<dyn DiskRead>,
}

impl Pillars {
    /// Compiles from `pillar_roots`.
    pub fn new(opts: &Opts, world: &World) -> Self {
        let disk: Arc<dyn DiskRead> = world.disk.clone();
        let roots = Roots::new(opts.pillar_roots.clone(), opts, Arc::clone(&disk));
        Self {
            files: Arc::new(RootsClient::new(Arc::new(roots), Arc::clone(&disk))),
            opts: opts.for_templates(),
            master_id: opts.master_minion_id(),
            more: Arc::new(NoFunctions),
            disk,
        }
    }

    /// Lets templates also call these functions (`mine.get`, `saltutil.runner`, ...).
    #[must_use]
    pub fn with_functions(mut self, more: Arc<dyn Functions>) -> Self {
        self.more = more;
        self
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
        let mut request = self.request(id, grains);
        request.saltenv = saltenv.map(str::to_owned);
        request.pillarenv = pillarenv.map(str::to_owned);
        request.overrides = overrides.clone();
        let pillar = pillar::compile(&request, &self.suppliers(&request));
        for problem in &pillar.problems {
            tracing::warn!(minion_id = id.as_str(), problem = %problem.full, "pillar is broken");
        }
        pillar.data
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
            opts: self.opts.clone(),
        }
    }

    fn suppliers(&self, request: &Request) -> Suppliers {
        let functions = self.functions(&request.id, &request.grains, &Map::new());
        Suppliers::new(self.files.clone(), functions)
    }

    /// Gives what templates may call as `salt[...]` on behalf of a minion.
    pub fn functions(&self, id: &MinionId, grains: &Grains, pillar: &Map) -> Arc<dyn Functions> {
        Arc::new(MinionFunctions {
            id: id.clone(),
            grains: grains.clone(),
            pillar: pillar.clone(),
            opts: self.opts.clone(),
            more: Arc::clone(&self.more),
        })
    }

    /// Gives the grains of the master itself, as orchestrations see them.
    pub fn master_grains(&self) -> Grains {
        master_grains::grains(&self.master_id, self.disk.as_ref())
    }
}

/// The id is the one that was authenticated, whatever the minion says of itself.
fn with_id(id: &MinionId, grains: &Grains) -> Grains {
    let mut grains = grains.clone();
    grains.0.insert("id", id.as_str());
    grains
}
