//! The external pillar `file_tree`: a folder tree whose folders are keys and whose files are
//! values.
//!
//! `hosts/ID/..` is for one minion, `nodegroups/GROUP/..` for a group; the host wins. The file
//! client's environment `base` is the option's `root_dir`; whether links are followed is its
//! matter.

use std::sync::Arc;

use model::target::TargetType;
use model::{Glob, Map, Value};
use states::context::Context;
use states::file_client::FileClient;
use states::renderers::render;
use states::top_file::Minion;

use crate::merge::Merge;
use crate::sources::{PillarSource, SourceRequest};

/// `keep_newline`: which files keep the line feed at their end.
#[derive(Debug, Clone, Default)]
pub enum KeepNewline {
    /// None of them.
    #[default]
    Never,
    /// All of them.
    Always,
    /// Those whose path below the minion's or the group's folder matches one of the globs.
    Matching(Vec<String>),
}

/// One entry `file_tree` of the option `ext_pillar`.
pub struct FileTree {
    files: Arc<dyn FileClient>,
    nodegroups: Map,
    keep_newline: KeepNewline,
    /// The pipe of renderers, if files are templates.
    template: Option<String>,
}

impl FileTree {
    /// Reads plain files below the root of `files`; `nodegroups` is the option of that name.
    pub fn new(files: Arc<dyn FileClient>, nodegroups: Map) -> Self {
        Self {
            files,
            nodegroups,
            keep_newline: KeepNewline::Never,
            template: None,
        }
    }

    /// Says which files keep their last line feed.
    #[must_use]
    pub fn with_keep_newline(mut self, keep_newline: KeepNewline) -> Self {
        self.keep_newline = keep_newline;
        self
    }

    /// Renders every file through a pipe (`template: True` with `render_default`).
    #[must_use]
    pub fn with_template(mut self, pipe: &str) -> Self {
        self.template = Some(pipe.to_owned());
        self
    }

    /// Reads all files of a folder into nested maps.
    fn folder(&self, folder: &str, request: SourceRequest<'_>) -> Result<Map, String> {
        let prefix = format!("{folder}/");
        let mut pillar = Map::new();
        for path in self.files.list("base").map_err(|error| error.to_string())? {
            let Some(below) = path.strip_prefix(&prefix) else {
                continue;
            };
            let content = self
                .files
                .read(&path, "base")
                .map_err(|error| error.to_string())?;
            let Some(content) = content else { continue };
            let value = self.value(&path, below, &content, request)?;
            let merged = below
                .rsplit('/')
                .fold(value, |value, part| Map::from([(part, value)]).into());
            if let Value::Map(merged) = merged {
                pillar = Merge::default().merge(pillar, merged);
            }
        }
        Ok(pillar)
    }

    fn value(
        &self,
        path: &str,
        below: &str,
        content: &[u8],
        request: SourceRequest<'_>,
    ) -> Result<Value, String> {
        let keeps = match &self.keep_newline {
            KeepNewline::Never => false,
            KeepNewline::Always => true,
            KeepNewline::Matching(globs) => globs.iter().any(|glob| Glob::new(glob).matches(below)),
        };
        let content = match content.strip_suffix(b"\n") {
            Some(rest) if !keeps => rest,
            _ => content,
        };
        let text = std::str::from_utf8(content);
        match (&self.template, text) {
            (None, Ok(text)) => Ok(Value::str(text)),
            (None, Err(_)) => Ok(Value::Bytes(content.to_vec())),
            (Some(_), Err(error)) => Err(format!("{path}: {error}")),
            (Some(pipe), Ok(text)) => {
                let context = Context {
                    grains: request.grains.0.clone().into(),
                    opts: Map::from([("id", request.id.as_str())]),
                    ..Context::empty().for_sls("", path)
                };
                render(text, pipe, &context, self.files.as_ref())
                    .map_err(|error| format!("{path}: {error}"))
            }
        }
    }

    /// Gives the groups that have a folder and mean the minion.
    fn groups(&self, request: SourceRequest<'_>) -> Vec<String> {
        let minion = Minion::new(
            request.id.clone(),
            request.grains.clone(),
            Map::new().into(),
            self.nodegroups.clone(),
        );
        let is_meant = |group: &String| {
            minion
                .is_meant(group, TargetType::Nodegroup)
                .unwrap_or(false)
        };
        self.nodegroups
            .keys()
            .map(Value::to_text)
            .filter(is_meant)
            .collect()
    }
}

impl PillarSource for FileTree {
    fn name(&self) -> &str {
        "file_tree"
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let mut pillar = Map::new();
        for group in self.groups(request) {
            let of_group = self.folder(&format!("nodegroups/{group}"), request)?;
            pillar = Merge::default().merge(pillar, of_group);
        }
        let of_host = self.folder(&format!("hosts/{}", request.id.as_str()), request)?;
        Ok(Merge::default().merge(pillar, of_host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Grains, MinionId};
    use states::file_client::MemoryFiles;

    fn files() -> Arc<dyn FileClient> {
        Arc::new(
            MemoryFiles::new()
                .with("hosts/web01/ssl/key", "secret\n")
                .with("hosts/web01/motd", "of {{ grains['os'] }}\n")
                .with("hosts/web011/motd", "another's\n")
                .with("nodegroups/web/motd", "of the group\n")
                .with("nodegroups/web/ssl/ca", "ca\n")
                .with("nodegroups/db/only", "db\n"),
        )
    }

    fn pillar(tree: &FileTree) -> String {
        let id: MinionId = "web01".parse().expect("an id");
        let grains = Grains(Map::from([("os", "SUSE")]));
        let nothing = Map::new();
        let request = SourceRequest {
            id: &id,
            grains: &grains,
            pillar: &nothing,
            pillarenv: None,
        };
        let pillar = tree.pillar(request).expect("all files render");
        serde_json::to_string(&pillar).expect("JSON")
    }

    #[test]
    fn a_host_has_its_groups_files_and_its_own_on_top() {
        let groups = Map::from([("web", "web*"), ("db", "db*")]);
        let tree = FileTree::new(files(), groups.clone());
        assert_eq!(
            pillar(&tree),
            r#"{"motd":"of {{ grains['os'] }}","ssl":{"ca":"ca","key":"secret"}}"#
        );
        let tree = tree.with_keep_newline(KeepNewline::Matching(vec!["ssl/*".into()]));
        assert_eq!(
            pillar(&tree),
            r#"{"motd":"of {{ grains['os'] }}","ssl":{"ca":"ca\n","key":"secret\n"}}"#
        );
        let tree = FileTree::new(files(), Map::new()).with_template("jinja");
        assert_eq!(
            pillar(&tree),
            r#"{"motd":"of SUSE","ssl":{"key":"secret"}}"#
        );
    }
}
