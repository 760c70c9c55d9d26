//! The format once more, written by hand: what is tested is not made by what is tested.

/// The numbers of the types that everybody has.
pub(crate) const BOOL: i64 = 1;
pub(crate) const INT: i64 = 2;
pub(crate) const UINT: i64 = 3;
pub(crate) const FLOAT: i64 = 4;
pub(crate) const BYTES: i64 = 5;
pub(crate) const STRING: i64 = 6;
pub(crate) const COMPLEX: i64 = 7;
pub(crate) const INTERFACE: i64 = 8;

pub(crate) fn uint(value: u64) -> Vec<u8> {
    if value < 128 {
        return vec![u8::try_from(value).unwrap()];
    }
    let digits: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    let count = u8::try_from(256 - digits.len()).unwrap();
    [vec![count], digits].concat()
}

/// How many bytes an integer takes that starts with this one.
pub(crate) fn size_of_uint(first: u8) -> usize {
    if first < 128 { 1 } else { 1 + usize::from(first.wrapping_neg()) }
}

pub(crate) fn int(value: i64) -> Vec<u8> {
    uint(((value << 1) ^ (value >> 63)).cast_unsigned())
}

pub(crate) fn text(value: impl AsRef<[u8]>) -> Vec<u8> {
    [&uint(value.as_ref().len() as u64), value.as_ref()].concat()
}

/// A struct, of the numbers of its fields and their values.
pub(crate) fn fields(values: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let (mut bytes, mut next) = (Vec::new(), 0);
    for (number, value) in values {
        bytes.extend(uint(number + 1 - next));
        bytes.extend(value);
        next = number + 1;
    }
    bytes.push(0);
    bytes
}

/// A slice, or a map whose keys and values take turns.
pub(crate) fn list(count: u64, elements: &[Vec<u8>]) -> Vec<u8> {
    [uint(count), elements.concat()].concat()
}

pub(crate) fn message(parts: &[Vec<u8>]) -> Vec<u8> {
    text(parts.concat())
}

/// A message with a value.
pub(crate) fn value(id: i64, value: Vec<u8>) -> Vec<u8> {
    message(&[int(id), value])
}

/// A message that defines a type: of this form, with these parts behind the common one.
pub(crate) fn definition(id: i64, form: u64, parts: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let common = (0, fields(&[(0, text("T")), (1, int(id))]));
    message(&[int(-id), fields(&[(form, fields(&[&[common], parts].concat()))])])
}

pub(crate) fn array_of(id: i64, element: i64, length: i64) -> Vec<u8> {
    definition(id, 0, &[(1, int(element)), (2, int(length))])
}

pub(crate) fn slice_of(id: i64, element: i64) -> Vec<u8> {
    definition(id, 1, &[(1, int(element))])
}

pub(crate) fn struct_of(id: i64, of: &[(&str, i64)]) -> Vec<u8> {
    let field = |(name, id): &(&str, i64)| fields(&[(0, text(name)), (1, int(*id))]);
    let elements: Vec<_> = of.iter().map(field).collect();
    let parts = [(1, list(of.len() as u64, &elements))];
    definition(id, 2, if of.is_empty() { &[] } else { &parts })
}

pub(crate) fn map_of(id: i64, key: i64, element: i64) -> Vec<u8> {
    definition(id, 3, &[(1, int(key)), (2, int(element))])
}

/// A type with its own encoding, made by one of Go's three interfaces.
pub(crate) fn opaque(id: i64, form: u64) -> Vec<u8> {
    definition(id, form, &[])
}
