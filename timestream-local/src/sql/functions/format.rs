//! FORMAT: `String.format` of Java for texts, booleans and numbers.
//!
//! The conversions are s, d, x, f, e and b, with the flags `-`, `0`, `+`, space, `,` and `(`. The others are refused by name.
//! Doubles are rounded as Java does: halves of the shortest decimal that reads back as the number go away from zero.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::super::failure::Failure;
use super::super::nan;
use super::super::text;

/// Characters that a width or a precision may ask for.
const MAX_WIDTH: usize = 10_000;
/// The longest result, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// Registers `ts_format` of a format, a letter for the type of each argument (`v` varchar, `b` boolean, `i` a whole number,
/// `d` double), and the arguments.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("ts_format", -1, flags, |context| {
        let arguments: Vec<ValueRef<'_>> = (0..context.len()).map(|index| context.get_raw(index)).collect();
        called(&arguments).map_err(|failure| rusqlite::Error::UserFunctionError(Box::new(failure)))
    })
}

fn called(arguments: &[ValueRef<'_>]) -> Result<Option<String>, Failure> {
    let [format, ValueRef::Text(types), values @ ..] = arguments else { return Err("FORMAT lacks arguments".into()) };
    let ValueRef::Text(format) = format else { return Ok(None) };
    let format = std::str::from_utf8(format).map_err(|error| Failure(error.to_string()))?;
    let values: Vec<Argument<'_>> = types.iter().zip(values).map(|(kind, value)| argument(*kind, *value)).collect();
    written(format, &values)
        .map(Some)
        .map_err(|Failure(reason)| Failure(format!("Invalid format string: {format} ({reason})")))
}

#[derive(Debug, Clone, Copy)]
enum Argument<'v> {
    Null,
    Text(&'v str),
    Boolean(bool),
    Whole(i64),
    Double(f64),
}

fn argument(kind: u8, value: ValueRef<'_>) -> Argument<'_> {
    match (kind, value) {
        (b'v', ValueRef::Text(bytes)) => Argument::Text(std::str::from_utf8(bytes).unwrap_or_default()),
        (b'b', ValueRef::Integer(truth)) => Argument::Boolean(truth != 0),
        (b'i', ValueRef::Integer(number)) => Argument::Whole(number),
        (b'd', value) => nan::number(value).map_or(Argument::Null, Argument::Double),
        _ => Argument::Null,
    }
}

/// A specifier, taken apart.
struct Specifier<'f> {
    /// As it stands in the format.
    text: &'f str,
    /// The place of the argument from 1, if it is given.
    index: Option<usize>,
    flags: &'f str,
    width: Option<usize>,
    precision: Option<usize>,
    conversion: char,
}

fn written(format: &str, arguments: &[Argument<'_>]) -> Result<String, Failure> {
    let (mut built, mut rest, mut next) = (String::new(), format, 0);
    while let Some(place) = rest.find('%') {
        built.push_str(rest.get(..place).unwrap_or_default());
        let specifier = specifier(rest.get(place..).unwrap_or_default())?;
        rest = rest.get(place + specifier.text.len()..).unwrap_or_default();
        match specifier.conversion {
            '%' | 'n' if specifier.text.len() == 2 => built.push(if specifier.conversion == 'n' { '\n' } else { '%' }),
            _ => {
                let place = specifier.index.unwrap_or_else(|| {
                    next += 1;
                    next
                });
                let value = place.checked_sub(1).and_then(|place| arguments.get(place));
                let value = value
                    .ok_or_else(|| Failure(format!("MissingFormatArgument: Format specifier '{}'", specifier.text)))?;
                built.push_str(&converted(&specifier, *value)?);
            }
        }
        if built.len() > MAX_TEXT {
            return Err("the result is too long".into());
        }
    }
    built.push_str(rest);
    Ok(built)
}

/// The specifier at the beginning of a text.
fn specifier(text: &str) -> Result<Specifier<'_>, Failure> {
    let unknown = || Failure("UnknownFormatConversion: Conversion = '%'".into());
    let end = text.char_indices().skip(1).find(|(_, letter)| letter.is_alphabetic() || *letter == '%');
    let (end, conversion) = end.ok_or_else(unknown)?;
    let whole = text.get(..end + conversion.len_utf8()).ok_or_else(unknown)?;
    let mut inner = whole.get(1..end).ok_or_else(unknown)?;
    let mut index = None;
    if let Some((digits, rest)) = inner.split_once('$') {
        index = Some(digits.parse().map_err(|_| Failure(format!("The specifier '{whole}' is not supported")))?);
        inner = rest;
    }
    let flags_end = inner.find(|letter: char| !"-0+ ,(#<".contains(letter)).unwrap_or(inner.len());
    let (flags, size) = inner.split_at_checked(flags_end).ok_or_else(unknown)?;
    let (width, precision) = match size.split_once('.') {
        Some((width, precision)) => (width, Some(precision)),
        None => (size, None),
    };
    let number = |digits: &str| match digits.parse() {
        Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) && number <= MAX_WIDTH => Ok(number),
        _ => Err(Failure(format!("The specifier '{whole}' is not supported"))),
    };
    let width = if width.is_empty() { None } else { Some(number(width)?) };
    Ok(Specifier { text: whole, index, flags, width, precision: precision.map(number).transpose()?, conversion })
}

