//! States on a machine that is a directory of its own, and conditions.

use states::renderers::load_yaml;
use tempfile::TempDir;

use super::*;
use crate::config;
use crate::pillar_sources::Pillars;
use crate::world::real;

/// A machine with these options; `DIR` in them, and in what is asked of it, is its directory.
struct Place {
    dir: TempDir,
    machine: Machine,
}

impl Place {
    #[expect(clippy::disallowed_methods, reason = "an operator's files")]
    fn new(options: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().display().to_string();
        let own = "file_roots: {base: [DIR/salt]}\npillar_roots: {base: [DIR/pillar]}\n";
        let main = format!("{own}{options}").replace("DIR", &path);
        std::fs::create_dir_all(dir.path().join("salt")).unwrap();
        std::fs::write(dir.path().join("salt/motd"), "from salt\n").unwrap();
        std::fs::write(dir.path().join("master"), main).unwrap();
        let world = real::world();
        let opts = config::load(dir.path(), world.disk.as_ref()).unwrap().opts;
        let pillars = Pillars::new(&opts, &world);
        let grains = pillars.master_grains();
        let id = opts.master_minion_id();
        let machine = Machine {
            files: Arc::new(FileServer::new(&opts, &world)),
            functions: Box::new(move || pillars.functions(&id, &grains, &Map::new())),
            may_act: opts.template_commands,
            ca_bundle: opts.ca_bundle.clone(),
            world,
        };
        Self { dir, machine }
    }

    fn allowed() -> Self {
        Self::new("template_commands: true\n")
    }

    /// Applies a state; gives result, changes and comment as Python would print them.
    fn apply(&self, fun: &str, arguments: &str) -> String {
        let path = self.dir.path().display().to_string();
        let kwarg = load_yaml(&arguments.replace("DIR", &path)).unwrap();
        let said = self.machine.call(fun, kwarg.as_map().unwrap());
        let told = said.map_or_else(
            |error| format!("refused: {error}"),
            |said| {
                let part = |key: &str| said.get(key).cloned().unwrap_or_default();
                let comment = part("comment").to_text();
                format!(
                    "{} {} {comment}",
                    part("result").repr(),
                    part("changes").repr()
                )
            },
        );
        told.replace(&path, "DIR")
    }

