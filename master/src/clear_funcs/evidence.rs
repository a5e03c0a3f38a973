//! Looks up what the clauses of `enrolment: policy` ask about a stranger. Reads files and may
//! compile a pillar: call it where blocking is allowed.

use std::net::IpAddr;
use std::path::Path;

use model::{Map, MinionId};

use crate::auth::{autosign, rules};
use crate::enrolment::clauses::NO_LISTS;
use crate::enrolment::inventory::is_in;
use crate::enrolment::{Evidence, Listed};
use crate::shared::Shared;

/// Gathers what is asked.
pub(crate) fn gather(shared: &Shared, id: &MinionId, grains: &Map, from: IpAddr) -> Evidence {
    let opts = &shared.opts;
    let mut listed = Vec::new();
    if let Some(file) = &opts.autosign_file {
        let text = rules::read(&shared.world, opts, file);
        listed.push(Listed {
            list: "autosign_file".to_owned(),
            sent: Some(id.to_string()),
            is_listed: text.is_some_and(|text| autosign::file_matches(&text, id)),
            is_shared: true,
        });
    }
    if let Some(dir) = &opts.autosign_grains_dir {
        listed.extend(lists(shared, dir, grains));
    }
    let networks = &opts.enrolment_networks;
    let is_near = || {
        networks
            .iter()
            .any(|network| is_in(network, from) == Some(true))
    };
    Evidence {
        listed,
        is_in_network: (!networks.is_empty()).then(is_near),
        row: opts.enrolment_inventory.as_ref().map(|path| {
            let pillar = || {
                let grains = shared.pillars.master_grains();
                shared.pillars.compile(&opts.master_minion_id(), &grains)
            };
            let now = shared.world.clock.now();
            shared.inventory.row(path, now, pillar, (id, grains))
        }),
    }
}

/// Says what each file of `autosign_grains_dir` says; a directory without files lists nobody.
fn lists(shared: &Shared, dir: &Path, grains: &Map) -> Vec<Listed> {
    let opts = &shared.opts;
    let entries = shared.world.disk.list(dir).unwrap_or_else(|error| {
        tracing::warn!(%error, "autosign_grains_dir cannot be read");
        None
    });
    let names = entries
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.name);
    // What an editor leaves behind is no list.
    let names = names.filter(|name| !name.starts_with('.') && !name.ends_with('~'));
    let of = |name: String| {
        let text = rules::read(&shared.world, opts, &dir.join(&name));
        let is_shared = opts.enrolment_shared_grains.contains(&name);
        autosign::listed(&name, text.as_deref(), grains, is_shared)
    };
    let listed: Vec<Listed> = names.map(of).collect();
    if listed.is_empty() {
        let nobody = Listed {
            list: NO_LISTS.to_owned(),
            sent: Some(dir.display().to_string()),
            is_listed: false,
            is_shared: true,
        };
        return vec![nobody];
    }
    listed
}
