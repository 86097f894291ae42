//! A list in a frame that nearly always has one element: the first needs no allocation.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// The elements, in order.
#[derive(Debug)]
pub(super) struct Few<T> {
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Few<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

struct Elements<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let first = list.next_element()?;
        let mut rest = Vec::new();
        if first.is_some() {
            while let Some(element) = list.next_element()? {
                rest.push(element);
            }
        }
        Ok(Few { first, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_a_list_holds() {
        for list in ["[]", "[1]", "[1,2,3]"] {
            let few: Few<u64> = serde_json::from_str(list).unwrap();
            let all: Vec<u64> = serde_json::from_str(list).unwrap();
            assert!(few.iter().eq(&all), "{list}");
        }
        assert!(serde_json::from_str::<Few<u64>>("[1,\"x\"]").is_err());
        assert!(serde_json::from_str::<Few<u64>>("{}").is_err());
    }
}
