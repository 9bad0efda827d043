//! The next token, from weights of all.

/// How the next token is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// 0.0: always the likeliest.
    pub temperature: f32,
    /// Among so many likeliest; 0: all.
    pub top_k: usize,
    /// Among the likeliest whose probabilities sum up to this.
    pub top_p: f32,
    /// Not those less likely than this part of the likeliest.
    pub min_p: f32,
    /// Divides weights of tokens that were there.
    pub repetition: f32,
    /// How many of the last tokens count.
    pub window: usize,
    /// Taken from a token's weight for each time it was there.
    pub frequency: f32,
    /// Taken from the weight of every token that was there.
    pub presence: f32,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// A chosen token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Its number.
    pub token: u32,
    /// Natural logarithm of its probability among all tokens, before anything was changed.
    pub logprob: f32,
}

/// Chooses tokens, one after the other.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: u64,
}

/// Tokens that are looked at first when some are refused by a constraint; then all.
const FIRST: usize = 256;

// === impl Sampling ===

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.0,
            repetition: 1.0,
            window: 64,
            frequency: 0.0,
            presence: 0.0,
            seed: 0,
        }
    }
}

impl Sampling {
    /// Whether every number has a meaning; otherwise which has none.
    ///
    /// # Errors
    ///
    /// The name of the number, and what it may be.
    pub fn check(&self) -> Result<(), &'static str> {
        let within = |number: f32, least: f32, most: f32| (least..=most).contains(&number);
        match () {
            () if !within(self.temperature, 0.0, 100.0) => Err("temperature must be 0 to 100"),
            () if !within(self.top_p, 0.0, 1.0) => Err("top-p must be 0 to 1"),
            () if !within(self.min_p, 0.0, 1.0) => Err("min-p must be 0 to 1"),
            () if !within(self.repetition, 0.01, 100.0) => Err("repetition-penalty must be 0.01 to 100"),
            () if !within(self.frequency, -100.0, 100.0) => Err("frequency-penalty must be -100 to 100"),
            () if !within(self.presence, -100.0, 100.0) => Err("presence-penalty must be -100 to 100"),
            () => Ok(()),
        }
    }
}

// === impl Sampler ===

impl Sampler {
    /// Begins with the seed.
    #[must_use]
    pub fn new(sampling: Sampling) -> Self {
        Self { random: sampling.seed, sampling }
    }

    /// Chooses a token that `allowed` allows; none if it allows none. `recent`: the tokens so far, the newest last.
    pub fn choose(&mut self, logits: &[f32], recent: &[u32], allowed: &mut dyn FnMut(u32) -> bool) -> Option<Choice> {
        let mut weights = logits.to_vec();
        self.punish(&mut weights, recent);
        let wanted = if self.sampling.temperature == 0.0 { 1 } else { self.sampling.top_k };
        let wanted = if wanted == 0 { weights.len() } else { wanted };
        let mut order: Vec<u32> = (0..u32::try_from(weights.len()).unwrap_or(u32::MAX)).collect();
        let weight = |token: u32| weights.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        // The heaviest first; of equal ones the first.
        let by_weight = |a: &u32, b: &u32| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b));
        let mut found: Vec<u32> = Vec::new();
        let mut from = 0;
        for until in [wanted.max(FIRST).min(order.len()), order.len()] {
            let rest = order.get_mut(from..).unwrap_or_default();
            let count = until - from;
            if count > 0 && count < rest.len() {
                rest.select_nth_unstable_by(count - 1, by_weight);
            }
            let part = rest.get_mut(..count).unwrap_or_default();
            part.sort_unstable_by(by_weight);
            found.extend(part.iter().copied().filter(|token| allowed(*token)).take(wanted - found.len()));
            from = until;
            // A constraint may leave fewer than were wanted of the likeliest; the unlikely rest adds nothing to them.
            if found.len() >= wanted || !found.is_empty() && wanted < order.len() {
                break;
            }
        }
        let token = if self.sampling.temperature == 0.0 { *found.first()? } else { self.draw(&found, weight)? };
        Some(Choice { token, logprob: logprob(logits, token) })
    }

    fn punish(&self, weights: &mut [f32], recent: &[u32]) {
        let Sampling { repetition, window, frequency, presence, .. } = self.sampling;
        let mut seen: Vec<u32> = recent.iter().rev().take(window).copied().collect();
        seen.sort_unstable();
        for same in seen.chunk_by(|a, b| a == b) {
            let Some(weight) = same.first().and_then(|token| weights.get_mut(*token as usize)) else { continue };
            *weight = if *weight > 0.0 { *weight / repetition } else { *weight * repetition };
            #[allow(clippy::cast_precision_loss, reason = "a window of thousands")]
            let count = same.len() as f32;
            *weight -= count * frequency + presence;
        }
    }

    /// Draws one of the tokens, which are in the order of their weights.
    fn draw(&mut self, found: &[u32], weight: impl Fn(u32) -> f32) -> Option<u32> {
        let most = weight(*found.first()?);
        let plain: Vec<f32> = found.iter().map(|token| (weight(*token) - most).exp()).collect();
        let all: f32 = plain.iter().sum();
        let mut sum = 0.0;
        let kept = plain.iter().take_while(|odds| {
            let before = sum;
            sum += **odds / all;
            before < self.sampling.top_p && **odds >= self.sampling.min_p
        });
        let kept = kept.count().max(1);
        let heated: Vec<f32> =
            found.iter().take(kept).map(|token| ((weight(*token) - most) / self.sampling.temperature).exp()).collect();
        let mut rest = self.next() * heated.iter().sum::<f32>();
        for (token, odds) in found.iter().zip(&heated) {
            rest -= odds;
            if rest < 0.0 {
                return Some(*token);
            }
        }
        found.get(kept - 1).copied()
    }

    /// A number from 0 up to 1: SplitMix64, by Steele, Lea and Flood.
    #[allow(clippy::cast_precision_loss, reason = "24 bits fit")]
    fn next(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    }
}

/// Natural logarithm of a token's probability.
fn logprob(logits: &[f32], token: u32) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|weight| (weight - most).exp()).sum();
    logits.get(token as usize).map_or(f32::NEG_INFINITY, |weight| weight - most - sum.ln())
}

#[cfg(test)]
mod tests;
