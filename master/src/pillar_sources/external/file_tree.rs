//! `file_tree`: a folder tree whose folders are keys and whose files are values.
//!
//! `hosts/ID/..` is for one minion, `nodegroups/GROUP/..` for a group; the host wins. What cannot
//! be read is told in the log and left out, as in Salt. Text is text and anything else bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::target::TargetType;
use model::{Glob, Map, Value};
use pillar::{Merge, PillarSource, SourceRequest};
use states::context::Context;
use states::file_client::MemoryFiles;
use states::renderers::render;
use states::top_file::Minion;
use storage::disk::{DiskRead, Kind};

use super::{Parts, bind};

/// Deepest folder that is read: links may lead in circles.
const DEPTH_MAX: usize = 64;
/// Largest file that is read: more would not fit into a message to a minion.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `keep_newline`: which files keep the line feed at their end.
enum KeepNewline {
    Always(bool),
    /// Those whose path below the minion's or the group's folder matches one of the globs.
    Matching(Vec<Glob>),
}

struct FileTree {
    disk: Arc<dyn DiskRead>,
    root_dir: Option<PathBuf>,
    follows_links: bool,
    keep_newline: Option<KeepNewline>,
    is_template: bool,
    render_default: Option<String>,
    blacklist: Vec<String>,
    whitelist: Vec<String>,
}

pub(super) fn make(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    let names = [
        "root_dir",
        "follow_dir_links",
        "debug",
        "keep_newline",
        "render_default",
        "renderer_blacklist",
        "renderer_whitelist",
        "template",
    ];
    let [
        root_dir,
        follow,
        _debug,
        keep,
        pipe,
        blacklist,
        whitelist,
        template,
    ] = bind(arguments, names)?;
    let names = |list: Option<Value>| match list {
        Some(Value::List(list)) => list.iter().map(Value::to_text).collect(),
        _ => Vec::new(),
    };
    let keep_newline = match keep {
        None => Some(KeepNewline::Always(false)),
        Some(Value::Bool(keep)) => Some(KeepNewline::Always(keep)),
        Some(Value::List(globs)) => Some(KeepNewline::Matching(
            globs
                .iter()
                .map(|glob| Glob::new(&glob.to_text()))
                .collect(),
        )),
        Some(_) => None,
    };
    Ok(Arc::new(FileTree {
        disk: Arc::clone(&parts.disk),
        root_dir: root_dir
            .filter(Value::is_truthy)
            .map(|root| PathBuf::from(root.to_text())),
        follows_links: follow.is_some_and(|follow| follow.is_truthy()),
        keep_newline,
        is_template: template == Some(Value::Bool(true)),
        render_default: pipe.map(|pipe| pipe.to_text()),
        blacklist: names(blacklist),
        whitelist: names(whitelist),
    }))
}

impl FileTree {
    /// Gives the directories to read: the option's own, or below each of the environment's roots.
    fn directories(&self, request: SourceRequest<'_>) -> Result<Vec<PathBuf>, String> {
        let root = self.root_dir.as_ref().ok_or("no root_dir specified")?;
        if root.is_absolute() {
            return Ok(vec![root.clone()]);
        }
        let env = request
            .pillarenv
            .ok_or("root_dir is relative but pillarenv is not set")?;
        let roots = request.opts.get("pillar_roots").and_then(|r| r.get(env));
        let roots = roots.and_then(Value::as_list).ok_or_else(|| {
            format!("root_dir is relative but there are no pillar_roots of pillarenv {env}")
        })?;
        let below = |directory: &Value| Path::new(&directory.to_text()).join(root);
        Ok(roots.iter().map(below).collect())
    }

    fn is_directory(&self, path: &Path) -> bool {
        let metadata = self.disk.metadata(path).ok().flatten();
        metadata.is_some_and(|metadata| metadata.kind == Kind::Directory)
    }

    fn of_root(&self, root: &Path, request: SourceRequest<'_>) -> Result<Map, String> {
        if !self.is_directory(root) {
            tracing::error!(root_dir = %root.display(), "file_tree: no such directory");
            return Ok(Map::new());
        }
        let Some(keep_newline) = &self.keep_newline else {
            tracing::error!("file_tree: keep_newline must be true, false or a list of globs");
            return Ok(Map::new());
        };
        let mut pillar = Map::new();
        for folder in self.groups(&root.join("nodegroups"), request) {
            let of_group = self.folder(&folder, "", 0, (request, keep_newline))?;
            pillar = Merge::default().merge(pillar, of_group);
        }
        let host = root.join("hosts").join(request.id.as_str());
        if self.is_directory(&host) {
            let of_host = self.folder(&host, "", 0, (request, keep_newline))?;
            pillar = Merge::default().merge(pillar, of_host);
        }
        Ok(pillar)
    }

