//! Conversations with flaws.

use crate::flaw::{Rng, mutate};
use crate::talk::{conversation, listen};

#[test]
fn flaws_never_panic_and_do_not_depend_on_the_pieces() {
    let (good, mut failed) = (conversation(), 0);
    for seed in 0..20_000 {
        let (mut rng, mut stream) = (Rng(seed), good.clone());
        mutate(&mut stream, &mut rng);
        let whole = listen([&stream[..]]);
        let piece = 1 + rng.below(40);
        assert_eq!(listen(stream.chunks(piece)), whole, "seed {seed}");
        failed += u32::from(whole.error.is_some());
    }
    // Flaws reach beyond the first check, and most are found.
    assert!(failed > 10_000, "{failed}");
}
