//! The table of functions: name, types, examples and the loop that computes it.
//!
//! Owns the shapes [`Function`] and [`Typing`], and the look-up by name. Each family of functions
//! is a file below; operators that are lowered to functions are there too, but hidden from names.

mod arithmetic;
mod hashing;
mod math;
mod nested;
mod rounding;
mod split;
mod text;
mod text_search;
mod time;
mod time_parts;
mod time_text;

use std::sync::LazyLock;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::catalogue::{Entry, Kind};
use crate::evaluate::{Call, Outcome};
use crate::types;

pub(crate) use arithmetic::{ADD, DIVIDE, INTEGER_DIVIDE, MULTIPLY, NEGATE, REMAINDER, SUBTRACT};
pub(crate) use arithmetic::{
    ORDERED, Operation, TO_BOOLEAN, TO_TINYINT, operand_type, result_type,
};
pub(crate) use nested::{FIELD, GET_INDEX};
pub(crate) use time::{DATE_PLUS, TIME_PLUS};

/// One function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) entry: Entry,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) typing: Typing,
    pub(crate) evaluate: fn(&Call<'_>) -> Outcome<ArrayRef>,
}

/// One argument of a call, as far as types go.
pub(crate) struct Operand<'a> {
    pub(crate) data_type: &'a DataType,
    pub(crate) literal: Option<&'a ScalarValue>,
}

/// Argument types to cast to, and the result type; or the reason for refusing.
pub(crate) type Typed = Result<(Vec<DataType>, DataType), String>;

/// Which arguments a function takes and what it returns.
#[derive(Debug)]
pub(crate) enum Typing {
    /// Fixed argument types, of which the first `required` must be given; with `repeats` the last
    /// may be repeated.
    Fixed { wants: &'static [Want], required: usize, repeats: bool, returns: Want },
    /// Worked out from the types.
    Custom(fn(&[Operand<'_>]) -> Typed),
}

/// A kind of argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Text,
    Int,
    Long,
    Double,
    Boolean,
    Date,
    Time,
    Bytes,
    TextList,
}

impl Want {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Want::Text => DataType::Utf8,
            Want::Int => DataType::Int32,
            Want::Long => DataType::Int64,
            Want::Double => DataType::Float64,
            Want::Boolean => DataType::Boolean,
            Want::Date => DataType::Date32,
            Want::Time => types::timestamp(),
            Want::Bytes => DataType::Binary,
            Want::TextList => types::list_of(DataType::Utf8),
        }
    }

    /// Whether a value of this type is taken without a written cast, as Spark's ANSI mode does.
    fn takes(self, given: &DataType) -> bool {
        use DataType::{Binary, Boolean, Date32, Int64, Null, Timestamp, Utf8};
        match (self, given) {
            (_, Null) => true,
            (Want::TextList, _) => *given == self.data_type(),
            (_, Utf8) => true,
            (Want::Text, Boolean | Date32 | Timestamp(_, _)) => true,
            (Want::Text | Want::Double, number) => types::is_number(number),
            (Want::Int, number) => types::is_integer(number) && *number != Int64,
            (Want::Long, number) => types::is_integer(number),
            (Want::Boolean, Boolean) | (Want::Bytes, Binary) => true,
            (Want::Date | Want::Time, Date32 | Timestamp(_, _)) => true,
            _ => false,
        }
    }
}

impl Typing {
    pub(crate) fn of(&self, operands: &[Operand<'_>]) -> Typed {
        let (wants, required, repeats, returns) = match self {
            Typing::Custom(rule) => return rule(operands),
            Typing::Fixed { wants, required, repeats, returns } => {
                (*wants, *required, *repeats, *returns)
            }
        };
        let too_many = !repeats && operands.len() > wants.len();
        if operands.len() < required || too_many {
            let count = if required == wants.len() && !repeats {
                format!("{required}")
            } else if repeats {
                format!("at least {required}")
            } else {
                format!("{required} to {}", wants.len())
            };
            return Err(format!("takes {count} arguments, got {}", operands.len()));
        }
        let mut taken = Vec::with_capacity(operands.len());
        for (index, operand) in operands.iter().enumerate() {
            let Some(want) = wants.get(index).or(wants.last()) else { break };
            if !want.takes(operand.data_type) {
                return Err(format!(
                    "argument {} must be {}, not {}",
                    index + 1,
                    types::type_name(&want.data_type()),
                    types::type_name(operand.data_type)
                ));
            }
            taken.push(want.data_type());
        }
        Ok((taken, returns.data_type()))
    }
}

/// A listed function with fixed argument types, all of them required.
pub(crate) const fn function(
    signature: &'static str,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
    typing: Typing,
    evaluate: fn(&Call<'_>) -> Outcome<ArrayRef>,
) -> Function {
    let entry =
        Entry { name: "", kind: Kind::Function, signature, doc, examples, deterministic: true };
    Function { entry, aliases: &[], typing, evaluate }
}

impl Function {
    pub(crate) const fn named(mut self, name: &'static str) -> Self {
        self.entry.name = name;
        self
    }

    pub(crate) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// A function that only lowering calls: it implements an operator.
pub(crate) const fn hidden(
    name: &'static str,
    evaluate: fn(&Call<'_>) -> Outcome<ArrayRef>,
) -> Function {
    function("", "", &[], Typing::Custom(|_| Err("is internal".into())), evaluate).named(name)
}

/// All arguments required.
pub(crate) const fn fixed(wants: &'static [Want], returns: Want) -> Typing {
    Typing::Fixed { wants, required: wants.len(), repeats: false, returns }
}

/// The first `required` arguments are required.
pub(crate) const fn optional(wants: &'static [Want], required: usize, returns: Want) -> Typing {
    Typing::Fixed { wants, required, repeats: false, returns }
}

static FAMILIES: &[&[Function]] = &[
    arithmetic::FUNCTIONS,
    math::FUNCTIONS,
    rounding::FUNCTIONS,
    text::FUNCTIONS,
    text_search::FUNCTIONS,
    split::FUNCTIONS,
    hashing::FUNCTIONS,
    time::FUNCTIONS,
    time_parts::FUNCTIONS,
    time_text::FUNCTIONS,
    nested::FUNCTIONS,
    crate::json::FUNCTIONS,
];

/// All functions that can be called by name.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// Finds a function by its lower-case name or alias.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<std::collections::BTreeMap<&'static str, &'static Function>> =
        LazyLock::new(|| {
            let names = |f: &'static Function| {
                std::iter::once(f.entry.name).chain(f.aliases.iter().copied())
            };
            all().flat_map(|f| names(f).map(move |name| (name, f))).collect()
        });
    BY_NAME.get(name).copied()
}
