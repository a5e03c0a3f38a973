//! A parsed template: statements and expressions, each statement with its line.

use std::rc::Rc;

use super::value::Py;

pub(super) type Body = Rc<[Stmt]>;

/// A statement and the line it begins on, from 1.
#[derive(Debug)]
pub(super) struct Stmt {
    pub(super) line: usize,
    pub(super) kind: StmtKind,
}

#[derive(Debug)]
pub(super) enum StmtKind {
    /// Text between tags.
    Data(Rc<str>),
    /// `{{ ... }}`
    Output(Expr),
    /// `{% print a, b %}`
    Print(Vec<Expr>),
    For(Rc<For>),
    If {
        branches: Vec<(Expr, Body)>,
        otherwise: Body,
    },
    With {
        assigned: Vec<(Target, Expr)>,
        body: Body,
    },
    Set {
        target: Target,
        value: Expr,
    },
    SetBlock {
        target: Target,
        filters: Vec<FilterCall>,
        body: Body,
    },
    Macro(Rc<Macro>),
    Call {
        callee: Expr,
        args: Arguments,
        body: Rc<Macro>,
    },
    FilterBlock {
        filters: Vec<FilterCall>,
        body: Body,
    },
    Do(Expr),
    Block {
        name: Rc<str>,
        is_scoped: bool,
        is_required: bool,
    },
    Extends(Expr),
    Include {
        template: Expr,
        ignores_missing: bool,
        has_context: bool,
    },
    Import {
        template: Expr,
        name: Rc<str>,
        has_context: bool,
    },
    FromImport {
        template: Expr,
        names: Vec<(Rc<str>, Rc<str>)>,
        has_context: bool,
    },
    /// `{% load_yaml as x %}`: the body is text of a format.
    Load {
        format: DataFormat,
        target: Target,
        body: Body,
    },
    /// `{% import_yaml 'file' as x %}`
    ImportData {
        format: DataFormat,
        template: Expr,
        name: Rc<str>,
        has_context: bool,
    },
    /// `{% profile as 'label' %}`; also what only groups statements.
    Group {
        label: Option<Expr>,
        body: Body,
    },
    Break,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataFormat {
    Yaml,
    Json,
    Text,
}

#[derive(Debug)]
pub(super) struct For {
    pub(super) target: Target,
    pub(super) iterable: Expr,
    pub(super) condition: Option<Expr>,
    pub(super) body: Body,
    pub(super) otherwise: Body,
    pub(super) is_recursive: bool,
}

/// A macro, or the body of a call block.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: Rc<str>,
    pub(super) params: Vec<Rc<str>>,
    /// For the last parameters.
    pub(super) defaults: Vec<Expr>,
    pub(super) body: Body,
    pub(super) uses_varargs: bool,
    pub(super) uses_kwargs: bool,
    pub(super) uses_caller: bool,
}

/// What can be assigned to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Name(Rc<str>),
    Tuple(Vec<Target>),
    /// `ns.attr`
    Attribute(Rc<str>, Rc<str>),
}

#[derive(Debug)]
pub(super) struct FilterCall {
    pub(super) name: Rc<str>,
    pub(super) args: Arguments,
}

#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Expr>,
    pub(super) named: Vec<(Rc<str>, Expr)>,
    pub(super) star: Option<Box<Expr>>,
    pub(super) double_star: Option<Box<Expr>>,
}

#[derive(Debug)]
pub(super) enum Expr {
    Const(Py),
    Name(Rc<str>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// The middle one is the condition's other branch.
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(CompareOp, Expr)>),
    Attribute(Box<Expr>, Rc<str>),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Arguments),
    Filter(Box<Expr>, FilterCall),
    Test(Box<Expr>, Rc<str>, Arguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}
