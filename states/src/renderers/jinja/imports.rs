//! Other files: `include`, `import`, `from`, `extends`, `import_yaml` and their like.
//!
//! Names are looked up from the root of the environment; `./` and `../` from the directory of the
//! file that was loaded last, as Salt's loader does it.

use std::rc::Rc;

use super::ast::DataFormat;
use super::environment::Options;
use super::fault::{Fault, FaultKind, Outcome};
use super::interpreter::{Interpreter, crossing};
use super::object::{Module, Object};
use super::parser;
use super::scope::{BlockTable, Scope, Site, Template};
use super::text;
use super::value::Py;
use crate::error::{Error, Place};
use crate::file_client::normalise;
use crate::renderers::json;
use crate::renderers::yaml;

/// Parses a text; an error carries its place.
pub(super) fn compile(name: &str, text: &str, options: &Options) -> Outcome<Rc<Template>> {
    let parsed = parser::parse(text, options).map_err(|(line, mut fault)| {
        let place = Place {
            file: name.to_owned(),
            line,
        };
        fault.place = Some((place, Rc::from(text)));
        fault
    })?;
    Ok(Rc::new(Template {
        name: Rc::from(name),
        text: Rc::from(text),
        body: parsed.body,
        blocks: parsed.blocks,
    }))
}

