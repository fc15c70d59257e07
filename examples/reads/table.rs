//! The table of ratios.

use crate::read::Form;
use crate::rounds::{Embedded, Remote};

/// The ratios that are aimed at: after to before, and for the last the multiple of Prometheus' CPU.
const BYTES: f64 = 0.2;
const PAGES: f64 = 0.2;
const CPU: f64 = 0.167;
const SLOW_WALL: f64 = 0.25;
const PEAK: f64 = 1.0;
const TIMES_PROMETHEUS: f64 = 3.0;

pub fn print(embedded: &[Embedded], remote: &[Remote]) {
    println!("\n| work | before | after | ratio | target |\n|---|---|---|---|---|");
    let row = |work: &str, [before, after]: [f64; 2], digits: usize, target: f64| {
        println!("| {work} | {before:.digits$} | {after:.digits$} | {:.3} | {target} |", after / before);
    };
    for Remote { form, builds } in remote {
        let name = form.name();
        row(&format!("bytes a sample, {name}"), builds.map(|build| build.bytes_a_sample), 1, BYTES);
        row(&format!("pages, {name}"), builds.map(|build| build.pages), 0, PAGES);
    }
    for Embedded { form, builds, .. } in embedded {
        row(&format!("µs CPU a sample, {}", form.name()), builds.map(|build| build.cpu), 3, CPU);
    }
    for Remote { form, builds } in remote {
        let work = format!("ms at 40 ms a page, {}", form.name());
        row(&work, builds.map(|build| build.slow_wall), 0, SLOW_WALL);
    }
    for Embedded { form, builds, .. } in embedded.iter().filter(|of| of.form == Form::Streamed) {
        row(&format!("peak MB above idle, {}", form.name()), builds.map(|build| build.peak), 1, PEAK);
    }
    for Embedded { form, builds, prometheus } in embedded {
        let Some(prometheus) = prometheus else { continue };
        let [before, after] = builds.map(|build| build.cpu / prometheus.cpu);
        let name = form.name();
        // The target is of the multiple itself.
        println!(
            "| CPU, times that of Prometheus, {name} | {before:.2} | {after:.2} | {after:.2} | {TIMES_PROMETHEUS} |"
        );
    }
}
