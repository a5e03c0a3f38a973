//! Expressions and filters against a small evaluator of Python's rules.
//!
//! The evaluator says nothing (`None`) where Python raises, and where values leave the sizes it is
//! made for; those cases only have to give an error or a text, not a panic.

use proptest::prelude::*;
use states::context::Context;
use states::file_client::MemoryFiles;
use states::renderers::render_text;

/// A value as far as the evaluator knows them.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Int(i128),
    Bool(bool),
    Text(String),
    List(Vec<Value>),
    Nothing,
}

use Value::{Bool, Int, List, Nothing, Text};

/// Beyond this the evaluator says nothing.
const SIZE_MAX: i128 = 1 << 60;

#[derive(Debug, Clone)]
enum Expression {
    Is(Value),
    Two(&'static str, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    If(Box<Expression>, Box<Expression>, Box<Expression>),
    At(Box<Expression>, i8),
    Slice(Box<Expression>, Option<i8>, Option<i8>),
    Filter(&'static str, Box<Expression>),
    Join(Box<Expression>, &'static str),
}

use Expression::{At, Filter, If, Is, Join, Minus, Not, Slice, Two};

/// Writes a value as a literal, which is also how Python shows it inside a list.
fn repr(value: &Value) -> String {
    match value {
        Int(int) => int.to_string(),
        Bool(true) => "True".to_owned(),
        Bool(false) => "False".to_owned(),
        Text(text) if text.contains('\'') && text.contains('"') => {
            format!("'{}'", text.replace('\'', "\\'"))
        }
        Text(text) if text.contains('\'') => format!("\"{text}\""),
        Text(text) => format!("'{text}'"),
        List(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Nothing => "None".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Text(text) => text.clone(),
        other => repr(other),
    }
}

fn written(expression: &Expression) -> String {
    let place = |place: &Option<i8>| place.map_or(String::new(), |place| place.to_string());
    match expression {
        Is(value) => repr(value),
        Two(op, left, right) => format!("({} {op} {})", written(left), written(right)),
        Not(inner) => format!("(not {})", written(inner)),
        Minus(inner) => format!("(- {})", written(inner)),
        If(test, yes, no) => {
            format!(
                "({} if {} else {})",
                written(yes),
                written(test),
                written(no)
            )
        }
        At(inner, at) => format!("({})[{at}]", written(inner)),
        Slice(inner, from, to) => format!("({})[{}:{}]", written(inner), place(from), place(to)),
        Filter(name, inner) => format!("(({})|{name})", written(inner)),
        Join(inner, with) => format!("(({})|join('{with}'))", written(inner)),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Int(int) => *int != 0,
        Bool(bool) => *bool,
        Text(text) => !text.is_empty(),
        List(items) => !items.is_empty(),
        Nothing => false,
    }
}

/// Python's booleans are numbers.
fn number(value: &Value) -> Option<i128> {
    match value {
        Int(int) => Some(*int),
        Bool(bool) => Some(i128::from(*bool)),
        _ => None,
    }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (List(left), List(right)) => {
            let mut pairs = left.iter().zip(right);
            left.len() == right.len() && pairs.all(|(left, right)| is_equal(left, right))
        }
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

fn sized(int: i128) -> Option<Value> {
    (int.abs() <= SIZE_MAX).then_some(Int(int))
}

fn two(op: &str, left: &Value, right: &Value) -> Option<Value> {
    match op {
        "==" => return Some(Bool(is_equal(left, right))),
        "!=" => return Some(Bool(!is_equal(left, right))),
        "~" => return Some(Text(shown(left) + &shown(right))),
        "in" => {
            return match (left, right) {
                (Text(part), Text(text)) => Some(Bool(text.contains(part.as_str()))),
                (_, List(items)) => Some(Bool(items.iter().any(|item| is_equal(item, left)))),
                _ => None,
            };
        }
        _ => {}
    }
    match (left, right) {
        (Text(left), Text(right)) => match op {
            "+" => Some(Text(left.clone() + right)),
            "<" => Some(Bool(left < right)),
            ">=" => Some(Bool(left >= right)),
            _ => None,
        },
        (List(left), List(right)) if op == "+" => Some(List([&left[..], right].concat())),
        (Text(text), times) if op == "*" => {
            let times = number(times).filter(|times| *times < 20)?;
            Some(Text(text.repeat(times.max(0) as usize)))
        }
        (List(items), times) if op == "*" => {
            let times = number(times).filter(|times| *times < 20)?;
            let times = times.max(0) as usize;
            Some(List(vec![items.clone(); times].concat()))
        }
        _ => {
            let (left, right) = (number(left)?, number(right)?);
            match op {
                "+" => sized(left + right),
                "-" => sized(left - right),
                "*" => sized(left.checked_mul(right)?),
                // Rounded down, and the rest has the sign of the divisor.
                "//" if right != 0 => sized(left.div_euclid(right) - correction(left, right)),
                "%" if right != 0 => {
                    sized(left - right * (left.div_euclid(right) - correction(left, right)))
                }
                "<" => Some(Bool(left < right)),
                ">=" => Some(Bool(left >= right)),
                _ => None,
            }
        }
    }
}

/// What a division that leaves a rest that is never negative lacks to one that rounds down.
fn correction(left: i128, right: i128) -> i128 {
    i128::from(right < 0 && left.rem_euclid(right) != 0)
}

/// The items of a list, or the characters of a text.
fn items(value: &Value) -> Option<Vec<Value>> {
    match value {
        List(items) => Some(items.clone()),
        Text(text) => Some(text.chars().map(|c| Text(c.to_string())).collect()),
        _ => None,
    }
}

/// Puts a part back into the kind of thing it is of.
fn part_of(whole: &Value, part: Vec<Value>) -> Value {
    match whole {
        Text(_) => Text(part.iter().map(shown).collect()),
        _ => List(part),
    }
}

fn filter(name: &str, value: &Value) -> Option<Value> {
    match (name, value) {
        ("length", value) => Some(Int(items(value)?.len() as i128)),
        ("list", value) => Some(List(items(value)?)),
        ("string", value) => Some(Text(shown(value))),
        ("upper", Text(text)) => Some(Text(text.to_uppercase())),
        ("capitalize", Text(text)) => {
            let mut letters = text.chars();
            let first: String = letters.next().into_iter().collect();
            Some(Text(
                first.to_uppercase() + &letters.as_str().to_lowercase(),
            ))
        }
        ("first", value) => items(value)?.first().cloned(),
        ("last", value) => items(value)?.last().cloned(),
        ("abs", value) => sized(number(value)?.abs()),
        ("sum", List(items)) => {
            let numbers: Option<Vec<i128>> = items.iter().map(number).collect();
            sized(numbers?.iter().sum())
        }
        ("sort", List(items)) => {
            let mut keyed: Vec<(i128, Value)> = Vec::new();
            for item in items {
                keyed.push((number(item)?, item.clone()));
            }
            keyed.sort_by_key(|(number, _)| *number);
            Some(List(keyed.into_iter().map(|(_, item)| item).collect()))
        }
        ("min", List(items)) => pick(items, |new, best| new < best),
        ("max", List(items)) => pick(items, |new, best| new > best),
        _ => None,
    }
}

/// The first of the numbers that none beats.
fn pick(items: &[Value], beats: impl Fn(i128, i128) -> bool) -> Option<Value> {
    let mut best: Option<(i128, &Value)> = None;
    for item in items {
        let new = number(item)?;
        if best.is_none_or(|(best, _)| beats(new, best)) {
            best = Some((new, item));
        }
    }
    best.map(|(_, item)| item.clone())
}

fn value_of(expression: &Expression) -> Option<Value> {
    match expression {
        Is(value) => Some(value.clone()),
        Two("and", left, right) => match value_of(left)? {
            left if is_true(&left) => value_of(right),
            left => Some(left),
        },
        Two("or", left, right) => match value_of(left)? {
            left if is_true(&left) => Some(left),
            _ => value_of(right),
        },
        Two(op, left, right) => two(op, &value_of(left)?, &value_of(right)?),
        Not(inner) => Some(Bool(!is_true(&value_of(inner)?))),
        Minus(inner) => sized(-number(&value_of(inner)?)?),
        If(test, yes, no) => value_of(if is_true(&value_of(test)?) { yes } else { no }),
        At(inner, at) => {
            let items = items(&value_of(inner)?)?;
            let length = items.len() as i64;
            let at = i64::from(*at);
            let place = if at < 0 { length + at } else { at };
            items.get(usize::try_from(place).ok()?).cloned()
        }
        Slice(inner, from, to) => {
            let whole = value_of(inner)?;
            let items = items(&whole)?;
            let length = items.len() as i64;
            let place = |at: &Option<i8>, usual: i64| {
                let at = at.map_or(usual, i64::from);
                let at = if at < 0 { length + at } else { at };
                at.clamp(0, length) as usize
            };
            let (from, to) = (place(from, 0), place(to, length));
            let part = items.get(from..to).unwrap_or_default().to_vec();
            Some(part_of(&whole, part))
        }
        Filter(name, inner) => filter(name, &value_of(inner)?),
        Join(inner, with) => {
            let parts = items(&value_of(inner)?)?;
            let parts: Vec<String> = parts.iter().map(shown).collect();
            Some(Text(parts.join(with)))
        }
    }
}

fn literal() -> impl Strategy<Value = Expression> {
    let plain = || {
        prop_oneof![
            (0i128..100).prop_map(Int),
            any::<bool>().prop_map(Bool),
            "[a-cA-C ]{0,4}".prop_map(Text),
            Just(Nothing),
        ]
    };
    let numbers = proptest::collection::vec((0i128..9).prop_map(Int), 0..5);
    prop_oneof![
        4 => plain().prop_map(Is),
        1 => proptest::collection::vec(plain(), 0..4).prop_map(|items| Is(List(items))),
        1 => numbers.prop_map(|items| Is(List(items))),
    ]
}

fn expressions() -> impl Strategy<Value = Expression> {
    const OPS: [&str; 13] = [
        "+", "-", "*", "//", "%", "~", "==", "!=", "<", ">=", "in", "and", "or",
    ];
    const FILTERS: [&str; 12] = [
        "length",
        "list",
        "string",
        "upper",
        "capitalize",
        "first",
        "last",
        "abs",
        "sum",
        "sort",
        "min",
        "max",
    ];
    literal().prop_recursive(5, 24, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let place = || proptest::option::of(-4i8..5);
        let joiners = proptest::sample::select(&["", ",", "-x-"][..]);
        prop_oneof![
            4 => (proptest::sample::select(&OPS[..]), boxed(), boxed())
                .prop_map(|(op, left, right)| Two(op, left, right)),
            1 => boxed().prop_map(Not),
            1 => boxed().prop_map(Minus),
            1 => (boxed(), boxed(), boxed()).prop_map(|(test, yes, no)| If(test, yes, no)),
            1 => (boxed(), -3i8..4).prop_map(|(inner, at)| At(inner, at)),
            1 => (boxed(), place(), place()).prop_map(|(inner, from, to)| Slice(inner, from, to)),
            2 => (proptest::sample::select(&FILTERS[..]), boxed())
                .prop_map(|(name, inner)| Filter(name, inner)),
            1 => (boxed(), joiners).prop_map(|(inner, with)| Join(inner, with)),
        ]
    })
}

fn rendered(template: &str) -> Result<String, String> {
    let rendered = render_text(template, "jinja", &Context::empty(), &MemoryFiles::new());
    rendered.map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn an_expression_is_what_python_says(expression in expressions()) {
        let text = written(&expression);
        let got = rendered(&format!("<{{{{ {text} }}}}>"));
        match value_of(&expression) {
            Some(value) => {
                prop_assert_eq!(got, Ok(format!("<{}>", shown(&value))), "{}", text);
            }
            None => if let Err(error) = got {
                prop_assert!(!error.contains("please report"), "{}: {}", text, error);
            },
        }
    }

    /// The same through a variable, a condition and a loop.
    #[test]
    fn a_value_is_the_same_wherever_it_stands(expression in expressions()) {
        if let Some(value) = value_of(&expression) {
            let text = written(&expression);
            let got = rendered(&format!(
                "{{% set v = {text} %}}{{% if v %}}yes{{% else %}}no{{% endif %}} {{{{ [v] }}}} \
                 {{% for x in [v, v] %}}{{{{ x }}}};{{% endfor %}}"
            ));
            let answer = if is_true(&value) { "yes" } else { "no" };
            let shown = shown(&value);
            let expected = format!("{answer} {} {shown};{shown};", repr(&List(vec![value])));
            prop_assert_eq!(got, Ok(expected), "{}", text);
        }
    }
}
