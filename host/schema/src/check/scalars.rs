//! Numbers, texts and lengths.

use std::cmp::Ordering;

use serde_json::Number;

use super::{Checker, Problem};
use crate::equal::{is_multiple, order};
use crate::rules::{Numbers, Texts};

impl Checker<'_> {
    pub(super) fn number(&mut self, rules: &Numbers, number: &Number) -> Result<(), Problem> {
        let bounds = [
            (&rules.minimum, &[Ordering::Greater, Ordering::Equal][..], "at least"),
            (&rules.maximum, &[Ordering::Less, Ordering::Equal], "at most"),
            (&rules.above, &[Ordering::Greater], "greater than"),
            (&rules.below, &[Ordering::Less], "less than"),
        ];
        for (bound, allowed, words) in bounds {
            if let Some(bound) = bound
                && !order(number, bound).is_some_and(|order| allowed.contains(&order))
            {
                return self.wrong(format!("is {number}: must be {words} {bound}"));
            }
        }
        match &rules.multiple_of {
            Some(of) if !is_multiple(number, of) => self.wrong(format!("is {number}: must be a multiple of {of}")),
            _ => Ok(()),
        }
    }

    pub(super) fn text(&mut self, rules: &Texts, text: &str) -> Result<(), Problem> {
        if rules.least.is_some() || rules.most.is_some() {
            self.pay(text.len() as u64 / 16)?;
            self.length("characters", text.chars().count(), rules.least, rules.most)?;
        }
        match &rules.pattern {
            None => Ok(()),
            Some(pattern) => {
                self.pay(text.len() as u64)?;
                if pattern.is_match(text) { Ok(()) } else { self.wrong(format!("does not match `{pattern}`")) }
            }
        }
    }

    pub(super) fn length(
        &self,
        what: &str,
        length: usize,
        least: Option<u64>,
        most: Option<u64>,
    ) -> Result<(), Problem> {
        let length = length as u64;
        if let Some(least) = least.filter(|least| length < *least) {
            return self.wrong(format!("has {length} {what}: must have at least {least}"));
        }
        match most.filter(|most| length > *most) {
            Some(most) => self.wrong(format!("has {length} {what}: must have at most {most}")),
            None => Ok(()),
        }
    }
}
