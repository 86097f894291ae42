//! The stored description of the API before tools that others wrote: a lint, generators of clients in
//! two languages whose output must compile, and the Postman collection against a running server.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::schemathesis::{admin_token, python_tool};
use crate::support::program::{Program, ready};
use crate::support::{Place, cache_directory, ignored};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A check by a tool that is installed there.
type Check = fn(&Path);

/// The tests; those whose tools are not installed are ignored.
pub(crate) fn trials() -> Vec<Trial> {
    let npm: [(&str, Check); 3] = [
        ("openapi::the_document_passes_the_lint", lint),
        ("openapi::a_typescript_client_compiles", typescript),
        ("openapi::the_postman_collection_runs", postman),
    ];
    let tools = npm_tools();
    let of_npm = npm.into_iter().map(|(name, test)| match tools.clone() {
        Some(tools) => Trial::test(name, move || {
            test(&tools);
            Ok(())
        }),
        None => ignored(name, "npm's tools are not installed: scripts/setup.sh test"),
    });
    let name = "openapi::a_python_client_compiles";
    let of_python = match python_tool("openapi-python-client") {
        Some(generator) => Trial::test(name, move || {
            python(&generator);
            Ok(())
        }),
        None => ignored(
            name,
            "openapi-python-client is not installed: scripts/setup.sh test",
        ),
    };
    of_npm.chain([of_python]).collect()
}

/// Where `scripts/install-test-openapi.sh` puts what npm installs.
fn npm_tools() -> Option<PathBuf> {
    let directory = cache_directory("COINSPHERE_TEST_OPENAPI_DIR", "openapi")?;
    Some(directory.join("node_modules/.bin")).filter(|tools| tools.is_dir())
}

/// Runs a tool to its end, which must be a good one; answers what it printed.
fn succeeds<A: AsRef<OsStr>>(
    program: &Path,
    directory: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .stdin(Stdio::null())
        .output()
        .expect("the tool can be started");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}\n{out}\n{err}");
    out + &err
}

/// No error, and no warning but those that `redocly.yaml` turns off with a reason.
fn lint(tools: &Path) {
    let arguments = ["lint", "docs/openapi.json", "--max-problems", "1000"];
    let said = succeeds(&tools.join("redocly"), Path::new(ROOT), arguments);
    assert!(!said.contains("warning"), "{said}");
}

fn typescript(tools: &Path) {
    let place = Place::new();
    let document = format!("{ROOT}/docs/openapi.json");
    let arguments = [document.as_str(), "--output", "client.ts"];
    succeeds(&tools.join("openapi-typescript"), place.path(), arguments);
    // A caller that finds what it needs by the names of operations and schemas.
    place.file(
        "caller.ts",
        "import type { components, operations } from './client';\n\
         type Keys = operations['list_api_keys']['responses']['200']['content']['application/json'];\n\
         export const open = (candle: components['schemas']['Candle']): string => candle.open;\n\
         export const first = (keys: Keys): string | undefined => keys.data[0]?.name;\n",
    );
    let arguments = [
        "--strict",
        "--noEmit",
        "--skipLibCheck",
        "false",
        "caller.ts",
    ];
    succeeds(&tools.join("tsc"), place.path(), arguments);
}

fn python(generator: &Path) {
    let place = Place::new();
    let document = format!("{ROOT}/docs/openapi.json");
    // Without the formatters that it would run behind itself.
    let config = place.file("config.yml", "post_hooks: []\n");
    let arguments = [
        OsStr::new("generate"),
        "--path".as_ref(),
        document.as_ref(),
        "--config".as_ref(),
        config.as_ref(),
        "--output-path".as_ref(),
        "client".as_ref(),
        "--fail-on-warning".as_ref(),
    ];
    succeeds(generator, place.path(), arguments);
    let interpreter = generator.with_file_name("python");
    let import = "import pkgutil, importlib, coinsphere_client as client\n\
                  names = [m.name for m in pkgutil.walk_packages(client.__path__, 'coinsphere_client.')]\n\
                  for name in names: importlib.import_module(name)\n\
                  assert any(name.endswith('.list_api_keys') for name in names), names\n";
    succeeds(&interpreter, &place.path().join("client"), ["-c", import]);
}

/// The collection as `scripts/postman.sh` makes it.
fn made_of_the_document(tools: &Path) -> String {
    let output = Command::new("node")
        .env("NODE_PATH", tools.parent().expect("npm's directory"))
        .arg(format!("{ROOT}/tests/support-openapi/postman.cjs"))
        .arg(format!("{ROOT}/docs/openapi.json"))
        .output()
        .expect("node");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn postman(tools: &Path) {
    let stored =
        std::fs::read_to_string(format!("{ROOT}/docs/postman.json")).expect("a collection");
    assert!(
        made_of_the_document(tools) == stored,
        "run scripts/postman.sh"
    );
    let place = Place::new();
    let data = place.path().join("d");
    let (_program, address) = Program::serve(&data, ["demo"]);
    ready(address);
    let token = admin_token(&data, address);
    let collection = format!("{ROOT}/docs/postman.json");
    let server = format!("baseUrl=http://{address}");
    let token = format!("bearerToken={token}");
    // The collection asserts of each answer that its status is a documented one.
    let arguments = [
        "run",
        &collection,
        "--env-var",
        &server,
        "--env-var",
        &token,
        "--ignore-redirects",
        "--timeout-request",
        "30000",
        "--reporter-cli-no-banner",
    ];
    succeeds(&tools.join("newman"), place.path(), arguments);
}
