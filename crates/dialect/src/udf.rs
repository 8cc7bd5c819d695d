//! One listed function as a DataFusion scalar function.
//!
//! Owns the bridge only: which types a call takes and gives is decided by
//! [`crate::functions::Typing`], the values by the function's own loop.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::evaluate::{Argument, Call};
use crate::functions::Function;

/// A call's function and the type that it returns, which lowering has decided.
#[derive(Debug)]
pub(crate) struct Udf {
    function: &'static Function,
    returns: DataType,
    signature: Signature,
}

impl Udf {
    /// A lowered call.
    pub(crate) fn call(function: &'static Function, returns: DataType, args: Vec<Expr>) -> Expr {
        let signature = Signature::user_defined(Volatility::Immutable);
        let udf = Udf { function, returns, signature };
        ScalarUDF::new_from_impl(udf).call(args)
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
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
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