impl Specifier<'_> {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// Refuses flags that do not belong to the conversion, that contradict each other, or that lack a width.
    fn check(&self, allowed: &str) -> Result<(), Failure> {
        if let Some(flag) = self.flags.chars().find(|flag| !allowed.contains(*flag)) {
            let message = format!("FormatFlagsConversionMismatch: Conversion = {}, Flags = {flag}", self.conversion);
            return Err(Failure(message));
        }
        let twice = (1..)
            .zip(self.flags.chars())
            .find(|(behind, flag)| self.flags.chars().skip(*behind).any(|other| other == *flag));
        if let Some((_, flag)) = twice {
            return Err(Failure(format!("DuplicateFormatFlags: Flags = '{flag}'")));
        }
        if (self.has('-') && self.has('0')) || (self.has('+') && self.has(' ')) {
            return Err(Failure(format!("IllegalFormatFlags: Flags = '{}'", self.flags)));
        }
        if self.width.is_none() && (self.has('-') || self.has('0')) {
            return Err(Failure(format!("MissingFormatWidth: {}", self.text)));
        }
        Ok(())
    }

    /// A text at the width.
    fn padded(&self, text: String) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let spaces = " ".repeat(missing);
        if self.has('-') { text + &spaces } else { spaces + &text }
    }

    /// The digits of a number with its sign, at the width.
    fn signed(&self, is_negative: bool, digits: &str, are_digits: bool) -> String {
        let (before, behind) = match is_negative {
            true if self.has('(') => ("(", ")"),
            true => ("-", ""),
            false if self.has('+') => ("+", ""),
            false if self.has(' ') => (" ", ""),
            false => ("", ""),
        };
        let taken = before.len() + digits.len() + behind.len();
        let zeros = if self.has('0') && are_digits { self.width.unwrap_or(0).saturating_sub(taken) } else { 0 };
        self.padded(format!("{before}{}{digits}{behind}", "0".repeat(zeros)))
    }
}

fn converted(specifier: &Specifier<'_>, value: Argument<'_>) -> Result<String, Failure> {
    let conversion = specifier.conversion;
    let has_precision = || match specifier.precision {
        Some(precision) => Err(Failure(format!("IllegalFormatPrecision: {precision}"))),
        None => Ok(()),
    };
    let general = |text: &str| {
        let text: String = text.chars().take(specifier.precision.unwrap_or(usize::MAX)).collect();
        Ok(specifier.padded(if conversion.is_ascii_uppercase() { text.to_uppercase() } else { text }))
    };
    match (conversion.to_ascii_lowercase(), value) {
        ('s', value) => {
            specifier.check("-")?;
            match value {
                Argument::Null => general("null"),
                Argument::Text(text) => general(text),
                Argument::Boolean(truth) => general(if truth { "true" } else { "false" }),
                Argument::Whole(number) => general(&number.to_string()),
                Argument::Double(number) => general(&text::double(number)),
            }
        }
        ('b', value) => {
            specifier.check("-")?;
            general(if matches!(value, Argument::Null | Argument::Boolean(false)) { "false" } else { "true" })
        }
        ('d', Argument::Whole(_) | Argument::Null) if conversion == 'd' => {
            specifier.check("-0+ ,(")?;
            has_precision()?;
            let Argument::Whole(number) = value else { return general("null") };
            let digits = number.unsigned_abs().to_string();
            let digits = if specifier.has(',') { grouped(&digits) } else { digits };
            Ok(specifier.signed(number < 0, &digits, true))
        }
        ('x', Argument::Whole(_) | Argument::Null) => {
            specifier.check("-0")?;
            has_precision()?;
            let Argument::Whole(number) = value else { return general("null") };
            let digits = if conversion == 'X' { format!("{number:X}") } else { format!("{number:x}") };
            Ok(specifier.signed(false, &digits, true))
        }
        ('f' | 'e', Argument::Double(_) | Argument::Null) if conversion != 'F' => {
            specifier.check(if conversion == 'f' { "-0+ ,(" } else { "-0+ (" })?;
            let Argument::Double(number) = value else { return general("null") };
            Ok(double(specifier, number))
        }
        ('d' | 'x' | 'f' | 'e', value) if !matches!(conversion, 'D' | 'F') => {
            let kind = match value {
                Argument::Text(_) | Argument::Null => "String",
                Argument::Boolean(_) => "Boolean",
                Argument::Whole(_) => "Long",
                Argument::Double(_) => "Double",
            };
            Err(Failure(format!("IllegalFormatConversion: {conversion} != java.lang.{kind}")))
        }
        _ => Err(Failure(format!("The specifier '{}' is not supported", specifier.text))),
    }
}

