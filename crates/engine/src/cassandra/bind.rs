//! From Arrow columns to bound values, column by column, each fitted to the table's CQL type.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use scylla::cluster::metadata::{ColumnType, NativeType};
use scylla::value::{CqlDate, CqlDecimal, CqlTimestamp, CqlValue, CqlVarint};
use std::net::IpAddr;
use std::str::FromStr;
use uuid::Uuid;

/// Fits rows to the CQL types of a table's columns.
#[derive(Debug, Clone)]
pub struct Binder {
    columns: Vec<(String, NativeType)>,
    /// Indexes of the primary key's columns: they may be neither null nor empty.
    key: Vec<usize>,
}

/// A column whose values are ready to be bound.
enum Bound {
    Text(ArrayRef, NativeType),
    Boolean(ArrayRef),
    Integer(ArrayRef, NativeType),
    Float(ArrayRef),
    Double(ArrayRef),
    Timestamp(ArrayRef),
    Date(ArrayRef),
    Decimal(ArrayRef, i8),
    Blob(ArrayRef),
}

impl Binder {
    /// A binder for columns of these types.
    ///
    /// # Errors
    /// Names a column whose CQL type no stream writes (a collection, a counter).
    pub fn new(columns: &[(String, ColumnType<'_>)], key: &[String]) -> Result<Self, String> {
        let mut natives = Vec::new();
        for (name, column_type) in columns {
            let ColumnType::Native(native) = column_type else {
                return Err(format!(
                    "column {name} is a {column_type:?}; a stream writes scalar columns"
                ));
            };
            if matches!(native, NativeType::Counter | NativeType::Duration) {
                return Err(format!(
                    "column {name} is a {native:?}, which cannot be written twice with one result"
                ));
            }
            natives.push((name.clone(), native.clone()));
        }
        let at = |name: &String| columns.iter().position(|(column, _)| column == name);
        let key = key.iter().filter_map(at).collect();
        Ok(Self { columns: natives, key })
    }

    /// Rows whose values do not fit, with the reason; the others can be bound.
    #[must_use]
    pub fn misfits(&self, rows: &RecordBatch) -> Vec<(usize, String)> {
        let mut misfits: Vec<(usize, String)> = Vec::new();
        let mut seen = vec![false; rows.num_rows()];
        for (at, column) in rows.columns().iter().enumerate() {
            let Some((name, native)) = self.columns.get(at) else { continue };
            let bound = match Bound::new(column, native) {
                Ok(bound) => bound,
                Err(reason) => {
                    let all =
                        (0..rows.num_rows()).map(|row| (row, format!("column {name}: {reason}")));
                    return all.collect();
                }
            };
            let key = self.key.contains(&at);
            for (row, seen) in seen.iter_mut().enumerate() {
                let reason = match bound.at(row) {
                    Ok(None) if key => format!("column {name} of the primary key is null"),
                    Ok(Some(CqlValue::Text(text))) if key && text.is_empty() => {
                        format!("column {name} of the primary key is empty")
                    }
                    Ok(_) => continue,
                    Err(reason) => format!("column {name}: {reason}"),
                };
                if !std::mem::replace(seen, true) {
                    misfits.push((row, reason));
                }
            }
        }
        misfits
    }

    /// Binds every row.
    ///
    /// # Errors
    /// The first misfit.
    pub fn bind(&self, rows: &RecordBatch) -> Result<Vec<Vec<Option<CqlValue>>>, String> {
        let columns = rows.columns().iter().zip(&self.columns);
        let columns: Vec<Bound> = columns
            .map(|(column, (_, native))| Bound::new(column, native))
            .collect::<Result<_, _>>()?;
        (0..rows.num_rows())
            .map(|row| columns.iter().map(|column| column.at(row)).collect())
            .collect()
    }
}

impl Bound {
    fn new(column: &ArrayRef, native: &NativeType) -> Result<Self, String> {
        let to = |data_type: &DataType| cast(column, data_type).map_err(|error| error.to_string());
        let from = column.data_type();
        Ok(match native {
            NativeType::Boolean => Self::Boolean(to(&DataType::Boolean)?),
            NativeType::TinyInt
            | NativeType::SmallInt
            | NativeType::Int
            | NativeType::BigInt
            | NativeType::Varint => Self::Integer(to(&DataType::Int64)?, native.clone()),
            NativeType::Float => Self::Float(to(&DataType::Float32)?),
            NativeType::Double => Self::Double(to(&DataType::Float64)?),
            NativeType::Timestamp if !from.is_string() => Self::Timestamp(to(
                &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            )?),
            NativeType::Date => Self::Date(to(&DataType::Date32)?),
            NativeType::Decimal => match from {
                DataType::Decimal128(_, scale) => {
                    Self::Decimal(std::sync::Arc::clone(column), *scale)
                }
                _ => Self::Decimal(to(&DataType::Decimal128(38, 10))?, 10),
            },
            NativeType::Blob => Self::Blob(to(&DataType::Binary)?),
            _ => Self::Text(to(&DataType::Utf8)?, native.clone()),
        })
    }

    fn array(&self) -> &ArrayRef {
        match self {
            Self::Text(array, _)
            | Self::Boolean(array)
            | Self::Integer(array, _)
            | Self::Float(array)
            | Self::Double(array)
            | Self::Timestamp(array)
            | Self::Date(array)
            | Self::Decimal(array, _)
            | Self::Blob(array) => array,
        }
    }

    fn at(&self, row: usize) -> Result<Option<CqlValue>, String> {
        let array = self.array();
        if array.is_null(row) {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Text(_, native) => text(array.as_string::<i32>().value(row), native)?,
            Self::Boolean(_) => CqlValue::Boolean(array.as_boolean().value(row)),
            Self::Integer(_, native) => {
                integer(array.as_primitive::<Int64Type>().value(row), native)?
            }
            Self::Float(_) => CqlValue::Float(array.as_primitive::<Float32Type>().value(row)),
            Self::Double(_) => CqlValue::Double(array.as_primitive::<Float64Type>().value(row)),
            Self::Timestamp(_) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                CqlValue::Timestamp(CqlTimestamp(micros.div_euclid(1_000)))
            }
            Self::Date(_) => {
                let days = i64::from(array.as_primitive::<Date32Type>().value(row));
                let shifted = u32::try_from(days + (1_i64 << 31));
                CqlValue::Date(CqlDate(shifted.map_err(|_| format!("day {days} is no CQL date"))?))
            }
            Self::Decimal(_, scale) => {
                let unscaled = array.as_primitive::<Decimal128Type>().value(row);
                let bytes = minimal(unscaled);
                CqlValue::Decimal(CqlDecimal::from_signed_be_bytes_and_exponent(
                    bytes,
                    i32::from(*scale),
                ))
            }
            Self::Blob(_) => CqlValue::Blob(array.as_binary::<i32>().value(row).to_vec()),
        }))
    }
}

