//! Roots as the renderers see them: whole files, by path and environment.

use std::sync::Arc;

use states::file_client::{FileClient, FileError};
use storage::disk::DiskRead;

use super::contents::KeptContents;
use super::{Backend, Found, Roots};

/// Gives the files of roots to renderers and compilers; used for `file_roots` and `pillar_roots`.
pub struct RootsClient {
    roots: Arc<Roots>,
    disk: Arc<dyn DiskRead>,
    contents: Option<Arc<KeptContents>>,
}

impl RootsClient {
    /// Reads from these roots.
    pub fn new(roots: Arc<Roots>, disk: Arc<dyn DiskRead>) -> Self {
        let contents = None;
        Self {
            roots,
            disk,
            contents,
        }
    }

    /// Keeps the contents of small files.
    pub(crate) fn keeping(mut self, contents: Arc<KeptContents>) -> Self {
        self.contents = Some(contents);
        self
    }

    fn content(&self, found: &Found) -> Result<Option<Arc<[u8]>>, storage::Error> {
        match &self.contents {
            Some(contents) => contents.of(found, self.disk.as_ref()),
            None => Ok(self.disk.read(&found.path)?.map(Arc::from)),
        }
    }
}

impl FileClient for RootsClient {
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        let find = || match self.roots.find(path, saltenv)? {
            Some(found) => self.content(&found),
            None => Ok(None),
        };
        find().map_err(|error| failed(path, saltenv, &error))
    }

    fn list(&self, saltenv: &str) -> Result<Vec<String>, FileError> {
        let lists = self
            .roots
            .lists(saltenv)
            .map_err(|error| failed("", saltenv, &error))?;
        Ok(lists.files)
    }

    fn envs(&self) -> Vec<String> {
        self.roots.envs()
    }
}

fn failed(path: &str, saltenv: &str, error: &storage::Error) -> FileError {
    FileError {
        path: path.to_owned(),
        saltenv: saltenv.to_owned(),
        reason: error.to_string(),
    }
}
