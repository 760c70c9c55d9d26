//! The numbers of types.

/// The number of a type. Each side numbers its own.
pub(crate) type TypeId = i64;

/// The predefined numbers, the same on both sides.
pub(crate) mod id {
    use super::TypeId;

    pub(crate) const BOOL: TypeId = 1;
    pub(crate) const INT: TypeId = 2;
    pub(crate) const UINT: TypeId = 3;
    pub(crate) const FLOAT: TypeId = 4;
    pub(crate) const BYTES: TypeId = 5;
    pub(crate) const STRING: TypeId = 6;
    pub(crate) const COMPLEX: TypeId = 7;
    pub(crate) const INTERFACE: TypeId = 8;

    /// The numbers of types that a peer defines. Go counts in 32 bits.
    pub(crate) const DEFINED: std::ops::RangeInclusive<TypeId> = 64..=i32::MAX as TypeId;
}
