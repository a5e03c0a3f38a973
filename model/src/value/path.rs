//! Look-ups by colon path (`roles:0:name`), as `pillar.get` and grain targets use them.

use super::Value;

impl Value {
    /// Follows a path of keys separated by `delimiter`. Numbers index lists; in a list of maps, the
    /// first map that has the key is taken, as Salt's `traverse_dict_and_list` does.
    pub fn traverse(&self, path: &str, delimiter: &str) -> Option<&Value> {
        let mut here = self;
        for part in path.split(delimiter) {
            here = here.step(part)?;
        }
        Some(here)
    }

    fn step(&self, part: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(part).or_else(|| {
                let int: i128 = part.parse().ok()?;
                map.get_value(&Value::Int(int))
            }),
            Value::List(list) => match part.parse::<usize>() {
                Ok(index) => list.get(index),
                Err(_) => list.iter().find_map(|item| item.as_map()?.get(part)),
            },
            _ => None,
        }
    }
}
