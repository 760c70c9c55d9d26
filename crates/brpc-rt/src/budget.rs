//! A limit on what is held for all calls and subscribers of a hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes that are held, and limits them.
///
/// What is counted is memory and not payload: so whoever charges counts what an item takes beside its
/// payload. `tests/faults/memory.rs` compares it with what the allocator says.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Default for Budget {
    /// Without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(most: usize) -> Self {
        Self { used: AtomicUsize::new(0), most }
    }

    /// How many bytes are held.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Charges for what can be refused; `None` if there is no room. If nothing else is held, there
    /// is, however much it is.
    pub fn charge(self: Arc<Self>, bytes: usize) -> Option<Charge> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let charge = Charge { budget: self, bytes };
        (before == 0 || before.saturating_add(bytes) <= charge.budget.most).then_some(charge)
    }

    /// Charges for what can't be refused.
    pub fn hold(self: Arc<Self>, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Charge { budget: self, bytes }
    }
}

/// What was charged to a budget, until it is dropped.
#[derive(Debug, Default)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// How many bytes it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all that may be held of everybody is.
    pub fn is_used_up(&self) -> bool {
        self.budget.used() >= self.budget.most
    }

    /// Charges for more that can't be refused.
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.budget.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives a part back.
    pub fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_comes_back_and_one_always_fits() {
        let budget = Arc::new(Budget::new(1_000));
        let large = budget.clone().charge(5_000).unwrap();
        assert!(budget.clone().charge(1).is_none(), "and no other with it");
        drop(large);
        let mut first = budget.clone().charge(600).unwrap();
        assert!(budget.clone().charge(401).is_none());
        assert!(!first.is_used_up());
        let second = budget.clone().charge(400).unwrap();
        assert!(budget.used() == 1_000 && first.is_used_up());
        // What has come is counted, whether there is room or not.
        first.add(100);
        assert_eq!((budget.used(), first.bytes()), (1_100, 700));
        let held = budget.clone().hold(50);
        first.give_back(650);
        drop((second, held));
        assert_eq!(budget.used(), 50);
        drop(first);
        assert_eq!(budget.used(), 0);
    }
}