    /// Gives the folders of the groups that mean the minion.
    fn groups(&self, folder: &Path, request: SourceRequest<'_>) -> Vec<PathBuf> {
        let none = Map::new();
        let known = request.opts.get("nodegroups").and_then(Value::as_map);
        let known = known.unwrap_or(&none);
        let minion = Minion::new(
            request.id.clone(),
            request.grains.clone(),
            Map::new().into(),
            known.clone(),
        );
        let is_meant = |group: &str| {
            known.contains_key(group)
                && minion
                    .is_meant(group, TargetType::Nodegroup)
                    .unwrap_or(false)
        };
        let names = self.disk.list(folder).ok().flatten().unwrap_or_default();
        names
            .iter()
            .filter(|entry| is_meant(&entry.name))
            .map(|entry| folder.join(&entry.name))
            .filter(|folder| self.is_directory(folder))
            .collect()
    }

    /// Reads all files of a folder into nested maps. Python's walk enters no linked folder, but
    /// has its name among the keys.
    fn folder(
        &self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        (request, keep_newline): (SourceRequest<'_>, &KeepNewline),
    ) -> Result<Map, String> {
        let entries = self.disk.list(folder).map_err(|error| error.to_string())?;
        let mut pillar = Map::new();
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in entries.unwrap_or_default() {
            let path = folder.join(&entry.name);
            if self.is_directory(&path) {
                pillar.insert(entry.name.as_str(), Map::new());
                folders.push((entry, path));
            } else {
                files.push((entry.name, path));
            }
        }
        for (name, path) in files {
            if let Some(content) = self.content(&path) {
                let below = Path::new(if prefix.is_empty() { "." } else { prefix }).join(&name);
                let value = self.value(content, &below, request, keep_newline);
                let value = value.map_err(|error| format!("{}: {error}", path.display()))?;
                pillar.insert(name, value);
            }
        }
        for (entry, path) in folders {
            if (entry.kind == Kind::Link && !self.follows_links) || depth >= DEPTH_MAX {
                continue;
            }
            let below = match prefix {
                "" => entry.name.clone(),
                prefix => format!("{prefix}/{}", entry.name),
            };
            let inner = self.folder(&path, &below, depth + 1, (request, keep_newline))?;
            pillar.insert(entry.name, inner);
        }
        Ok(pillar)
    }

    fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let told = |reason: &str| {
            tracing::error!(path = %path.display(), reason, "file_tree: left out");
            None
        };
        match self.disk.metadata(path) {
            Ok(Some(metadata)) if metadata.kind != Kind::File => told("not a regular file"),
            Ok(Some(metadata)) if metadata.bytes > FILE_BYTES_MAX => told("larger than 16 MiB"),
            Ok(Some(_)) => match self.disk.read(path) {
                Ok(content) => content,
                Err(error) => told(&error.to_string()),
            },
            Ok(None) => told("not a regular file"),
            Err(error) => told(&error.to_string()),
        }
    }

    fn value(
        &self,
        mut content: Vec<u8>,
        below: &Path,
        request: SourceRequest<'_>,
        keep_newline: &KeepNewline,
    ) -> Result<Value, String> {
        let below = below.to_string_lossy();
        let keeps = match keep_newline {
            KeepNewline::Always(keeps) => *keeps,
            KeepNewline::Matching(globs) => globs.iter().any(|glob| glob.matches(&below)),
        };
        if !keeps && content.last() == Some(&b'\n') {
            content.pop();
        }
        let text = match String::from_utf8(content) {
            Ok(text) => text,
            Err(error) if self.is_template => return Err(error.to_string()),
            Err(error) => return Ok(Value::Bytes(error.into_bytes())),
        };
        if self.is_template {
            self.rendered(&text, request)
        } else {
            Ok(Value::Str(text))
        }
    }

    /// Renders a file through the pipe it names, else through the option's. Without either, the
    /// result is an empty map, as in Salt; so it is without the renderers that are not allowed.
    fn rendered(&self, text: &str, request: SourceRequest<'_>) -> Result<Value, String> {
        let (named, body) = match text.strip_prefix("#!") {
            Some(rest) if !rest.starts_with('/') => {
                let (first, body) = rest.split_once('\n').unwrap_or((rest, ""));
                (Some(first.trim().to_owned()), body)
            }
            _ => (self.render_default.clone(), text),
        };
        let is_allowed = |stage: &&str| {
            let name = stage.split(' ').next().unwrap_or_default().to_owned();
            !self.blacklist.contains(&name)
                && (self.whitelist.is_empty() || self.whitelist.contains(&name))
        };
        let named = named.unwrap_or_default();
        let stages: Vec<&str> = named.split('|').map(str::trim).filter(is_allowed).collect();
        let pipe = stages.join("|");
        if pipe.is_empty() {
            return Ok(Map::new().into());
        }
        let context = Context {
            grains: request.grains.0.clone().into(),
            pillar: Value::Map(request.pillar.clone()),
            opts: request.opts.clone(),
            functions: Arc::clone(request.functions),
            ..Context::empty()
        };
        render(body, &pipe, &context, &MemoryFiles::new()).map_err(|error| error.to_string())
    }
}

impl PillarSource for FileTree {
    fn name(&self) -> &str {
        "file_tree"
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let directories = match self.directories(request) {
            Ok(directories) => directories,
            Err(error) => {
                tracing::error!("file_tree: {error}");
                return Ok(Map::new());
            }
        };
        let mut pillar = Map::new();
        for root in directories {
            let of_root = self.of_root(&root, request)?;
            pillar = Merge::default().merge(pillar, of_root);
        }
        Ok(pillar)
    }
}
