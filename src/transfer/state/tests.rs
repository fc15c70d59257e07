use serde_json::json;
use tempfile::TempDir;

use super::*;

fn identity(start: &str) -> Identity {
    [("--start".to_owned(), start.to_owned()), ("--to".to_owned(), "out".to_owned())].into()
}

/// A state with three lines behind its first, and its file's bytes.
fn written(path: &Path) -> Vec<u8> {
    let mut state = State::open(path, &identity("0")).unwrap();
    assert!(state.is_new);
    state.reach("b", 7).unwrap();
    state.finish("a", json!({"samples": 3})).unwrap();
    state.reach_with("b", 8, json!([1])).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn what_is_noted_is_known_wherever_a_line_was_cut_off() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let bytes = written(&path);
    let lines_in = |length: usize| bytes[..length].iter().filter(|byte| **byte == b'\n').count();
    for length in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let mut state = State::open(&path, &identity("0")).unwrap();
        let lines = lines_in(length);
        assert_eq!(state.is_new, lines == 0);
        assert_eq!(state.reached("b"), [0, 0, 7, 7, 8][lines], "{length}");
        assert_eq!(state.so_far("b"), [None, None, Some(&Value::Null), Some(&Value::Null), Some(&json!([1]))][lines]);
        assert_eq!(state.finished("a"), (lines > 2).then(|| json!({"samples": 3})).as_ref());
        state.finish("c", json!(null)).unwrap();
        drop(state);
        let state = State::open(&path, &identity("0")).unwrap();
        assert_eq!((state.finished("c"), state.reached("a")), (Some(&Value::Null), 0));
    }
}

#[test]
fn another_transfer_another_file_and_a_second_process_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let error = |identity: &Identity| State::open(&path, identity).unwrap_err().message().to_owned();
    let bytes = written(&path);
    let held = State::open(&path, &identity("0")).unwrap();
    assert!(error(&identity("0")).contains("in use"));
    drop(held);
    assert!(error(&identity("1")).contains("--start was \"0\" and now is \"1\""));
    assert!(error(&Identity::new()).contains("--start was \"0\" and now is nothing"));
    for other in ["", "x"] {
        std::fs::write(&path, format!("{other}{{\"a\":1}}\n")).unwrap();
        assert!(error(&identity("0")).contains("no state of a transfer"));
        assert!(std::fs::read(&path).unwrap().ends_with(b"1}\n"), "another file is left as it is");
    }
    for other in ["a note\nand another", "{}\n{"] {
        std::fs::write(&path, other).unwrap();
        assert!(error(&identity("0")).contains("no state of a transfer"));
        assert_eq!(std::fs::read(&path).unwrap(), other.as_bytes(), "another file is left as it is");
    }
    std::fs::write(&path, "something else").unwrap();
    assert!(error(&identity("0")).contains("no state of a transfer"));
    assert_eq!(std::fs::read(&path).unwrap(), b"something else");
    std::fs::write(&path, [&bytes[..], b"nonsense\n"].concat()).unwrap();
    assert!(error(&identity("0")).contains("damaged in line 5"));
}

#[test]
fn a_state_of_many_notes_knows_the_last_ones() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let mut text = String::from_utf8(written(&path)).unwrap();
    for position in 0..50_000 {
        let (piece, so_far) = (format!("hour {}", position % 3), json!({"digest": "0123456789abcdef"}));
        text += &text_of(&Line::Reached { piece, position, so_far }).unwrap();
    }
    std::fs::write(&path, &text).unwrap();
    let mut state = State::open(&path, &identity("0")).unwrap();
    assert_eq!((state.reached("hour 1"), state.reached("hour 0"), state.reached("b")), (49_999, 49_998, 8));
    state.reach("hour 1", 50_000).unwrap();
    drop(state);
    assert_eq!(State::open(&path, &identity("0")).unwrap().reached("hour 1"), 50_000);
    // Four lines stand before that of position 0.
    std::fs::write(&path, text.replace("\"position\":30000,", "")).unwrap();
    let error = State::open(&path, &identity("0")).unwrap_err();
    assert!(error.message().contains("damaged in line 30005"), "{error}");
}

#[test]
fn a_line_without_an_end_is_not_read_as_a_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    for (bytes, why) in [(written(&path), "damaged in line 5"), (Vec::new(), "no state of a transfer")] {
        std::fs::write(&path, &bytes).unwrap();
        let length = bytes.len() as u64 + 4 * MAX_LINE;
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let error = State::open(&path, &identity("0")).unwrap_err();
        assert!(error.message().contains(why), "{error}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length, "it is left as it is");
    }
}

#[test]
fn what_a_failed_write_left_is_replaced_by_the_next_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let whole_line = "{\"reached\":{\"piece\":\"a piece whose line is longer than the next one\",\"position\":7}}\n";
    for left in ["{\"finished\":{\"piece\":\"", whole_line] {
        let _ = std::fs::remove_file(&path);
        written(&path);
        let mut state = State::open(&path, &identity("0")).unwrap();
        state.file.write_all_at(left.as_bytes(), state.whole).unwrap();
        state.finish("c", json!(null)).unwrap();
        state.reach("b", 9).unwrap();
        drop(state);
        let state = State::open(&path, &identity("0")).unwrap();
        assert_eq!((state.finished("c"), state.reached("b")), (Some(&Value::Null), 9), "{left}");
        assert_eq!(state.reached("a piece whose line is longer than the next one"), 0);
    }
}
