//! Text that is damaged, hostile, or of another format.

use super::super::remote::now_ms;
use super::super::start::failing;
use super::*;

#[test]
fn bad_lines_are_named_with_their_number_and_the_rest_is_stored() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let file = scratch.path().join("bad.om");
    let seconds = now_ms() / 1000;
    let long = "x".repeat(3 << 20);
    let mut text = Vec::new();
    for line in [
        "# TYPE up gauge",
        &format!("up{{n=\"0\"}} 1 {seconds}"),
        "up{n=\"1\"} 1",
        &format!("up{{n=\"2\" 1 {seconds}"),
        &format!("up{{n=\"{long}\"}} 1 {seconds}"),
        &format!("up{{n=\"4\"}} 0x1p4 {seconds}"),
        &format!("up{{n=\"5\"}} 1 {seconds}000"),
        &format!("up{{n=\"6\"}} NaN {seconds}"),
        &format!("up{{n=\"7\"}} 1 {seconds} # {{trace_id=\"a\"}} 1"),
        "up{n=\"8\"} 1 99999999999999999999",
        "up{n=\"9\"} 1 -1",
    ] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b"up{n=\"\xff\"} 1 1\n# EOF\n");
    std::fs::write(&file, text).unwrap();
    let from = format!("--from={}", file.display());
    let imported = import(&with(&target, &[&from]));
    assert_eq!((imported.counts(), imported.code), ([5, 2, 0, 6], Some(1)));
    assert_eq!(imported.count("ignored, nan"), 1);
    assert_eq!(imported.count("rejected, retention_window"), 2);
    assert_eq!(imported.count("exemplars, not stored"), 1);
    for told in [
        "bad.om, line 3: no timestamp behind the value",
        "bad.om, line 4: no comma or } at byte 8 of the line",
        "bad.om, line 5: over 1048576 bytes",
        "0x1p4",
        "bad.om, line 7: the sample is over 15 minutes ahead",
        "it looks like milliseconds, but OpenMetrics has seconds",
        "bad.om, line 10: the timestamp 99999999999999999999 is too large",
        "bad.om, line 11: the sample is before 1970",
        "bad.om, line 12: no UTF-8 at byte 6 of the line",
    ] {
        assert!(imported.log.contains(told), "{told}");
    }
    let connector = Connector::embedded(scratch.path(), &[]);
    let names: Vec<String> = all_of(&connector).iter().map(|(labels, _)| labels[1].1.clone()).collect();
    assert_eq!(names, ["0", "7"]);
}

#[test]
fn many_bad_lines_are_counted_and_the_first_are_named() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let text = "nonsense\n".repeat(100_000);
    let imported = ended(start(&with(&target, &["--from=-"])), text.as_bytes());
    assert_eq!((imported.counts(), imported.code), ([0, 0, 0, 100_000], Some(1)));
    assert_eq!(imported.log.matches("standard input, line ").count(), 20);
}

#[test]
fn gzip_that_is_cut_off_is_stored_as_far_as_it_goes() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let now = now_ms();
    let lines: String = (0..20_000).map(|n| format!("up{{n=\"{}\"}} {n} {}e-3\n", n % 7, now - n)).collect();
    let whole = gzip(lines.as_bytes());
    let folder = scratch.path().join("texts");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("1.om.gz"), &whole[..whole.len() * 2 / 3]).unwrap();
    std::fs::write(folder.join("2.om"), format!("down 1 {}\n# EOF\n", now / 1000)).unwrap();
    let from = format!("--from={}", folder.display());
    let imported = import(&with(&target, &[&from]));
    let [read, written, failed, bad] = imported.counts();
    assert!(read > 5000 && read == written && (failed, bad) == (0, 0), "{}", imported.table);
    assert_eq!((imported.count("texts that can't be read to their end:"), imported.code), (1, Some(1)));
    assert!(imported.log.contains("1.om.gz can't be read behind line"));
    // The whole file is another one, and the other is done.
    std::fs::write(folder.join("1.om.gz"), &whole).unwrap();
    let imported = import(&with(&target, &[&from]));
    assert_eq!((imported.counts(), imported.code), ([20_001, 20_001, 0, 0], Some(0)));
    assert!(imported.log.contains("2.om is imported already"));
}

#[test]
fn what_is_not_there_or_of_another_import_is_an_error() {
    let scratch = Scratch::new();
    let target = embedded(scratch.path(), None);
    let error = |arguments: &[&str]| {
        let imported = import(&with(&target, arguments));
        assert_eq!(imported.code, Some(1));
        imported.log
    };
    assert!(error(&["--from=/nonexistent/a.om"]).contains("ImportInputError: can't read /nonexistent/a.om: "));
    assert!(error(&[&format!("--from={}", scratch.path().display())]).contains("ImportInputError: no file in "));
    let file = scratch.path().join("a.om");
    std::fs::write(&file, "# EOF\n").unwrap();
    let (from, state) = (format!("--from={}", file.display()), format!("--state={}/s", scratch.path().display()));
    assert_eq!(import(&with(&target, &[&from, &state])).code, Some(0));
    let other = error(&[&from, &state, "--default-table=other"]);
    assert!(other.contains("StateFileError") && other.contains("table was "), "{other}");
    assert!(failing(&["import", "--embedded"], &[]).contains("--from is missing"));
    assert!(failing(&["import", "--embedded", "--from=a", "--give-up-after=soon"], &[]).contains("--give-up-after"));
}
