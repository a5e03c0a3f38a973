//! Salt's own tags: `load_yaml`, `load_json`, `load_text`, `import_yaml`, `import_json`,
//! `import_text` and `profile`.

use super::ast::{DataFormat, StmtKind};
use super::fault::Outcome;
use super::parser::Parser;

impl Parser {
    /// Reads one of Salt's tags, its name being read; `None` if the name is none of them.
    pub(super) fn salt_tag(&mut self, name: &str) -> Outcome<Option<StmtKind>> {
        let (verb, format) = match name {
            "load_yaml" => ("load", DataFormat::Yaml),
            "load_json" => ("load", DataFormat::Json),
            "load_text" => ("load", DataFormat::Text),
            "import_yaml" => ("import", DataFormat::Yaml),
            "import_json" => ("import", DataFormat::Json),
            "import_text" => ("import", DataFormat::Text),
            "profile" => ("profile", DataFormat::Text),
            _ => return Ok(None),
        };
        Ok(Some(match verb {
            "load" => {
                self.expect_name("as")?;
                let target = self.target(false)?;
                StmtKind::Load {
                    format,
                    target,
                    body: self.body("endload")?,
                }
            }
            "import" => {
                let (template, name, has_context) = self.import_parts()?;
                StmtKind::ImportData {
                    format,
                    template,
                    name,
                    has_context,
                }
            }
            _ => {
                self.expect_name("as")?;
                let label = Some(self.expression()?);
                StmtKind::Group {
                    label,
                    body: self.body("endprofile")?,
                }
            }
        }))
    }
}
