//! The parser: Go's `regexp/syntax` with the flags `syntax.Perl`, and dot matching newline as Prometheus asks.
//!
//! It keeps the open groups on a stack of its own, so that nesting does not use the thread's stack.

mod escape;

use regex_syntax::hir::{Class, ClassUnicode, Hir, Look, Repetition};

use super::{PatternError, class};

/// The deepest tree. Go allows 1000; matching walks the tree by recursion.
const MAX_DEPTH: u32 = 200;

/// The most copies that counted repetitions may ask for, multiplied where they nest (Go's limit).
const MAX_REPEATS: u32 = 1000;

pub(super) fn parse(pattern: &str) -> Result<Hir, PatternError> {
    let mut parser = Parser { rest: pattern, flags: Flags::default(), open: vec![Group::new(Flags::default())] };
    parser.run()?;
    match parser.open.pop() {
        Some(group) if parser.open.is_empty() => Ok(group.close()?.tree),
        _ => Err(syntax("missing closing )", pattern)),
    }
}

#[derive(Debug, Clone, Copy)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Flags { fold_case: false, multi_line: false, dot_newline: true }
    }
}

/// A part of the tree, with the numbers that the limits need.
#[derive(Debug)]
struct Node {
    tree: Hir,
    depth: u32,
    /// The copies that its counted repetitions ask for.
    repeats: u32,
}

/// An open group: its closed alternatives and the sequence being read.
struct Group {
    /// The flags to restore when it closes.
    flags: Flags,
    alternatives: Vec<Node>,
    sequence: Vec<Node>,
}

impl Group {
    fn new(flags: Flags) -> Self {
        Group { flags, alternatives: Vec::new(), sequence: Vec::new() }
    }

    fn next_alternative(&mut self) -> Result<(), PatternError> {
        let sequence = std::mem::take(&mut self.sequence);
        self.alternatives.push(join(sequence, Hir::concat)?);
        Ok(())
    }

    fn close(mut self) -> Result<Node, PatternError> {
        self.next_alternative()?;
        join(self.alternatives, Hir::alternation)
    }
}

fn join(mut nodes: Vec<Node>, how: fn(Vec<Hir>) -> Hir) -> Result<Node, PatternError> {
    if nodes.len() == 1
        && let Some(node) = nodes.pop()
    {
        return Ok(node);
    }
    let depth = 1 + nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    let repeats = nodes.iter().map(|node| node.repeats).max().unwrap_or(1);
    check_depth(depth)?;
    Ok(Node { tree: how(nodes.into_iter().map(|node| node.tree).collect()), depth, repeats })
}

fn check_depth(depth: u32) -> Result<(), PatternError> {
    if depth > MAX_DEPTH {
        return Err(PatternError::TooLarge(format!("nested deeper than {MAX_DEPTH}")));
    }
    Ok(())
}

fn syntax(what: &'static str, part: &str) -> PatternError {
    PatternError::Syntax(what, part.to_owned())
}

