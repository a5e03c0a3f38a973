//! Writes the inputs to begin with into `corpus/TARGET/`: the cases that are compared with Salt,
//! and what was found before. `cargo run --example seeds`, in this folder.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sls: Vec<String> = fuzz::seeds::sls().into_iter().map(str::to_owned).collect();
    sls.extend(trees(&root.join("../states/testdata/compile"))?);
    let owned = |texts: Vec<&str>| texts.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    let targets: [(&str, Vec<Vec<u8>>); 8] = [
        ("yaml", owned(fuzz::seeds::yaml())),
        ("template", owned(fuzz::seeds::template())),
        ("sls", sls.into_iter().map(String::into_bytes).collect()),
        ("frames", fuzz::wire_seeds::frames()),
        ("msgpack", fuzz::wire_seeds::msgpack()),
        ("envelope", fuzz::wire_seeds::envelope()),
        ("auth", fuzz::wire_seeds::auth()),
        ("target", fuzz::wire_seeds::target()),
    ];
    for (target, texts) in targets {
        let folder = root.join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, text) in texts.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), text)?;
        }
        for found in std::fs::read_dir(root.join("found").join(target))? {
            let found = found?;
            std::fs::copy(found.path(), folder.join(found.file_name()))?;
        }
    }
    Ok(())
}

/// Every tree as one input: `main.sls`, then the others behind their names.
fn trees(folder: &Path) -> io::Result<Vec<String>> {
    let mut texts = Vec::new();
    for tree in std::fs::read_dir(folder)? {
        let tree = tree?.path();
        let Ok(mut text) = std::fs::read_to_string(tree.join("main.sls")) else {
            continue;
        };
        for file in std::fs::read_dir(&tree)? {
            let path = file?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if path.extension().is_some_and(|end| end == "sls") && name != "main" {
                text.push_str(&format!(
                    "\n--- {name}\n{}",
                    std::fs::read_to_string(&path)?
                ));
            }
        }
        texts.push(text);
    }
    Ok(texts)
}