/// The shortest two's complement form, big-endian.
fn minimal(number: i128) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let fill = if number < 0 { 0xFF } else { 0 };
    let mut first = 0;
    while first < 15 && bytes[first] == fill && (bytes[first + 1] ^ fill) & 0x80 == 0 {
        first += 1;
    }
    bytes[first..].to_vec()
}

fn integer(value: i64, native: &NativeType) -> Result<CqlValue, String> {
    let misfit = |_| format!("{value} does not fit {native:?}");
    Ok(match native {
        NativeType::TinyInt => CqlValue::TinyInt(i8::try_from(value).map_err(misfit)?),
        NativeType::SmallInt => CqlValue::SmallInt(i16::try_from(value).map_err(misfit)?),
        NativeType::Int => CqlValue::Int(i32::try_from(value).map_err(misfit)?),
        NativeType::Varint => {
            CqlValue::Varint(CqlVarint::from_signed_bytes_be(minimal(i128::from(value))))
        }
        _ => CqlValue::BigInt(value),
    })
}

fn text(value: &str, native: &NativeType) -> Result<CqlValue, String> {
    let shown: String = value.chars().take(60).collect();
    let misfit = |kind: &str| format!("'{shown}' is not {kind}");
    let uuid = || Uuid::try_parse(value).ok().filter(|_| value.len() == 36);
    Ok(match native {
        NativeType::Ascii if value.is_ascii() => CqlValue::Ascii(value.to_owned()),
        NativeType::Ascii => return Err(misfit("ASCII")),
        NativeType::Uuid => CqlValue::Uuid(uuid().ok_or_else(|| misfit("a UUID"))?),
        NativeType::Timeuuid => {
            let found = uuid().filter(|uuid| uuid.get_version_num() == 1);
            CqlValue::Timeuuid(found.ok_or_else(|| misfit("a time UUID"))?.into())
        }
        NativeType::Inet => {
            CqlValue::Inet(IpAddr::from_str(value).map_err(|_| misfit("an address"))?)
        }
        NativeType::Timestamp => {
            let parsed =
                datafusion::arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(value);
            let nanos = parsed.map_err(|_| misfit("a timestamp"))?;
            CqlValue::Timestamp(CqlTimestamp(nanos.div_euclid(1_000_000)))
        }
        _ => CqlValue::Text(value.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_takes_its_shortest_form() {
        assert_eq!(minimal(0), [0]);
        assert_eq!(minimal(127), [127]);
        assert_eq!(minimal(128), [0, 128]);
        assert_eq!(minimal(-1), [0xFF]);
        assert_eq!(minimal(-129), [0xFF, 0x7F]);
    }

    #[test]
    fn text_that_is_no_uuid_does_not_fit_a_uuid() {
        assert!(text("not-a-uuid", &NativeType::Uuid).unwrap_err().contains("not-a-uuid"));
        assert!(text("c1f3e2a4-0000-4000-8000-000000000001", &NativeType::Uuid).is_ok());
    }

    #[test]
    fn a_number_that_is_too_large_does_not_fit() {
        assert!(integer(300, &NativeType::TinyInt).is_err());
        assert_eq!(integer(3, &NativeType::TinyInt), Ok(CqlValue::TinyInt(3)));
    }
}
