use std::any::{Any, TypeId};

/// One value of each type: what capabilities and the router keep in a store. A short list, because a store has few.
#[derive(Default)]
pub struct Slots {
    values: Vec<(TypeId, Box<dyn Any + Send>)>,
}

impl Slots {
    /// Puts a value in, in place of an earlier one of the same type.
    pub fn insert<T: Any + Send>(&mut self, value: T) {
        let id = TypeId::of::<T>();
        match self.values.iter_mut().find(|(present, _)| *present == id) {
            Some((_, slot)) => *slot = Box::new(value),
            None => self.values.push((id, Box::new(value))),
        }
    }

    /// The value of a type.
    #[must_use]
    pub fn get<T: Any + Send>(&self) -> Option<&T> {
        let id = TypeId::of::<T>();
        self.values.iter().find(|(present, _)| *present == id).and_then(|(_, slot)| slot.downcast_ref())
    }

    /// The value of a type, to change it.
    pub fn get_mut<T: Any + Send>(&mut self) -> Option<&mut T> {
        let id = TypeId::of::<T>();
        self.values.iter_mut().find(|(present, _)| *present == id).and_then(|(_, slot)| slot.downcast_mut())
    }

    /// Takes the value of a type out.
    pub fn take<T: Any + Send>(&mut self) -> Option<T> {
        let id = TypeId::of::<T>();
        let at = self.values.iter().position(|(present, _)| *present == id)?;
        self.values.swap_remove(at).1.downcast().ok().map(|value| *value)
    }
}
