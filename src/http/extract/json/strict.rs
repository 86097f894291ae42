//! Reads JSON more strictly than the format asks for: bounded depth, no repeated or dangerous keys,
//! no control characters. What is wrong is collected with its path.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{FieldError, TOLD, named};

/// Greatest depth of nested arrays and objects.
pub(super) const MAX_DEPTH: usize = 32;

/// Keys that mean something else to programs written in JavaScript.
const DANGEROUS: [&str; 3] = ["__proto__", "constructor", "prototype"];

pub(super) fn read(bytes: &[u8]) -> Result<Value, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict {
        path: String::new(),
        depth: 0,
        errors: &mut errors,
    };
    let read = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match read {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) => Err(errors),
        Err(error) => {
            let detail = if bytes.is_empty() {
                "is empty: send a JSON object".to_owned()
            } else {
                format!("is not acceptable JSON: {error}")
            };
            errors.push(FieldError {
                field: "body".to_owned(),
                detail,
            });
            Err(errors)
        }
    }
}

struct Strict<'a> {
    path: String,
    depth: usize,
    errors: &'a mut Vec<FieldError>,
}

impl Strict<'_> {
    fn refuse(&mut self, path: &str, detail: &str) {
        if self.errors.len() < TOLD {
            self.errors.push(FieldError {
                field: named(path),
                detail: detail.to_owned(),
            });
        }
    }

    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(self.depth + 1)
    }

    fn text(mut self, text: &str) -> Value {
        let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().any(forbidden) {
            let path = std::mem::take(&mut self.path);
            self.refuse(&path, "must not contain control characters");
        }
        Value::String(text.to_owned())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(self.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict {
            path: format!("{}[{}]", self.path, list.len()),
            depth,
            errors: self.errors,
        })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let shown: String = key.chars().filter(|c| !c.is_control()).take(60).collect();
            let path = match self.path.as_str() {
                "" => shown,
                parent => format!("{parent}.{shown}"),
            };
            if DANGEROUS.contains(&key.as_str()) {
                self.refuse(&path, "this key is not allowed");
            }
            if key.chars().any(char::is_control) {
                self.refuse(&path, "a key must not contain control characters");
            }
            if object.contains_key(&key) {
                self.refuse(&path, "given more than once");
            }
            let value = map.next_value_seed(Strict {
                path,
                depth,
                errors: self.errors,
            })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
