// An OpenAPI document to a Postman collection on standard output. Ids, and the UUIDs that the converter
// draws for parameters, are derived from places in the collection, and what else it draws comes from a
// generator with a seed, so that the same document gives the same file.
// Numerical Recipes' linear congruential generator; before the converter is loaded, which draws then.
let drawn = 1;
Math.random = () => (drawn = (drawn * 1664525 + 1013904223) % 4294967296) / 4294967296;

const { readFileSync } = require("node:fs");
const { createHash } = require("node:crypto");
const { convertV2 } = require("openapi-to-postmanv2");

const api = JSON.parse(readFileSync(process.argv[2], "utf8"));
api.servers = [{ url: "http://127.0.0.1:3001" }];
const document = { type: "json", data: api };
const options = { folderStrategy: "Tags", parametersResolution: "Example", indentCharacter: "Space" };

// Requests as a person would begin with: optional parameters off and empty, no canned answers (which
// the converter makes up).
function tidy(item) {
    for (const inner of item.item ?? []) tidy(inner);
    if (!item.request) return;
    item.response = [];
    for (const parameter of item.request.url?.query ?? []) {
        parameter.disabled = true;
        parameter.value = "";
    }
}

// Each request says which answers are documented, and finds others wrong.
function assert(item) {
    for (const inner of item.item ?? []) assert(inner);
    if (!item.request) return;
    const path = "/" + item.request.url.path.join("/").replace(/:([^/]+)/g, "{$1}");
    const operation = api.paths[path][item.request.method.toLowerCase()];
    const documented = Object.keys(operation.responses).join(", ");
    const exec = [
        `pm.test("the status is documented", () => pm.expect(pm.response.code).to.be.oneOf([${documented}]));`,
    ];
    item.event = [{ listen: "test", script: { type: "text/javascript", exec } }];
}

function settle(value, place) {
    if (value === null || typeof value !== "object") return;
    for (const name of ["id", "_postman_id", "uid", "value"]) {
        if (typeof value[name] === "string" && /^[0-9a-f-]{36}$/.test(value[name])) {
            const digest = createHash("sha256").update(place + name).digest("hex");
            value[name] = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, "$1-$2-$3-$4-$5");
        }
    }
    for (const [key, inner] of Object.entries(value)) settle(inner, `${place}/${key}`);
}

convertV2(document, options, (error, result) => {
    if (error || !result.result) {
        console.error(error ?? result.reason);
        process.exit(1);
    }
    const collection = result.output[0].data;
    tidy(collection);
    assert(collection);
    settle(collection, "");
    console.log(JSON.stringify(collection, null, 2));
});
