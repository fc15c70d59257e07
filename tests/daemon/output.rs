//! What connectors print and answer, searched for secrets.
//!
//! Every secret of the tests holds [`MARKER`]. All output passes [`check`], which knows the marker in plain text, in
//! base64 at any offset, and as a number of bytes printed by Rust, and beside it bcrypt hashes and private keys.

use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine;

/// Stands in every secret of the tests.
pub const MARKER: &str = "hidden-";

static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

static PATTERNS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut patterns = vec![MARKER.to_owned(), "$2b$".to_owned(), "$2y$".to_owned(), "PRIVATE KEY".to_owned()];
    for offset in 0..3 {
        let encoded = base64::engine::general_purpose::STANDARD.encode("\0".repeat(offset) + MARKER);
        // Characters that hold bits of a neighbour are left out.
        let first = (offset * 8).div_ceil(6);
        let last = (offset + MARKER.len()) * 8 / 6;
        patterns.push(encoded[first..last].to_owned());
    }
    let bytes: Vec<String> = MARKER.bytes().map(|byte| byte.to_string()).collect();
    patterns.push(bytes.join(", "));
    patterns
});

/// What of a secret stands in the output.
pub fn leak_in(output: &str) -> Option<&'static String> {
    PATTERNS.iter().find(|pattern| output.contains(pattern.as_str()))
}

/// Notes it if output holds a secret.
pub fn check(output: &str) {
    if let Some(pattern) = leak_in(output) {
        let leak = format!("{pattern:?} in {output}");
        eprintln!("A SECRET IS SHOWN: {leak}");
        LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(leak);
    }
}

/// No output so far held a secret.
pub fn assert_none_shown() {
    let leaks = LEAKS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(leaks.is_empty(), "{leaks:?}");
}

/// What carries a secret must carry the marker, so that the search finds it.
pub fn must_be_marked(secret: &str) {
    assert!(secret.contains(MARKER), "a secret of the tests must hold {MARKER:?}");
}
