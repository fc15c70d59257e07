//! Character classes of Go's `regexp/syntax` as sets of characters.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// Perl's classes, ASCII as in RE2: `\d`, `\s`, `\w`.
pub(super) fn perl(letter: char) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match letter {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    };
    Some(of(ranges))
}

/// The POSIX classes by the name within `[:` and `:]`.
pub(super) fn posix(name: &str) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(of(ranges))
}

/// A Unicode category or script by the name within `\p{` and `}`. The names are those of Go, the tables `regex-syntax`'.
///
/// Go before 1.25 takes the names of categories and scripts just as they stand in its tables. Go since 1.25 takes them, and
/// the categories' long names, in any case and with spaces, dashes and underscores anywhere, and by that loses the scripts
/// whose names have several words. What either takes is taken.
pub(super) fn unicode(name: &str) -> Option<ClassUnicode> {
    let letters: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    let several_words = SCRIPTS_OF_SEVERAL_WORDS.iter().find(|script| **script == name);
    if let Some(script) = SCRIPTS.iter().find(|script| script.eq_ignore_ascii_case(&letters)).or(several_words) {
        return table("sc", script);
    }
    // Further names that `regex-syntax` takes begin like this.
    let is_java = letters.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("is"));
    if is_java || !letters.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    // Surrogates, which no value holds.
    let is_surrogates = ["Cs", "Surrogate"].iter().any(|name| name.eq_ignore_ascii_case(&letters));
    if is_surrogates { Some(ClassUnicode::empty()) } else { table("gc", &letters) }
}

/// A table of `regex-syntax`.
fn table(property: &str, name: &str) -> Option<ClassUnicode> {
    let parsed = regex_syntax::parse(&format!("\\p{{{property}={name}}}")).ok()?;
    match parsed.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// The scripts of Go's `unicode.Scripts` whose names have one word.
#[rustfmt::skip]
const SCRIPTS: &[&str] = &[
    "Adlam", "Ahom", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Batak", "Bengali", "Bhaiksuki",
    "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Carian", "Chakma", "Cham", "Cherokee", "Chorasmian",
    "Common", "Coptic", "Cuneiform", "Cypriot", "Cyrillic", "Deseret", "Devanagari", "Dogra", "Duployan", "Elbasan",
    "Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha", "Greek", "Gujarati", "Gurmukhi", "Han",
    "Hangul", "Hanunoo", "Hatran", "Hebrew", "Hiragana", "Inherited", "Javanese", "Kaithi", "Kannada", "Katakana",
    "Kawi", "Kharoshthi", "Khmer", "Khojki", "Khudawadi", "Lao", "Latin", "Lepcha", "Limbu", "Lisu", "Lycian",
    "Lydian", "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean", "Marchen", "Medefaidrin", "Miao", "Modi",
    "Mongolian", "Mro", "Multani", "Myanmar", "Nabataean", "Nandinagari", "Newa", "Nko", "Nushu", "Ogham", "Oriya",
    "Osage", "Osmanya", "Palmyrene", "Phoenician", "Rejang", "Runic", "Samaritan", "Saurashtra", "Sharada", "Shavian",
    "Siddham", "Sinhala", "Sogdian", "Soyombo", "Sundanese", "Syriac", "Tagalog", "Tagbanwa", "Takri", "Tamil",
    "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto", "Ugaritic", "Vai",
    "Vithkuqi", "Wancho", "Yezidi", "Yi",
];

/// Its scripts whose names have several words.
#[rustfmt::skip]
const SCRIPTS_OF_SEVERAL_WORDS: &[&str] = &[
    "Anatolian_Hieroglyphs", "Bassa_Vah", "Canadian_Aboriginal", "Caucasian_Albanian", "Cypro_Minoan", "Dives_Akuru",
    "Egyptian_Hieroglyphs", "Gunjala_Gondi", "Hanifi_Rohingya", "Imperial_Aramaic", "Inscriptional_Pahlavi",
    "Inscriptional_Parthian", "Kayah_Li", "Khitan_Small_Script", "Linear_A", "Linear_B", "Masaram_Gondi",
    "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Nag_Mundari", "New_Tai_Lue",
    "Nyiakeng_Puachue_Hmong", "Ol_Chiki", "Old_Hungarian", "Old_Italic", "Old_North_Arabian", "Old_Permic",
    "Old_Persian", "Old_Sogdian", "Old_South_Arabian", "Old_Turkic", "Old_Uyghur", "Pahawh_Hmong", "Pau_Cin_Hau",
    "Phags_Pa", "Psalter_Pahlavi", "SignWriting", "Sora_Sompeng", "Syloti_Nagri", "Tai_Le", "Tai_Tham", "Tai_Viet",
    "Warang_Citi", "Zanabazar_Square",
];

/// The characters from code point `from` to `to`. Surrogates, which no value holds, are left out.
pub(super) fn range(from: u32, to: u32) -> ClassUnicode {
    let first = char::from_u32(from).unwrap_or('\u{e000}');
    let last = char::from_u32(to).unwrap_or('\u{d7ff}');
    if first <= last { of(&[(first, last)]) } else { ClassUnicode::empty() }
}

/// Every character.
pub(super) fn any() -> ClassUnicode {
    of(&[('\0', char::MAX)])
}

/// Every character but newline.
pub(super) fn any_but_newline() -> ClassUnicode {
    of(&[('\0', '\t'), ('\x0b', char::MAX)])
}

/// Whether a class holds every character.
pub(super) fn is_any(class: &Class) -> bool {
    let Class::Unicode(class) = class else { return false };
    matches!(class.ranges(), [range] if range.start() == '\0' && range.end() == char::MAX)
}

fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)))
}