    fn read(&self, name: &str) -> Option<String> {
        let read = self.machine.world.disk.read(&self.dir.path().join(name));
        read.unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn mode(&self, name: &str) -> u32 {
        let found = self.machine.at(&self.dir.path().join(name)).unwrap();
        found.unwrap().permissions()
    }
}

#[test]
fn a_file_is_managed_once() {
    let place = Place::allowed();
    let asked = "{name: DIR/f, contents: [a, b], mode: '0640'}";
    assert_eq!(
        place.apply("file.managed", asked),
        "True {'diff': 'New file', 'mode': '0640'} File DIR/f updated"
    );
    assert_eq!(place.read("f").as_deref(), Some("a\nb\n"));
    assert_eq!(place.mode("f"), 0o640);
    assert_eq!(
        place.apply("file.managed", asked),
        "True {} File DIR/f is in the correct state"
    );
    assert_eq!(
        place.apply("file.managed", "{name: DIR/f, contents: [a, c]}"),
        "True {'diff': '--- \\n+++ \\n@@ -1,2 +1,2 @@\\n a\\n-b\\n+c\\n'} File DIR/f updated"
    );
    assert_eq!(place.mode("f"), 0o640, "what was not asked for stays");
}

#[test]
fn a_file_comes_from_the_state_tree() {
    let place = Place::allowed();
    let asked = "{name: DIR/a/b/motd, source: 'salt://motd'}";
    assert_eq!(
        place.apply("file.managed", asked),
        "False {} Parent directory not present"
    );
    let asked = "{name: DIR/a/b/motd, source: ['salt://none', 'salt://motd'], makedirs: true}";
    assert_eq!(
        place.apply("file.managed", asked),
        "True {'diff': 'New file', 'mode': '0644'} File DIR/a/b/motd updated"
    );
    assert_eq!(place.read("a/b/motd").as_deref(), Some("from salt\n"));
    assert_eq!(
        place.apply("file.managed", "{name: DIR/x, source: 'salt://none'}"),
        "False {} Unable to manage file: Source file salt://none not found in saltenv 'base'"
    );
    let outside = place.apply("file.managed", "{name: DIR/x, source: 'salt://../master'}");
    assert!(outside.starts_with("False"), "{outside}");
}

#[test]
fn in_test_mode_nothing_is_done() {
    let place = Place::allowed();
    let tried = [
        ("file.managed", "{name: DIR/n, contents: x, test: true}"),
        ("file.directory", "{name: DIR/n, test: true}"),
        ("file.touch", "{name: DIR/n, test: true}"),
        ("file.symlink", "{name: DIR/n, target: /x, test: true}"),
        ("file.absent", "{name: DIR/salt, test: true}"),
        ("cmd.run", "{name: 'touch DIR/n', test: true}"),
    ];
    for (fun, asked) in tried {
        let told = place.apply(fun, asked);
        assert!(told.starts_with("None {'"), "{fun}: {told}");
    }
    assert_eq!(place.read("n"), None);
    assert!(place.read("salt/motd").is_some());
}

#[test]
fn lines_are_appended_once() {
    let place = Place::allowed();
    let asked = "{name: DIR/hosts, text: ['10.0.0.1  one', \"a\\nb\"]}";
    assert_eq!(
        place.apply("file.append", asked),
        "True {'diff': '--- \\n\\n+++ \\n\\n@@ -0,0 +1,3 @@\\n\\n+10.0.0.1  one\\n+a\\n+b'} \
         Appended 3 lines"
    );
    let same = "{name: DIR/hosts, text: ['10.0.0.1 one', b]}";
    assert_eq!(
        place.apply("file.append", same),
        "True {} File DIR/hosts is in correct state"
    );
    let exact = "{name: DIR/hosts, text: '10.0.0.1 one', ignore_whitespace: false}";
    assert!(
        place
            .apply("file.append", exact)
            .ends_with("Appended 1 lines")
    );
    assert_eq!(
        place.read("hosts").as_deref(),
        Some("10.0.0.1  one\na\nb\n10.0.0.1 one\n")
    );
}

#[test]
fn directories_links_and_what_is_no_more() {
    let place = Place::allowed();
    let told = |fun: &str, asked: &str| place.apply(fun, asked);
    assert_eq!(
        told("file.directory", "{name: DIR/d, mode: 750}"),
        "True {'DIR/d': {'directory': 'new'}} "
    );
    assert_eq!(place.mode("d"), 0o750);
    assert_eq!(
        told("file.directory", "{name: DIR/d, mode: 750}"),
        "True {} The directory DIR/d is in the correct state"
    );
    assert_eq!(
        told("file.symlink", "{name: DIR/l, target: DIR/d}"),
        "True {'new': 'DIR/l'} Created new symlink DIR/l -> DIR/d"
    );
    assert!(told("file.symlink", "{name: DIR/l, target: DIR/d}").starts_with("True {} Symlink"));
    assert_eq!(
        told("file.symlink", "{name: DIR/d, target: /x}"),
        "False {} Directory exists where the symlink DIR/d should be"
    );
    assert_eq!(
        told("file.exists", "{name: DIR/l}"),
        "True {} Path DIR/l exists"
    );
    assert_eq!(
        told("file.absent", "{name: DIR/l}"),
        "True {'removed': 'DIR/l'} Removed file DIR/l"
    );
    assert_eq!(place.mode("d"), 0o750, "not what the link leads to");
    assert_eq!(
        told("file.absent", "{name: DIR/d}"),
        "True {'removed': 'DIR/d'} Removed directory DIR/d"
    );
    assert_eq!(
        told("file.absent", "{name: DIR/d}"),
        "True {} File DIR/d is not present"
    );
    assert_eq!(
        told("file.missing", "{name: DIR/d}"),
        "True {} Path DIR/d is missing"
    );
    assert_eq!(
        told("file.absent", "{name: /}"),
        "False {} Refusing to make \"/\" absent"
    );
    assert_eq!(
        told("file.touch", "{name: DIR/t}"),
        "True {'new': 'DIR/t'} Created empty file DIR/t"
    );
    assert_eq!(
        told("file.touch", "{name: DIR/t}"),
        "True {'touched': 'DIR/t'} Updated times on file DIR/t"
    );
}

#[test]
fn a_command_says_how_it_ended() {
    let place = Place::allowed();
    let ran = place.apply(
        "cmd.run",
        "{name: 'echo out; echo err >&2; exit 3', cwd: DIR}",
    );
    let (head, tail) = ran.split_once("'retcode'").unwrap();
    assert!(head.starts_with("False {'pid': "), "{ran}");
    assert_eq!(
        tail,
        ": 3, 'stdout': 'out', 'stderr': 'err'} Command \"echo out; echo err >&2; exit 3\" run"
    );
    let good = place.apply("cmd.run", "{name: 'exit 3', success_retcodes: [3]}");
    assert!(good.starts_with("True"), "{good}");
    assert_eq!(
        place.apply("cmd.run", "{name: 'true', cwd: DIR/none}"),
        "False {} Desired working directory \"DIR/none\" is not available"
    );
    let late = place.apply("cmd.run", "{name: 'sleep 100', timeout: 1}");
    assert!(
        late.contains("sleep 100 : Timed out after 1 seconds"),
        "{late}"
    );
}

#[test]
fn without_leave_nothing_acts_and_looking_keeps_to_its_directories() {
    let place = Place::new("");
    for fun in ["cmd.run", "file.managed", "file.absent", "check_cmd"] {
        let told = place.apply(fun, "{name: DIR/salt/motd, check_cmd: ['true']}");
        assert!(told.contains("template_commands"), "{fun}: {told}");
    }
    assert_eq!(
        place.apply("file.exists", "{name: DIR/salt/motd}"),
        "True {} Path DIR/salt/motd exists"
    );
    let outside = place.apply("file.exists", "{name: /etc/passwd}");
    assert!(outside.contains("template_directories"), "{outside}");
    let told = place.apply("conditions", "{onlyif: ['touch DIR/x']}");
    assert!(told.contains("template_commands"), "{told}");
    assert_eq!(place.read("x"), None);
}

/// Conditions, whether a step is passed over, and why.
const CONDITIONS: &[(&str, &str, &str)] = &[
    (
        "{onlyif: ['true', 'true']}",
        "False",
        "onlyif condition is true",
    ),
    (
        "{onlyif: ['true', 'false', 'touch DIR/x']}",
        "True",
        "onlyif condition is false",
    ),
    (
        "{onlyif: [no-such-program]}",
        "True",
        "onlyif condition is false",
    ),
    (
        "{unless: ['true', 'true']}",
        "True",
        "unless condition is true",
    ),
    (
        "{unless: ['false', 'touch DIR/x']}",
        "False",
        "unless condition is false",
    ),
    ("{creates: DIR/salt/motd}", "True", "DIR/salt/motd exists"),
    (
        "{creates: [DIR/salt/motd]}",
        "True",
        "All files in creates exist",
    ),
    (
        "{creates: [DIR/salt/motd, DIR/none]}",
        "False",
        "Creates files not found",
    ),
    (
        "{onlyif: ['true'], unless: ['true']}",
        "True",
        "onlyif condition is true\nunless condition is true",
    ),
    (
        "{onlyif: [{fun: match.glob, args: ['*']}]}",
        "False",
        "onlyif condition is true",
    ),
    (
        "{unless: [{fun: file.file_exists, args: [DIR/salt/none]}]}",
        "False",
        "unless condition is false",
    ),
    (
        "{onlyif: [{fun: cmd.run, cmd: 'echo x; exit 1'}]}",
        "False",
        "onlyif condition is true",
    ),
    (
        "{onlyif: [{fun: grains.item, args: [kernel], get_return: kernel}]}",
        "False",
        "onlyif condition is true",
    ),
    (
        "{onlyif: ['test -f motd'], options: {cwd: DIR/salt}}",
        "False",
        "onlyif condition is true",
    ),
];

#[test]
fn conditions_say_whether_a_step_is_passed_over() {
    let place = Place::allowed();
    for (asked, result, comment) in CONDITIONS {
        let told = place.apply("conditions", asked);
        assert_eq!(told, format!("{result} None {comment}"), "{asked}");
    }
    assert_eq!(place.read("x"), None, "what comes behind is not asked");
    let unknown = place.apply("conditions", "{onlyif: [{fun: no.such}]}");
    assert!(
        unknown.starts_with("refused: ") && unknown.contains("no.such"),
        "{unknown}"
    );
    let failed = place.apply("check_cmd", "{check_cmd: ['true', 'false']}");
    assert_eq!(failed, "False None check_cmd determined the state failed");
    let good = place.apply("check_cmd", "{check_cmd: ['true', 'true']}");
    assert_eq!(good, "True None check_cmd determined the state succeeded");
}
