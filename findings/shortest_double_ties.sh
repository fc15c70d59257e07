#!/usr/bin/env bash
# The shortest text of a double is not one text: zmij and ryu round a tie to the even digit, Rust's standard library rounds it up.
#
# What: the crates zmij 1.0.23 and ryu 1.0.23 beside the standard library's `{:?}`. Some doubles lie exactly midway between two decimals of
# the fewest digits that read back as them. All three texts are right, since they parse to the same bits, but they differ in
# the last digit. Such ties are known of huge numbers; between 1e-3 and 1e7 they are as real: of doubles with 30 significant bits, as sums of
# powers of two have, it is one of 64. A store that changes its formatter for a faster one answers other bytes for data that did not
# change, and whoever compares texts (snapshots, checksums, keys made of a rendered value) sees a difference.
#
# Why it matters here: the embedded Timestream writes doubles with zmij, and keeps the texts that it always answered by leaving ties to
# the standard library.
#
# Seen (2026-11-28, rustc 1.95.0):
#   std=0.0014276504516601563 zmij=0.0014276504516601562 ryu=0.0014276504516601562
#   of 2000000 doubles zmij differs in 31333, ryu in 31333
#
# Exits non-zero if that changes. Needs cargo and a registry of crates.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "ties"
version = "0.0.0"
edition = "2021"

[dependencies]
zmij = "=1.0.23"
ryu = "=1.0.23"
TOML
cat >src/main.rs <<'RUST'
/// The texts of a number from 1e-3 to 1e7, where all three write it without an exponent.
fn texts(number: f64) -> [String; 3] {
    let std = format!("{number:?}");
    let zmij = zmij::Buffer::new().format_finite(number).to_owned();
    let ryu = ryu::Buffer::new().format_finite(number).to_owned();
    [std, zmij, ryu]
}

fn main() {
    let tie = 0.00142765045166015625_f64;
    let [std, zmij, ryu] = texts(tie);
    println!("std={std} zmij={zmij} ryu={ryu}");
    let (mut random, mut tried, mut zmij_differs, mut ryu_differs) = (1_u64, 0_u32, 0_u32, 0_u32);
    while tried < 2_000_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Exponents from 2^-10 to 2^23, and 30 significant bits, as sums of powers of two have.
        let exponent = 1023 - 10 + (random >> 59) % 33;
        let number = f64::from_bits(exponent << 52 | (random << 5 >> 12) & !((1 << 23) - 1));
        if !(1e-3..1e7).contains(&number) {
            continue;
        }
        tried += 1;
        let [std, zmij, ryu] = texts(number);
        for text in [&std, &zmij, &ryu] {
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
        zmij_differs += u32::from(std != zmij);
        ryu_differs += u32::from(std != ryu);
    }
    println!("of {tried} doubles zmij differs in {zmij_differs}, ryu in {ryu_differs}");
}
RUST
export RUSTFLAGS="" CARGO_TARGET_DIR="$folder/target"
cargo run --quiet --release | tee found
diff found - <<'SEEN'
std=0.0014276504516601563 zmij=0.0014276504516601562 ryu=0.0014276504516601562
of 2000000 doubles zmij differs in 31333, ryu in 31333
SEEN
