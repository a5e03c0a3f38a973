//! The events of single states that failed, behind the return that told of them.
//!
//! As Salt's `fire_ret_load`: for `state.highstate` and `state.sls` with a non-zero exit code, one
//! event for each state whose result is false. Derived like all events; nothing is stored for them.

use model::{JobReturn, Map, Tag, Value};

/// The functions whose returns are looked through.
const FUNCTIONS: [&str; 2] = ["state.highstate", "state.sls"];

/// Gives the events of a return's failed states; none for other returns.
pub fn of(ret: &JobReturn) -> Vec<(Tag, Map)> {
    let (Some(fun), Value::Map(states)) = (ret.fun.as_str(), &ret.ret) else {
        return Vec::new();
    };
    if !FUNCTIONS.contains(&fun) || !ret.retcode.is_truthy() {
        return Vec::new();
    }
    let failed = states.iter().filter_map(|(name, state)| {
        let state = state.as_map()?;
        let has_failed = state.get("result") == Some(&Value::Bool(false));
        has_failed.then_some((name.as_str()?, state))
    });
    failed
        .map(|(name, state)| {
            let tag = format!("salt/job/{}/sub/{}/error/{fun}", ret.jid, ret.id);
            (Tag::new(tag), data(ret, fun, name, state))
        })
        .collect()
}

fn data(ret: &JobReturn, fun: &str, name: &str, state: &Map) -> Map {
    let mut parts = name.split("_|-");
    let module = parts.next().unwrap_or_default();
    let function = parts.last().unwrap_or_default();
    let mut data = state.clone();
    data.insert("retcode", ret.retcode.clone());
    data.insert("jid", ret.jid.as_str());
    data.insert("id", ret.id.as_str());
    data.insert("success", false);
    data.insert("return", format!("Error: {module}.{function}"));
    data.insert("fun", fun);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ret(fun: &str, retcode: i64) -> JobReturn {
        let state = |result: bool| Value::Map(Map::from([("result", Value::Bool(result))]));
        let states = Map::from([
            ("file_|-a_|-/a_|-managed", state(true)),
            ("pkg_|-b_|-b_|-installed", state(false)),
        ]);
        JobReturn {
            id: "web01".parse().expect("an id"),
            jid: "20261121081655861002".parse().expect("a jid"),
            fun: Value::str(fun),
            ret: states.into(),
            retcode: Value::from(retcode),
            success: None,
            out: None,
            load: Map::new(),
        }
    }

    // Item 69.
    #[test]
    fn each_failed_state_of_a_state_run_is_an_event() {
        let events = of(&ret("state.sls", 2));
        let [(tag, data)] = &events[..] else {
            panic!("one event: {events:?}")
        };
        let expected = "salt/job/20261121081655861002/sub/web01/error/state.sls";
        assert_eq!(tag.as_str(), expected);
        assert_eq!(
            data.get("return"),
            Some(&Value::str("Error: pkg.installed"))
        );
        assert_eq!(data.get("id"), Some(&Value::str("web01")));
        assert_eq!(data.get("success"), Some(&Value::Bool(false)));
    }

    #[test]
    fn other_returns_have_none() {
        assert!(of(&ret("state.sls", 0)).is_empty());
        assert!(of(&ret("test.ping", 2)).is_empty());
        let text = JobReturn {
            ret: Value::str("no such SLS"),
            ..ret("state.sls", 1)
        };
        assert!(of(&text).is_empty());
    }
}
