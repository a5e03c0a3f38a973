//! Where the fuzzers begin: the cases that are compared with Salt.

/// Texts of YAML.
pub fn yaml() -> Vec<&'static str> {
    let mut found = lines(include_str!(
        "../../states/testdata/render/yaml-scalars.lines"
    ));
    found.extend(cases(include_str!(
        "../../states/testdata/render/yaml-documents.cases"
    )));
    found
}

/// Texts of templates.
pub fn template() -> Vec<&'static str> {
    let mut found = lines(include_str!("../../states/testdata/render/values.lines"));
    found.extend(lines(include_str!(
        "../../states/testdata/render/methods.lines"
    )));
    found.extend(lines(include_str!(
        "../../states/testdata/render/filters.lines"
    )));
    found.extend(cases(include_str!(
        "../../states/testdata/render/flow.cases"
    )));
    found.extend(cases(include_str!(
        "../../states/testdata/render/sls.cases"
    )));
    found
}

/// Texts of SLS; the trees of `testdata/compile` are added by the example `seeds`, which reads
/// folders.
pub fn sls() -> Vec<&'static str> {
    SLS.split("\n====\n").collect()
}

const SLS: &str = include_str!("../seeds.sls");

/// The words of a dictionary in libFuzzer's form.
pub fn words(dictionary: &str) -> Vec<Vec<u8>> {
    dictionary.lines().filter_map(word).collect()
}

/// `"\x00a\"b"` to its bytes; `None` for a comment.
fn word(line: &str) -> Option<Vec<u8>> {
    let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Vec::new();
    let mut rest = quoted.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next()? {
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

/// One text a line; `##` begins a comment.
fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("##"))
        .collect()
}

/// Cases begin with `=== NAME`; their further files (`--- file NAME`) are left out.
fn cases(text: &'static str) -> Vec<&'static str> {
    text.split("=== ")
        .skip(1)
        .filter_map(|case| case.split_once('\n'))
        .map(|(_, body)| body.split("\n--- ").next().unwrap_or(body))
        .collect()
}
