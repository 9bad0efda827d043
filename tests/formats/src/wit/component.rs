//! A component with one function that takes and gives a type.

use std::fmt::Write as _;
use std::sync::LazyLock;

use tidegate_reflect::{Reflected, tools};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm};

use super::types::Type;

/// Code is made and never runs.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    Engine::new(&config).unwrap()
});

/// What the function `f`, from `v` of this type to the same, is as a tool.
pub(crate) fn reflected(ty: &Type) -> Reflected {
    let bytes = wat::parse_str(text(ty)).expect("the type can be written");
    match Component::new(&ENGINE, &bytes) {
        Ok(component) => tools(&component, &ENGINE),
        Err(error) => panic!("{ty:?} is no type of a component: {error:?}"),
    }
}

/// The component as text. Nothing in it is ever called.
fn text(ty: &Type) -> String {
    let (mut definitions, mut count) = (String::new(), 0);
    let name = written(ty, &mut definitions, &mut count);
    let mut params = flat(ty);
    if params.len() > 16 {
        params = vec!["i32"];
    }
    let result = match flat(ty).as_slice() {
        [one] => one,
        _ => "i32",
    };
    format!(
        r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
    (func (export "f") (param {}) (result {result}) (unreachable)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  {definitions}
  (func $f (param "v" {name}) (result {name})
    (canon lift (core func $i "f") (memory (core memory $memory)) (realloc (core func $realloc))))
  (export "f" (func $f)))"#,
        params.join(" ")
    )
}

/// How the type is named. Types with names of their own are defined and exported first, as the component model wants it.
fn written(ty: &Type, definitions: &mut String, count: &mut usize) -> String {
    let mut inner = |ty: &Type| written(ty, definitions, count);
    let definition = match ty {
        Type::Bool => return "bool".to_owned(),
        Type::Integer(name) => return (*name).to_owned(),
        Type::F32 => return "f32".to_owned(),
        Type::F64 => return "f64".to_owned(),
        Type::Char => return "char".to_owned(),
        Type::String => return "string".to_owned(),
        Type::List(item) => return format!("(list {})", inner(item)),
        Type::Option(some) => return format!("(option {})", inner(some)),
        Type::Tuple(items) => {
            return format!("(tuple {})", items.iter().map(inner).collect::<Vec<_>>().join(" "));
        }
        Type::Result(ok, error) => {
            let ok = ok.as_ref().map(|ok| inner(ok)).unwrap_or_default();
            let error = error.as_ref().map(|error| format!("(error {})", inner(error))).unwrap_or_default();
            return format!("(result {ok} {error})");
        }
        Type::Record(fields) => {
            let field = |(name, ty): &(String, Type)| format!("(field {name:?} {})", inner(ty));
            format!("record {}", fields.iter().map(field).collect::<String>())
        }
        Type::Variant(cases) => {
            let case = |(name, ty): &(String, Option<Type>)| {
                format!("(case {name:?} {})", ty.as_ref().map(&mut inner).unwrap_or_default())
            };
            format!("variant {}", cases.iter().map(case).collect::<String>())
        }
        Type::Enum(names) => format!("enum {}", quoted(names)),
        Type::Flags(names) => format!("flags {}", quoted(names)),
    };
    *count += 1;
    let name = format!("t{count}");
    writeln!(definitions, r#"(type ${name}' ({definition}))(export ${name} "{name}" (type ${name}'))"#).unwrap();
    format!("${name}")
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?} ")).collect()
}

/// The core types that a value crosses as. Source: the component model's `CanonicalABI.md`, "Flattening".
fn flat(ty: &Type) -> Vec<&'static str> {
    match ty {
        Type::Bool | Type::Char | Type::Enum(_) | Type::Flags(_) => vec!["i32"],
        Type::Integer("u64" | "s64") => vec!["i64"],
        Type::Integer(_) => vec!["i32"],
        Type::F32 => vec!["f32"],
        Type::F64 => vec!["f64"],
        Type::String | Type::List(_) => vec!["i32", "i32"],
        Type::Tuple(items) => items.iter().flat_map(flat).collect(),
        Type::Record(fields) => fields.iter().flat_map(|(_, ty)| flat(ty)).collect(),
        Type::Variant(cases) => either(cases.iter().filter_map(|(_, ty)| ty.as_ref())),
        Type::Option(some) => either([&**some].into_iter()),
        Type::Result(ok, error) => either([ok, error].into_iter().flatten().map(|ty| &**ty)),
    }
}

/// One of several: which, and room for any of them.
fn either<'a>(types: impl Iterator<Item = &'a Type>) -> Vec<&'static str> {
    let mut room: Vec<&'static str> = Vec::new();
    for ty in types {
        for (index, core) in flat(ty).into_iter().enumerate() {
            match room.get_mut(index) {
                None => room.push(core),
                Some(known) if *known == core => {}
                Some(known) if ["i32", "f32"].contains(known) && ["i32", "f32"].contains(&core) => *known = "i32",
                Some(known) => *known = "i64",
            }
        }
    }
    [vec!["i32"], room].concat()
}
