//! From a component's type to its functions.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem};

use crate::{Function, Reason, limits, name};

/// What a component offers as tools.
#[derive(Clone, Debug, Default)]
pub struct Reflected {
    /// The tools, in the order of the component's exports.
    pub functions: Vec<Function>,
    /// The exported functions that are no tools, in the same order. After [`Reason::TooManyFunctions`] or
    /// [`Reason::TooManyExports`] nothing more is looked at.
    pub refused: Vec<Refused>,
}

/// An exported function that is no tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its path, joined by `/`: `demo:shapes/geometry@0.1.0/open`.
    pub export: String,
    /// Why.
    pub reason: Reason,
}

/// The functions that `component` exports, at the top level and inside exported instances. The same component gives the
/// same answer every time. Cost: proportional to the component's types within [`limits`]; nothing is instantiated.
#[must_use]
pub fn tools(component: &Component, engine: &Engine) -> Reflected {
    let mut walk = Walk { engine, reflected: Reflected::default(), seen: 0, functions: 0 };
    let ty = component.component_type();
    for (name, export) in ty.exports(engine) {
        walk.item(&export.ty, &[name.to_owned()]);
    }
    walk.finish()
}

struct Walk<'a> {
    engine: &'a Engine,
    reflected: Reflected,
    /// Exports looked at.
    seen: usize,
    /// Functions among them.
    functions: usize,
}

impl Walk<'_> {
    fn item(&mut self, item: &ComponentItem, path: &[String]) {
        self.seen = self.seen.saturating_add(1);
        if self.seen == limits::EXPORTS.saturating_add(1) {
            self.refuse(path, Reason::TooManyExports { limit: limits::EXPORTS });
        }
        if self.full() {
            return;
        }
        match item {
            ComponentItem::ComponentFunc(func) => self.function(func, path),
            ComponentItem::ComponentInstance(_) if path.len() > limits::INSTANCES => {
                self.refuse(path, Reason::TooManyInstances { limit: limits::INSTANCES });
            }
            ComponentItem::ComponentInstance(instance) => {
                for (name, export) in instance.exports(self.engine) {
                    if self.full() {
                        return;
                    }
                    let inner: Vec<String> = path.iter().cloned().chain([name.to_owned()]).collect();
                    self.item(&export.ty, &inner);
                }
            }
            // Types, resources and modules are not called.
            _ => {}
        }
    }

    fn function(&mut self, func: &ComponentFunc, path: &[String]) {
        self.functions = self.functions.saturating_add(1);
        match self.functions.saturating_sub(limits::FUNCTIONS) {
            0 => match Function::new(func, path) {
                Ok(function) => self.reflected.functions.push(function),
                Err(reason) => self.refuse(path, reason),
            },
            _ => self.refuse(path, Reason::TooManyFunctions { limit: limits::FUNCTIONS }),
        }
    }

    /// Nothing more is looked at.
    fn full(&self) -> bool {
        self.seen > limits::EXPORTS || self.functions > limits::FUNCTIONS
    }

    fn refuse(&mut self, path: &[String], reason: Reason) {
        self.reflected.refused.push(Refused { export: path.join("/"), reason });
    }

    fn finish(self) -> Reflected {
        let Reflected { functions, mut refused } = self.reflected;
        let paths: Vec<Vec<String>> = functions.iter().map(|function| function.path.clone()).collect();
        let mut named = Vec::with_capacity(functions.len());
        for (mut function, name) in functions.into_iter().zip(name::names(&paths)) {
            if let Some(name) = name {
                function.name = name;
                named.push(function);
            } else {
                refused.push(Refused { export: function.path.join("/"), reason: Reason::NameTaken });
            }
        }
        Reflected { functions: named, refused }
    }
}