struct Parser<'a> {
    rest: &'a str,
    flags: Flags,
    open: Vec<Group>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), PatternError> {
        let mut after_repetition = false;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            let mut is_repetition = false;
            match c {
                '(' if before.starts_with("(?") => self.flags_or_group()?,
                '(' => {
                    self.bump(1);
                    self.open_group(self.flags)?;
                }
                '|' => {
                    self.bump(1);
                    self.group()?.next_alternative()?;
                }
                ')' => self.close_group()?,
                '^' => self.assertion(1, if self.flags.multi_line { Look::StartLF } else { Look::Start })?,
                '$' => self.assertion(1, if self.flags.multi_line { Look::EndLF } else { Look::End })?,
                '.' => {
                    self.bump(1);
                    self.push_class(if self.flags.dot_newline { class::any() } else { class::any_but_newline() })?;
                }
                '[' => {
                    let set = self.bracket()?;
                    self.push_class(set)?;
                }
                '*' | '+' | '?' | '{' => match self.repetition_operator(c)? {
                    Some((min, max)) => {
                        self.repeat(min, max, before, after_repetition)?;
                        is_repetition = true;
                    }
                    None => self.next_literal()?,
                },
                '\\' => self.backslash()?,
                _ => self.next_literal()?,
            }
            after_repetition = is_repetition;
        }
        Ok(())
    }

    fn bump(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.bump(c.len_utf8());
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest.starts_with(c);
        if found {
            self.bump(c.len_utf8());
        }
        found
    }

    /// The text that was read since `before`.
    fn since<'b>(&self, before: &'b str) -> &'b str {
        before.get(..before.len() - self.rest.len()).unwrap_or(before)
    }

    fn group(&mut self) -> Result<&mut Group, PatternError> {
        self.open.last_mut().ok_or_else(|| syntax("unexpected )", ")"))
    }

    fn push(&mut self, tree: Hir) -> Result<(), PatternError> {
        self.group()?.sequence.push(Node { tree, depth: 1, repeats: 1 });
        Ok(())
    }

    fn push_class(&mut self, set: ClassUnicode) -> Result<(), PatternError> {
        self.push(Hir::class(Class::Unicode(set)))
    }

    fn push_code_point(&mut self, code: u32) -> Result<(), PatternError> {
        match char::from_u32(code) {
            Some(c) if !self.flags.fold_case => self.push(Hir::literal(c.to_string().into_bytes())),
            _ => {
                let set = self.folded(class::range(code, code));
                self.push_class(set)
            }
        }
    }

    fn next_literal(&mut self) -> Result<(), PatternError> {
        match self.next_char() {
            Some(c) => self.push_code_point(u32::from(c)),
            None => Ok(()),
        }
    }

    fn assertion(&mut self, bytes: usize, look: Look) -> Result<(), PatternError> {
        self.bump(bytes);
        self.push(Hir::look(look))
    }

    fn folded(&self, mut set: ClassUnicode) -> ClassUnicode {
        if self.flags.fold_case {
            set.case_fold_simple();
        }
        set
    }

    fn open_group(&mut self, inside: Flags) -> Result<(), PatternError> {
        self.open.push(Group::new(self.flags));
        self.flags = inside;
        check_depth(u32::try_from(self.open.len()).unwrap_or(u32::MAX))
    }

    fn close_group(&mut self) -> Result<(), PatternError> {
        if self.open.len() < 2 {
            return Err(syntax("unexpected )", self.rest));
        }
        self.bump(1);
        if let Some(group) = self.open.pop() {
            self.flags = group.flags;
            let node = group.close()?;
            self.group()?.sequence.push(node);
        }
        Ok(())
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>` or `(?<name>`.
    fn flags_or_group(&mut self) -> Result<(), PatternError> {
        let before = self.rest;
        self.bump(2);
        let named = self.rest.strip_prefix("P<").or_else(|| self.rest.strip_prefix('<'));
        if let Some(named) = named {
            return match named.split_once('>') {
                Some((name, after))
                    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    self.rest = after;
                    self.open_group(self.flags)
                }
                _ => Err(syntax("invalid named capture", before)),
            };
        }
        let mut flags = self.flags;
        let mut on = true;
        let mut flag_seen = false;
        while let Some(c) = self.next_char() {
            match c {
                'i' => flags.fold_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                // Ungreedy: it does not change whether a value matches.
                'U' => {}
                '-' if on => {
                    on = false;
                    flag_seen = false;
                    continue;
                }
                ':' | ')' if on || flag_seen => {
                    if c == ':' {
                        return self.open_group(flags);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            flag_seen = true;
        }
        Err(syntax("invalid or unsupported Perl syntax", self.since(before)))
    }

    /// Reads `*`, `+`, `?` or `{…}` and the `?` for ungreedy. `None`: the brace is a literal one, nothing was read.
    fn repetition_operator(&mut self, c: char) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let before = self.rest;
        let (bounds, length) = match c {
            '*' => ((0, None), 1),
            '+' => ((1, None), 1),
            '?' => ((0, Some(1)), 1),
            _ => match braces(before) {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        self.bump(length);
        let (min, max) = bounds;
        if min > MAX_REPEATS || max.is_some_and(|max| max > MAX_REPEATS || min > max) {
            return Err(syntax("invalid repeat count", self.since(before)));
        }
        self.eat('?');
        Ok(Some((min, max)))
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, before: &str, after_repetition: bool) -> Result<(), PatternError> {
        let operator = self.since(before);
        if after_repetition {
            return Err(syntax("invalid nested repetition operator", operator));
        }
        let Some(node) = self.group()?.sequence.pop() else {
            return Err(syntax("missing argument to repetition operator", operator));
        };
        // Go counts the larger bound, and does not count inside a part that is repeated zero times.
        let copies = max.unwrap_or(min);
        let repeats = if max == Some(0) { 1 } else { node.repeats.saturating_mul(copies.max(1)) };
        if copies >= 2 && repeats > MAX_REPEATS {
            return Err(syntax("invalid repeat count", operator));
        }
        check_depth(node.depth + 1)?;
        // If the repeated part can be empty, the minimum can be zero: engines disagree on empty rounds.
        let min = if node.tree.properties().minimum_len() == Some(0) && node.tree.properties().look_set().is_empty() {
            0
        } else {
            min
        };
        let tree = Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(node.tree) });
        self.group()?.sequence.push(Node { tree, depth: node.depth + 1, repeats });
        Ok(())
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start of `text`, with its length in bytes. `None`: not of that form, so a literal.
fn braces(text: &str) -> Option<((u32, Option<u32>), usize)> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let length = inside.len() + 2;
    let bounds = match inside.split_once(',') {
        None => {
            let count = count(inside)?;
            (count, Some(count))
        }
        Some((min, "")) => (count(min)?, None),
        Some((min, max)) => (count(min)?, Some(count(max)?)),
    };
    Some((bounds, length))
}

/// Digits without a leading zero. A number that is too large to hold counts as one over the limit.
fn count(digits: &str) -> Option<u32> {
    let well_formed =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    (well_formed && !digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
}
