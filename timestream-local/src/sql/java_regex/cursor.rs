//! The characters of a pattern, read one after the other.

/// Where in a pattern the reading is.
pub(super) struct Cursor {
    characters: Vec<char>,
    position: usize,
}

impl Cursor {
    pub(super) fn new(pattern: &str) -> Self {
        Cursor { characters: pattern.chars().collect(), position: 0 }
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    /// The next character, after which the reading goes on.
    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek();
        self.position += usize::from(character.is_some());
        character
    }

    /// Goes behind a text if it comes next. Returns whether it did.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let rest = self.characters.get(self.position..).unwrap_or_default();
        let found = text.chars().count() <= rest.len() && text.chars().zip(rest).all(|(wanted, got)| wanted == *got);
        if found {
            self.position += text.chars().count();
        }
        found
    }

    /// The error for a pattern that Java refuses.
    pub(super) fn error(&self, what: impl std::fmt::Display) -> String {
        format!("Invalid regular expression: {what} near index {}", self.position)
    }

    /// The error for a pattern that Java takes and this translation refuses.
    pub(super) fn unsupported(&self, what: impl std::fmt::Display) -> String {
        format!("Unsupported in regular expression: {what} near index {}", self.position)
    }

    /// Goes back by one character.
    pub(super) fn back(&mut self) {
        self.position = self.position.saturating_sub(1);
    }
}
