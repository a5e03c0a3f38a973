//! How two texts differ, as Salt shows it: Python's unified form.
//!
//! The lines that count as equal are chosen by another algorithm than Python's. Where there are
//! several shortest ways to tell a change, the two may tell another.

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// Lines shown around a change.
const AROUND: usize = 3;

/// Gives the lines of a unified difference; none if there is none. `end` is put behind the lines of
/// its head.
fn lines(old: &[&str], new: &[&str], end: &str) -> Vec<String> {
    let mut told = Vec::new();
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    for group in group_diff_ops(ops, AROUND) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        if told.is_empty() {
            told.push(format!("--- {end}"));
            told.push(format!("+++ {end}"));
        }
        let before = range(first.old_range().start, last.old_range().end);
        let after = range(first.new_range().start, last.new_range().end);
        told.push(format!("@@ -{before} +{after} @@{end}"));
        for op in &group {
            tell(op, (old, new), &mut told);
        }
    }
    told
}

fn tell(op: &DiffOp, (old, new): (&[&str], &[&str]), told: &mut Vec<String>) {
    let is_equal = matches!(op, DiffOp::Equal { .. });
    if is_equal {
        told.extend(old[op.old_range()].iter().map(|line| format!(" {line}")));
        return;
    }
    told.extend(old[op.old_range()].iter().map(|line| format!("-{line}")));
    told.extend(new[op.new_range()].iter().map(|line| format!("+{line}")));
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        1 => format!("{}", start + 1),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    }
}

/// Gives how a file's content changes (`file.managed`); nothing if it does not.
pub(super) fn of_contents(old: &[u8], new: &[u8]) -> Option<String> {
    if old == new {
        return None;
    }
    let text = |bytes| {
        std::str::from_utf8(bytes)
            .ok()
            .filter(|t| !t.contains('\0'))
    };
    Some(match (text(old), text(new)) {
        (Some(old), Some(new)) => {
            let (old, new) = (split(old), split(new));
            lines(&old, &new, "\n").concat()
        }
        (Some(_), None) => "Replace text file with binary file".to_owned(),
        (None, Some(_)) => "Replace binary file with text file".to_owned(),
        (None, None) => "Replace binary file".to_owned(),
    })
}

/// Splits into lines with their ends.
fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Gives how the lines of a file change (`file.append`); nothing if they do not.
pub(super) fn of_lines(old: &str, new: &str) -> Option<String> {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let told = lines(&old, &new, "\n");
    (!told.is_empty()).then(|| told.join("\n"))
}
