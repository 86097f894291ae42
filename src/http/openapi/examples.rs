//! Examples of JSON bodies, put together from the examples of their fields.

use serde_json::{Map, Value, json};

/// Greatest depth of nested schemas.
const DEPTH: usize = 32;

/// Gives every JSON body of an operation that has none an example.
pub(super) fn add(schemas: &Value, operation: &mut Value) {
    add_to(schemas, operation.get_mut("requestBody"));
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if status.starts_with('2') {
            add_to(schemas, Some(response));
        }
    }
}

fn add_to(schemas: &Value, body: Option<&mut Value>) {
    let content = body.and_then(|body| body.pointer_mut("/content/application~1json"));
    if let Some(content) = content
        && content.get("example").is_none()
        && content.get("examples").is_none()
    {
        content["example"] = example(schemas, &content["schema"], DEPTH);
    }
}

/// A value that the schema allows: the example where there is one.
fn example(schemas: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(given) = schema.get("example") {
        return given.clone();
    }
    let of = |inner: &Value| example(schemas, inner, depth - 1);
    if let Some(first) = schema["examples"].get(0) {
        return first.clone();
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return of(&schemas[name]);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for either in ["oneOf", "anyOf"] {
        let mut ways = schema[either].as_array().into_iter().flatten();
        if let Some(way) = ways.find(|way| way["type"] != "null") {
            return of(way);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(of);
        let fields = parts.filter_map(|part| part.as_object().cloned());
        return Value::Object(fields.flatten().collect());
    }
    match kind(schema) {
        "object" => {
            let named = schema["properties"].as_object().into_iter().flatten();
            let mut fields: Map<String, Value> = named
                .map(|(name, inner)| (name.clone(), of(inner)))
                .collect();
            if let more @ Value::Object(_) = &schema["additionalProperties"] {
                fields.insert("name".to_owned(), of(more));
            }
            // An object that may have any field gets one.
            if fields.is_empty() {
                fields.insert("count".to_owned(), json!(1));
            }
            Value::Object(fields)
        }
        "array" => json!([of(&schema["items"])]),
        "boolean" => json!(true),
        "integer" => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        "number" => json!(0.5),
        "string" => json!(match schema["format"].as_str() {
            Some("date-time") => "2026-03-01T12:00:00Z",
            Some("uuid") => "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60",
            _ => "text",
        }),
        _ => Value::Null,
    }
}

/// The type, or of several the first that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or_default()
        }
        _ => "",
    }
}
