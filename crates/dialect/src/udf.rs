//! One listed function as a DataFusion scalar function.
//!
//! Owns the bridge only: which types a call takes and gives is decided by
//! [`crate::functions::Typing`], the values by the function's own loop.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::evaluate::{Argument, Call};
use crate::functions::{Function, Operand};

/// A function with, after lowering, the type that this call returns.
#[derive(Debug)]
pub(crate) struct Udf {
    function: &'static Function,
    returns: Option<DataType>,
    signature: Signature,
}

impl Udf {
    /// The function as found by name; the result type follows from the argument types.
    pub(crate) fn named(function: &'static Function) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Udf { function, returns: None, signature }
    }

    /// A lowered call.
    pub(crate) fn call(function: &'static Function, returns: DataType, args: Vec<Expr>) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        let udf = Udf { function, returns: Some(returns), signature };
        ScalarUDF::new_from_impl(udf).call(args)
    }

    fn typed(&self, arguments: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
        if let Some(returns) = &self.returns {
            return Ok((arguments.to_vec(), returns.clone()));
        }
        let operands: Vec<Operand<'_>> =
            arguments.iter().map(|data_type| Operand { data_type, literal: None }).collect();
        match self.function.typing.of(&operands) {
            Ok(typed) => Ok(typed),
            Err(reason) => plan_err!("{}: {reason}", self.function.entry.name),
        }
    }
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.function, other.function) && self.returns == other.returns
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.entry.name.hash(state);
        self.returns.hash(state);
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(self.typed(arguments)?.0)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(self.typed(arguments)?.1)
    }

    /// Constants stay one row long; a call on constants alone gives a constant.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns = Vec::with_capacity(args.args.len());
        for value in &args.args {
            columns.push(match value {
                ColumnarValue::Array(array) => {
                    Argument { array: Arc::clone(array), constant: false }
                }
                ColumnarValue::Scalar(scalar) => {
                    Argument { array: scalar.to_array_of_size(1)?, constant: true }
                }
            });
        }
        let constant = !columns.is_empty() && columns.iter().all(|column| column.constant);
        let rows = if constant { 1 } else { args.number_rows };
        let returns = args.return_field.data_type();
        let result = (self.function.evaluate)(&Call { columns: &columns, rows, returns })?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
