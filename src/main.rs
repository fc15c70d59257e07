//! The connector's binary.

fn main() {}