fn double(specifier: &Specifier<'_>, number: f64) -> String {
    if !number.is_finite() {
        let is_negative = number == f64::NEG_INFINITY;
        // NaN has no sign.
        return match number.is_nan() {
            true => specifier.padded("NaN".to_owned()),
            false => specifier.signed(is_negative, "Infinity", false),
        };
    }
    let precision = specifier.precision.unwrap_or(6);
    let is_negative = number.is_sign_negative();
    let (digits, exponent) = decimal(number.abs());
    if specifier.conversion == 'f' {
        let (digits, point) = match usize::try_from(exponent + 1 + precision as i64) {
            Ok(kept) => rounded(&digits, exponent, kept),
            Err(_) => (Vec::new(), 0),
        };
        let digit = |place: i64| {
            let place = usize::try_from(place).ok();
            char::from(place.and_then(|place| digits.get(place)).copied().unwrap_or(b'0'))
        };
        let whole = if point > 0 { (0..point).map(digit).collect() } else { "0".to_owned() };
        let whole = if specifier.has(',') { grouped(&whole) } else { whole };
        let fraction: String = (point..point + precision as i64).map(digit).collect();
        let dot = if precision == 0 { "" } else { "." };
        return specifier.signed(is_negative, &format!("{whole}{dot}{fraction}"), true);
    }
    let (digits, point) = rounded(&digits, exponent, precision + 1);
    let digit = |place: usize| char::from(digits.get(place).copied().unwrap_or(b'0'));
    let fraction: String = (1..=precision).map(digit).collect();
    let dot = if precision == 0 { "" } else { "." };
    let exponent = if number == 0.0 { 0 } else { point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{}{dot}{fraction}e{sign}{:02}", digit(0), exponent.abs());
    let text = if specifier.conversion == 'E' { text.to_uppercase() } else { text };
    specifier.signed(is_negative, &text, true)
}

/// The digits of the shortest decimal that reads back as a number, and the power of ten of the first one.
fn decimal(number: f64) -> (Vec<u8>, i64) {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.bytes().filter(u8::is_ascii_digit).collect(), exponent.parse().unwrap_or(0))
}

/// The first digits of some, of which the first has the power of ten `exponent`, and how many stand before the point. Halves
/// are rounded up.
fn rounded(digits: &[u8], exponent: i64, kept: usize) -> (Vec<u8>, i64) {
    let mut result: Vec<u8> = digits.iter().copied().take(kept).collect();
    if digits.get(kept).is_none_or(|digit| *digit < b'5') {
        return (result, exponent + 1);
    }
    for digit in result.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return (result, exponent + 1);
        }
        *digit = b'0';
    }
    result.insert(0, b'1');
    (result, exponent + 2)
}

/// Digits with a comma before each three.
fn grouped(digits: &str) -> String {
    let length = digits.len();
    let digit =
        |(place, digit): (usize, char)| [(place > 0 && (length - place).is_multiple_of(3)).then_some(','), Some(digit)];
    digits.chars().enumerate().flat_map(digit).flatten().collect()
}