impl Interpreter<'_> {
    /// Loads the template of a name.
    fn load(&mut self, name: &str) -> Outcome<Rc<Template>> {
        if let Some(template) = self.templates.get(name) {
            return Ok(template.clone());
        }
        let not_found = || Fault::new(FaultKind::NotFound, name);
        let head = name.split('/').next().unwrap_or_default();
        let is_relative = matches!(head, "." | "..");
        let path = if is_relative {
            let base = self.globals.get("tpldir");
            let base = base.as_ref().and_then(Py::as_str).unwrap_or("");
            normalise(&format!("{base}/{name}"))
        } else {
            normalise(name)
        };
        let path = path.ok_or_else(not_found)?;
        let bytes = self
            .files
            .read(&path, &self.context.saltenv)
            .map_err(|error| Fault::new(FaultKind::File, error.to_string()))?
            .ok_or_else(not_found)?;
        let source = std::str::from_utf8(&bytes).map_err(|error| {
            Fault::new(
                FaultKind::File,
                format!("{path} is not UTF-8 text: {error}"),
            )
        })?;
        if !is_relative {
            self.name_template(&path);
        }
        let template = compile(&path, source, &self.options)?;
        self.templates.insert(name.to_owned(), template.clone());
        Ok(template)
    }

    /// The global names as they are now; later loads do not change them.
    fn globals_now(&self) -> Rc<Scope> {
        let now = Rc::<Scope>::default();
        for (name, value) in self.globals.own() {
            now.set(&name, value);
        }
        now
    }

    /// Sets what templates see of the file that was loaded last.
    fn name_template(&mut self, path: &str) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        self.globals.set_str("tplfile", Py::str(path));
        let shown = if directory.is_empty() { "." } else { directory };
        self.globals.set_str("tpldir", Py::str(shown));
        self.globals
            .set_str("tpldot", Py::from(directory.replace('/', ".")));
    }

    /// Makes the place in which a template of its own runs.
    pub(super) fn site(template: &Rc<Template>, parent: &Rc<Scope>) -> Site {
        let root = Scope::inside(parent);
        let blocks = BlockTable::default();
        for (name, body, _) in &template.blocks {
            let bodies = vec![(template.clone(), body.clone())];
            blocks.0.borrow_mut().insert(name.clone(), bodies);
        }
        Site {
            template: template.clone(),
            scope: root.clone(),
            root,
            blocks: Rc::new(blocks),
            block: None,
        }
    }

    /// Runs a whole template, and the ones it extends.
    pub(super) fn run_template(&mut self, site: &Site, out: &mut String) -> Outcome<()> {
        let mut site = site.clone();
        loop {
            let mark = out.len();
            self.run(&site.template.body.clone(), &site, out)?;
            let parent = site.root.get_own(PARENT).filter(|parent| !parent.is_none());
            let Some(parent) = parent else { return Ok(()) };
            // What a child prints outside of its blocks is not shown.
            out.truncate(mark);
            site.root.set_str(PARENT, Py::None);
            let Some(name) = parent.as_str() else {
                return Ok(());
            };
            let template = self.load(name)?;
            for (name, body, _) in &template.blocks {
                let mut blocks = site.blocks.0.borrow_mut();
                blocks
                    .entry(name.clone())
                    .or_default()
                    .push((template.clone(), body.clone()));
            }
            site.template = template;
            site.scope = site.root.clone();
        }
    }

    pub(super) fn extend(&mut self, parent: &Py, site: &Site) -> Outcome<()> {
        let name = text::str(parent)?;
        if site
            .root
            .get_own(PARENT)
            .is_some_and(|parent| !parent.is_none())
        {
            return Err(Fault::runtime("extended multiple times"));
        }
        // Loaded at once, so that a missing file is reported at this line.
        self.load(&name)?;
        site.root.set_str(PARENT, Py::from(name));
        Ok(())
    }

    pub(super) fn block(
        &mut self,
        name: &Rc<str>,
        is_scoped: bool,
        is_required: bool,
        site: &Site,
        out: &mut String,
    ) -> Outcome<()> {
        // In a child template a block only defines; its parent prints it.
        if site
            .root
            .get_own(PARENT)
            .is_some_and(|parent| !parent.is_none())
        {
            return Ok(());
        }
        let found = site
            .blocks
            .0
            .borrow()
            .get(name)
            .and_then(|bodies| bodies.first().cloned());
        let Some((template, body)) = found else {
            return Ok(());
        };
        if is_required && Rc::ptr_eq(&template, &site.template) {
            return Err(Fault::runtime(format!(
                "Required block {} not found",
                text::quoted(name)
            )));
        }
        let parent = if is_scoped { &site.scope } else { &site.root };
        let inner = Site {
            template,
            scope: Scope::inside(parent),
            block: Some((name.clone(), 0)),
            ..site.clone()
        };
        self.run(&body, &inner, out).map_err(crossing)?;
        Ok(())
    }

    pub(super) fn include(
        &mut self,
        name: &Py,
        ignores_missing: bool,
        has_context: bool,
        site: &Site,
        out: &mut String,
    ) -> Outcome<()> {
        let names: Vec<Py> = match name.defined()? {
            Py::List(_) | Py::Tuple(_) => name.items()?,
            one => vec![one.clone()],
        };
        let mut missing = None;
        for name in &names {
            match self.load(&text::str(name)?) {
                // Jinja prints it at once, before and outside of what the block gathers.
                Ok(_) if !has_context && self.gathering > 0 => {
                    return Err(Fault::new(
                        FaultKind::Runtime,
                        "'include ... without context' inside of a filter, set, macro or call \
                         block is printed outside of it by Jinja; leave 'without context' out",
                    ));
                }
                Ok(template) => {
                    let globals = self.globals_now();
                    let parent = if has_context { &site.scope } else { &globals };
                    let inner = Self::site(&template, parent);
                    let gathering = std::mem::take(&mut self.gathering);
                    let ran = self.run_template(&inner, out).map_err(crossing);
                    self.gathering = gathering;
                    return ran;
                }
                Err(fault) if fault.kind == FaultKind::NotFound => missing = Some(fault),
                Err(fault) => return Err(crossing(fault)),
            }
        }
        match missing {
            _ if ignores_missing => Ok(()),
            Some(_) if names.len() > 1 => {
                let names: Outcome<Vec<String>> = names.iter().map(text::str).collect();
                Err(Fault::new(
                    FaultKind::NotFound,
                    format!(
                        "none of the templates given were found: {}",
                        names?.join(", ")
                    ),
                ))
            }
            Some(fault) => Err(fault),
            None => Err(Fault::new(
                FaultKind::NotFound,
                "Tried to select from an empty list of templates.",
            )),
        }
    }

    /// Runs a template for its variables and macros.
    pub(super) fn import(&mut self, name: &Py, has_context: bool, site: &Site) -> Outcome<Py> {
        let name = text::str(name)?;
        let template = self.load(&name).map_err(|fault| {
            if fault.kind == FaultKind::NotFound {
                fault
            } else {
                crossing(fault)
            }
        })?;
        let globals = self.globals_now();
        let parent = if has_context { &site.scope } else { &globals };
        let inner = Self::site(&template, parent);
        let mut out = String::new();
        self.run_template(&inner, &mut out).map_err(crossing)?;
        Ok(Py::object(Object::Module(Module {
            name: template.name.clone(),
            scope: inner.root,
            text: Rc::from(out),
        })))
    }

    pub(super) fn import_names(
        &mut self,
        name: &Py,
        names: &[(Rc<str>, Rc<str>)],
        has_context: bool,
        site: &Site,
        line: usize,
    ) -> Outcome<()> {
        let module = self.import(name, has_context, site)?;
        let Py::Object(object) = &module else {
            return Ok(());
        };
        let Object::Module(module) = object.as_ref() else {
            return Ok(());
        };
        for (name, alias) in names {
            let value = module.scope.get_own(name).unwrap_or_else(|| {
                Py::Undefined(Rc::from(format!(
                    "the template {} (imported on line {line}) does not export the requested name \
                    {}",
                    text::quoted(&module.name),
                    text::quoted(name)
                )))
            });
            site.scope.set(alias, value);
        }
        Ok(())
    }

    /// Reads a text, or the text of a module, as data.
    pub(super) fn load_data(&mut self, format: DataFormat, value: &Py) -> Outcome<Py> {
        let value = match value.defined()? {
            Py::Object(object) => match object.as_ref() {
                Object::Module(module) => Py::Str(module.text.clone()),
                _ => value.clone(),
            },
            other => other.clone(),
        };
        if format == DataFormat::Text {
            return Ok(value);
        }
        let Some(text) = value.as_str() else {
            let what = if format == DataFormat::Yaml {
                "yaml"
            } else {
                "json"
            };
            return Err(Fault::runtime(format!(
                "Unable to load {what} from {}",
                text::str(&value)?
            )));
        };
        match format {
            DataFormat::Yaml => match yaml::load_yaml(text) {
                Ok(data) => Ok(Py::from_value(&data)),
                Err(error) => Err(Fault::runtime(format!(
                    "Encountered error loading yaml: {}",
                    Error::without_sls(&error)
                ))),
            },
            _ => match json::load(text) {
                Ok(data) => Ok(Py::from_value(&data)),
                Err(_) => Err(Fault::runtime(format!("Unable to load json from {text}"))),
            },
        }
    }
}

/// The variable that holds the name of the template to extend. No template can name it.
const PARENT: &str = " parent";
