// The fields of every kind that is written for Istio, as `tests/istio/shapes.json` has them:
// `node shapes.mjs` writes the file, and `schemas.test.mjs` sees that it is current.
//
// They are read from the declarations of `@kubernetes-models/istio`, which are made from Istio's
// CustomResourceDefinitions. A shape is "string", "number", "boolean" or "any"; `{"=": words}`;
// `{"[]": shape}` for a list; `{"*": shape}` for a map; `{"|": shapes}` for one of several; else an
// object by its fields, of which `name!` has to be there.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const KINDS = {
  "extensions.istio.io/v1alpha1": ["WasmPlugin"],
  "networking.istio.io/v1": ["DestinationRule", "Gateway", "ServiceEntry", "VirtualService"],
  "networking.istio.io/v1alpha3": ["EnvoyFilter"],
  "security.istio.io/v1": ["AuthorizationPolicy", "RequestAuthentication"],
};

// Of Kubernetes itself: what the example of a network policy may hold.
const labels = { "*": "string" };
const expression = { "key!": "string", "operator!": "string", values: { "[]": "string" } };
const selector = { matchLabels: labels, matchExpressions: { "[]": expression } };
const peer = {
  podSelector: selector,
  namespaceSelector: selector,
  ipBlock: { "cidr!": "string", except: { "[]": "string" } },
};
const port = { port: { "|": ["string", "number"] }, protocol: "string", endPort: "number" };
const rules = (peers) => ({ "[]": { [peers]: { "[]": peer }, ports: { "[]": port } } });
const NETWORK_POLICY = {
  "podSelector!": selector,
  policyTypes: { "[]": { "=": ["Ingress", "Egress"] } },
  ingress: rules("from"),
  egress: rules("to"),
};

/** Reads one type of a declaration, from the tokens at hand. */
function type(tokens) {
  const options = [];
  do {
    options.push(single(tokens));
    // What stands behind `&` says which fields of the first exclude each other.
    while (tokens[0] === "&" && tokens.shift()) skip(tokens);
  } while (tokens[0] === "|" && tokens.shift());
  if (options.length === 1 && !options[0]["="]) return options[0];
  if (options.every((it) => it["="])) return { "=": options.flatMap((it) => it["="]) };
  return { "|": options };
}

function single(tokens) {
  const token = tokens.shift();
  if (token.startsWith('"')) return { "=": [JSON.parse(token)] };
  if (token === "Array") return { "[]": within(tokens, "<", ">") };
  if (token === "(") {
    const inside = type(tokens);
    expect(tokens, ")");
    return inside;
  }
  if (token === "{") return object(tokens);
  if (["string", "number", "boolean", "any"].includes(token)) return token;
  throw new Error(`no shape for ${token} before ${tokens.slice(0, 5).join(" ")}`);
}

function object(tokens) {
  const fields = {};
  while (tokens[0] !== "}") {
    if (tokens[0] === "[") {
      tokens.splice(0, tokens.indexOf("]") + 1);
      expect(tokens, ":");
      fields["*"] = type(tokens);
    } else {
      const name = JSON.parse(tokens.shift());
      const required = tokens[0] !== "?" || !tokens.shift();
      expect(tokens, ":");
      fields[required ? `${name}!` : name] = type(tokens);
    }
    expect(tokens, ";");
  }
  expect(tokens, "}");
  return Object.keys(fields).length > 0 ? fields : "any";
}

function within(tokens, open, close) {
  expect(tokens, open);
  const inside = type(tokens);
  expect(tokens, close);
  return inside;
}

function skip(tokens) {
  let depth = 0;
  do {
    const token = tokens.shift();
    if (["(", "{", "<", "["].includes(token)) depth += 1;
    if ([")", "}", ">", "]"].includes(token)) depth -= 1;
  } while (depth > 0);
}

function expect(tokens, token) {
  const found = tokens.shift();
  if (found !== token) throw new Error(`${found} where ${token} should be`);
}

/**
 * The fields of a TrafficExtension, which the package does not have yet: in the definition that Istio
 * 1.30 publishes they are those of a WasmPlugin, with what is about the module below `wasm`.
 */
function trafficExtension({ selector, targetRefs, phase, priority, match, targetRef, ...wasm }) {
  const [, ...phases] = phase["="];
  const lua = { "inlineCode!": "string" };
  return { lua, match, phase: { "=": ["UNSPECIFIED", ...phases] }, priority, selector, targetRefs, wasm };
}

/** The text of the file. */
export function shapes() {
  const packages = join(import.meta.dirname, "node_modules/@kubernetes-models/istio");
  const found = { "networking.k8s.io/v1 NetworkPolicy": NETWORK_POLICY };
  for (const [version, kinds] of Object.entries(KINDS)) {
    for (const kind of kinds) {
      const text = readFileSync(join(packages, version, `${kind}.d.ts`), "utf8");
      const spec = text.replace(/\/\*[^]*?\*\//g, "").split(/"spec"\??: /)[1];
      found[`${version} ${kind}`] = type(spec.match(/"[^"]*"|\w+|[^\s]/g));
    }
  }
  const extensions = "extensions.istio.io/v1alpha1";
  found[`${extensions} TrafficExtension`] = trafficExtension(found[`${extensions} WasmPlugin`]);
  const lines = Object.keys(found).sort().map((it) => `${JSON.stringify(it)}: ${JSON.stringify(found[it])}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

export const file = join(import.meta.dirname, "../shapes.json");
if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, shapes());
