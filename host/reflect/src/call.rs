//! Calls, with strings and bytes in one piece where the signature allows it.
//!
//! wasmtime calls a function's `post-return` itself, at the end of typed and of dynamic calls.

use wasmtime::component::{ComponentNamedList, Func, Instance, Lift, Lower, Val};
use wasmtime::{AsContextMut, StoreContextMut};

use crate::function::{Answer, Arguments, Form, Function, Piece};
use crate::shape::Shape;
use crate::{CallError, ResultError};

/// Results that cross in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    Text,
    Bytes,
    TextOrError,
    BytesOrError,
    NothingOrError,
}

/// One finished call: what came back from the typed way.
type Outcome = Result<Piece, Piece>;

impl Function {
    /// Calls the function in `instance` with arguments that [`Function::arguments`] of this function checked. The answer
    /// holds at most `limit` bytes of structured result and as many of text.
    ///
    /// Strings and `list<u8>` cross in one piece when the parameters are `()`, `(string)`, `(list<u8>)` or `(string,
    /// list<u8>)` and the result is one of the two, or `result<string | list<u8> | _, string>`; otherwise values are
    /// converted one by one, which for a megabyte of bytes takes about 100 ms.
    ///
    /// # Errors
    /// After [`CallError::Trap`] the store is poisoned: throw it away.
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        instance: &Instance,
        arguments: Arguments,
        limit: usize,
    ) -> Result<Answer, CallError> {
        let mut store = store.as_context_mut();
        let func = self.func(&mut store, instance)?;
        let Some(whole) = self.whole_result() else { return self.dynamic(func, store, arguments, limit).await };
        let outcome = match arguments.0 {
            Form::None => typed(func, store, (), whole).await,
            Form::Text(text) => typed(func, store, (text,), whole).await,
            Form::Bytes(bytes) => typed(func, store, (bytes,), whole).await,
            Form::TextBytes(text, bytes) => typed(func, store, (text, bytes), whole).await,
            Form::Vals(vals) => return self.dynamic(func, store, Arguments(Form::Vals(vals)), limit).await,
        };
        Ok(self.render(outcome.map_err(CallError::Trap)?, limit)?)
    }

    fn func<T: 'static>(&self, store: &mut StoreContextMut<'_, T>, instance: &Instance) -> Result<Func, CallError> {
        let mut index = None;
        for step in &self.path {
            let next = instance.get_export_index(&mut *store, index.as_ref(), step);
            index = Some(next.ok_or_else(|| CallError::Absent { export: self.path.join("/") })?);
        }
        let func = index.and_then(|index| instance.get_func(&mut *store, index));
        func.ok_or_else(|| CallError::Absent { export: self.path.join("/") })
    }

    fn whole_result(&self) -> Option<Whole> {
        match self.result.as_ref()? {
            Shape::String => Some(Whole::Text),
            Shape::Bytes => Some(Whole::Bytes),
            Shape::Result(ok, Some(error)) if **error == Shape::String => match ok.as_deref() {
                Some(Shape::String) => Some(Whole::TextOrError),
                Some(Shape::Bytes) => Some(Whole::BytesOrError),
                None => Some(Whole::NothingOrError),
                Some(_) => None,
            },
            _ => None,
        }
    }

    async fn dynamic<T: Send + 'static>(
        &self,
        func: Func,
        store: StoreContextMut<'_, T>,
        arguments: Arguments,
        limit: usize,
    ) -> Result<Answer, CallError> {
        let mut results: Vec<Val> = self.result.iter().map(|_| Val::Bool(false)).collect();
        func.call_async(store, &arguments.into_vals(), &mut results).await.map_err(CallError::Trap)?;
        self.answer(results, limit).map_err(CallError::from)
    }
}

async fn typed<T, P>(
    func: Func,
    store: StoreContextMut<'_, T>,
    params: P,
    whole: Whole,
) -> Result<Outcome, wasmtime::Error>
where
    T: Send + 'static,
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    let error = |error: String| Piece::Text(error);
    Ok(match whole {
        Whole::Text => Ok(Piece::Text(run::<T, P, String>(func, store, params).await?)),
        Whole::Bytes => Ok(Piece::Bytes(run::<T, P, Vec<u8>>(func, store, params).await?)),
        Whole::TextOrError => {
            run::<T, P, Result<String, String>>(func, store, params).await?.map(Piece::Text).map_err(error)
        }
        Whole::BytesOrError => {
            run::<T, P, Result<Vec<u8>, String>>(func, store, params).await?.map(Piece::Bytes).map_err(error)
        }
        Whole::NothingOrError => {
            run::<T, P, Result<(), String>>(func, store, params).await?.map(|()| Piece::Nothing).map_err(error)
        }
    })
}

async fn run<T, P, R>(func: Func, mut store: StoreContextMut<'_, T>, params: P) -> Result<R, wasmtime::Error>
where
    T: Send + 'static,
    P: ComponentNamedList + Lower + Send + Sync + 'static,
    (R,): ComponentNamedList + Lift,
    R: Send + Sync + 'static,
{
    let func = func.typed::<P, (R,)>(&store)?;
    Ok(func.call_async(&mut store, params).await?.0)
}

impl From<ResultError> for CallError {
    fn from(error: ResultError) -> Self {
        Self::Result(error)
    }
}
