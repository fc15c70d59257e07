//! Compiles proto/ with protox, so that no protoc is needed, and tells tests whether the build is optimized.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/remote.proto", "proto/write_v2.proto"], ["proto"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    println!("cargo:rustc-check-cfg=cfg(optimized)");
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "3") {
        println!("cargo:rustc-cfg=optimized");
    }
    Ok(())
}
