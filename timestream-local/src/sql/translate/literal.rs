//! Literals.

use rusqlite::types::Value as Bound;
use sqlparser::ast::{DataType, DateTimeField, Expr, Interval, TimezoneInfo, TypedString, Value};
use sqlparser::tokenizer::Location;

use super::super::failure::unsupported;
use super::super::functions::instants;
use super::super::nan;
use super::super::text::parse_double;
use super::super::types::ColumnType;
use super::location::location;
use super::operators::bad_literal;
use super::translator::Translator;
use super::typed::{Result, Typed};
use crate::calendar;

impl Translator<'_> {
    pub(super) fn value(&mut self, value: &Value, start: Location) -> Result<Typed> {
        match value {
            Value::Number(digits, false) => self.number(digits, start),
            Value::SingleQuotedString(text) => {
                let mut typed = Typed::new(self.bind(Bound::Text(text.clone()))?, ColumnType::Varchar);
                typed.literal = Some(text.clone());
                Ok(typed)
            }
            Value::Boolean(truth) => Ok(Typed::new(self.bind(Bound::Integer((*truth).into()))?, ColumnType::Boolean)),
            Value::Placeholder(name) => self.placeholder(name, start),
            Value::Null => Ok(Typed::new("NULL", ColumnType::Unknown)),
            other => Err(unsupported(start, format!("The literal {other}"))),
        }
    }

    /// Digits with a point or exponent are a DOUBLE; others the narrowest integer that holds them.
    pub(super) fn number(&mut self, digits: &str, start: Location) -> Result<Typed> {
        if digits.contains(['.', 'e', 'E']) {
            return match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => self.double(number),
                _ => Err(bad_literal(start, digits)),
            };
        }
        let number: i64 = digits.parse().map_err(|_| bad_literal(start, digits))?;
        let kind = if i32::try_from(number).is_ok() { ColumnType::Integer } else { ColumnType::Bigint };
        Ok(Typed::new(self.bind(Bound::Integer(number))?, kind))
    }

    fn double(&mut self, number: f64) -> Result<Typed> {
        let sql = self.bind(nan::held(number))?;
        Ok(Typed { is_finite: number.is_finite(), ..Typed::new(sql, ColumnType::Double) })
    }

    pub(super) fn interval(&mut self, interval: &Interval) -> Result<Typed> {
        let start = location(&interval.value);
        let (Expr::Value(value), Some(field), None) =
            (interval.value.as_ref(), &interval.leading_field, &interval.last_field)
        else {
            return Err(unsupported(start, "This form of INTERVAL"));
        };
        let digits = match &value.value {
            Value::SingleQuotedString(text) => text,
            Value::Number(digits, false) => digits,
            other => return Err(bad_literal(start, other)),
        };
        let amount: i64 = digits.trim().parse().map_err(|_| bad_literal(start, digits))?;
        let unit = match field {
            DateTimeField::Week(_) => "week".to_owned(),
            other => other.to_string(),
        };
        let (length, kind) = instants::interval(amount, &unit).map_err(|message| bad_literal(start, message))?;
        Ok(Typed::new(self.bind(Bound::Integer(length))?, kind))
    }

    pub(super) fn typed_string(&mut self, typed: &TypedString) -> Result<Typed> {
        let start = typed.value.span.start;
        let Value::SingleQuotedString(text) = &typed.value.value else {
            return Err(bad_literal(start, &typed.value));
        };
        let (value, kind) = match typed.data_type {
            DataType::Timestamp(..) => {
                let time = calendar::parse_spaced_timestamp(text).filter(|time| *time >= calendar::EARLIEST);
                (time, ColumnType::Timestamp)
            }
            DataType::Date => (calendar::parse_days(text).filter(|days| *days >= 0), ColumnType::Date),
            DataType::Time(None, TimezoneInfo::None) => (calendar::parse_clock_text(text), ColumnType::Time),
            DataType::Varchar(None) => return self.value(&typed.value.value, start),
            DataType::Double(_) | DataType::DoublePrecision => {
                let number = parse_double(text).ok_or_else(|| bad_literal(start, text))?;
                return self.double(number);
            }
            DataType::BigInt(None) => (text.parse().ok(), ColumnType::Bigint),
            DataType::Integer(None) | DataType::Int(None) => {
                (text.parse::<i32>().ok().map(i64::from), ColumnType::Integer)
            }
            _ => return Err(unsupported(start, format!("The literal {typed}"))),
        };
        let value = value.ok_or_else(|| bad_literal(start, text))?;
        Ok(Typed::new(self.bind(Bound::Integer(value))?, kind))
    }
}
