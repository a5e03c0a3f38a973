//! The node table of the pillar as a list of who may enrol.
//!
//! `enrolment_inventory` names its place in the pillar that the master itself has, such as
//! `kubic:nodes`. A row is found by its key, its `id`, `mac` or `uuid`.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::{Map, MinionId, Timestamp, Value};

/// How long a compiled table serves: a crowd of strangers costs one compilation in this time.
const KEPT_MILLIS: u64 = 5_000;

/// Rows as they were read, or why there are none.
type Rows = Result<Map, String>;

/// The node table, compiled when it is older than a few seconds.
#[derive(Debug, Default)]
pub struct Inventory {
    kept: Mutex<Option<(Timestamp, Rows)>>,
}

impl Inventory {
    /// Gives the row that a minion belongs to, or why it has none. `pillar` compiles the master's
    /// own pillar.
    pub fn row(
        &self,
        path: &str,
        now: Timestamp,
        pillar: impl FnOnce() -> Map,
        (id, grains): (&MinionId, &Map),
    ) -> Result<String, String> {
        // Held while it is compiled: those who come meanwhile use the same table.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: Timestamp| now.millis_since(at) < KEPT_MILLIS;
        if !kept.as_ref().is_some_and(|(at, _)| is_fresh(*at)) {
            *kept = Some((now, rows(path, Value::Map(pillar()))));
        }
        match kept.as_ref() {
            Some((_, Ok(rows))) => find(rows, id, grains),
            Some((_, Err(why))) => Err(why.clone()),
            None => Err("the node table was not read".into()),
        }
    }
}

fn rows(path: &str, pillar: Value) -> Rows {
    match pillar.traverse(path, ":") {
        Some(Value::Map(rows)) => Ok(rows.clone()),
        Some(_) => Err(format!("the master's pillar has no table at '{path}'")),
        None => Err(format!("the master's pillar has nothing at '{path}'")),
    }
}

/// Finds the row of a minion: one whose names it bears. A row that says an `id` is for that id
/// alone.
fn find(rows: &Map, id: &MinionId, grains: &Map) -> Result<String, String> {
    let borne = names_of_minion(id, grains);
    let mut meant_for = None;
    for (key, row) in rows.iter() {
        let key = key.to_text();
        let names = names_of_row(&key, row);
        if !names.iter().any(|name| borne.contains(name)) {
            continue;
        }
        match row.get("id").map(Value::to_text) {
            Some(wanted) if wanted.to_lowercase() != id.as_str().to_lowercase() => {
                meant_for = Some(wanted);
            }
            _ => return Ok(key),
        }
    }
    Err(match meant_for {
        Some(wanted) => format!("its row is for the id '{wanted}'"),
        None => "no row has its id, MAC address or UUID".into(),
    })
}

fn names_of_row(key: &str, row: &Value) -> Vec<String> {
    let fields = ["id", "mac", "uuid"];
    let named = fields.iter().filter_map(|field| row.get(field));
    std::iter::once(key.to_lowercase())
        .chain(named.map(|value| value.to_text().to_lowercase()))
        .collect()
}

fn names_of_minion(id: &MinionId, grains: &Map) -> Vec<String> {
    let mut names = vec![id.as_str().to_lowercase()];
    if let Some(uuid) = grains.get("uuid").and_then(Value::as_str) {
        names.push(uuid.to_lowercase());
    }
    if let Some(macs) = grains.get("hwaddr_interfaces").and_then(Value::as_map) {
        let macs = macs.values().filter_map(Value::as_str);
        // The loopback's address is everybody's.
        names.extend(
            macs.filter(|mac| *mac != "00:00:00:00:00:00")
                .map(str::to_lowercase),
        );
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Says whether an address is in a network written as `10.0.0.0/24` or as one address; `None` if
/// that is no network.
pub fn is_in(network: &str, address: IpAddr) -> Option<bool> {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, Some(bits.trim().parse::<u32>().ok()?)),
        None => (network, None),
    };
    let base: IpAddr = base.trim().parse().ok()?;
    // An IPv4 peer of an IPv6 socket counts as what it is.
    let (width, base, address) = match (base, address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (
            32,
            u128::from(base.to_bits()),
            u128::from(address.to_bits()),
        ),
        (IpAddr::V6(base), IpAddr::V6(address)) => (128, base.to_bits(), address.to_bits()),
        (base, _) => {
            let width = if base.is_ipv4() { 32 } else { 128 };
            return (bits.unwrap_or(width) <= width).then_some(false);
        }
    };
    let bits = bits.unwrap_or(width);
    let host_bits = width.checked_sub(bits)?;
    let network_of = |bits: u128| bits.checked_shr(host_bits).unwrap_or(0);
    Some(network_of(base) == network_of(address))
}
