// Every object for Istio is one that Istio's CustomResourceDefinitions admit.
//
// `@kubernetes-models/istio` holds the schemas of the CustomResourceDefinitions that Istio 1.29.2
// publishes, compiled by Ajv: types, enumerations, patterns and bounds. Fields of another name
// are admitted by these schemas (an API server drops them), so `tests/pure/istio/types.rs` looks for
// those, in the shapes that are made here.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as extensions from "@kubernetes-models/istio/extensions.istio.io/v1alpha1";
import * as networking from "@kubernetes-models/istio/networking.istio.io/v1";
import * as networkingAlpha from "@kubernetes-models/istio/networking.istio.io/v1alpha3";
import * as security from "@kubernetes-models/istio/security.istio.io/v1";
import { parseAllDocuments } from "yaml";
import { file as shapesFile, shapes } from "./shapes.mjs";

const root = join(import.meta.dirname, "../../..");
const command = process.env.EGRESS_AUTH;
assert.ok(command, "EGRESS_AUTH names the command that is tested");

const folder = mkdtempSync(join(tmpdir(), "egress-auth-"));
after(() => rmSync(folder, { recursive: true }));

const kinds = {
  "extensions.istio.io/v1alpha1": extensions,
  "networking.istio.io/v1": networking,
  "networking.istio.io/v1alpha3": networkingAlpha,
  "security.istio.io/v1": security,
};

/** What the schema of an object's kind says against it; nothing when it is admitted. */
function problem(object) {
  const Kind = kinds[object.apiVersion]?.[object.kind];
  if (!Kind) return `no schema for ${object.kind} of ${object.apiVersion}`;
  try {
    new Kind(object).validate();
    return undefined;
  } catch (error) {
    return error.message;
  }
}

const objects = (text) => parseAllDocuments(text).map((document) => document.toJS());

function compile(file, target, ...options) {
  const given = ["compile", file, "--to", target, ...options];
  if (target === "wasm-plugin") {
    given.push("--wasm", join(root, "dist/egress_auth.wasm"));
    given.push("--module-url", "https://modules.test/egress_auth.wasm");
  }
  return objects(execFileSync(command, given, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
}

/** A Gateway of so many hosts with so many rules each. */
function large(hosts, rules) {
  const server = (host) => ({
    name: `host-${host}`,
    hostname: `host-${host}.test`,
    authentication: {
      jwt: { issuer: "https://auth.test", jwksUri: "https://auth.test/keys", audiences: ["mesh"] },
    },
    authorization: {
      local: {
        rules: Array.from({ length: rules }, (_, rule) => ({
          name: `rule-${rule}`,
          from: [{ jwt: { iss: "https://auth.test", sub: `client-${rule}` } }],
          to: [{ methods: ["GET"], paths: [`/v1/${rule}/*`] }],
        })),
      },
    },
  });
  const file = join(folder, `${hosts}-${rules}.yaml`);
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: "gateway.tsb.tetrate.io/v2",
      kind: "Gateway",
      metadata: { name: "large", namespace: "egress" },
      spec: {
        workloadSelector: { namespace: "egress", labels: { app: "egress-gateway" } },
        http: Array.from({ length: hosts }, (_, host) => server(host)),
      },
    }),
  );
  return file;
}

const gateways = {
  "the payments example": join(root, "envoy/examples/payments.yaml"),
  "both mechanisms": join(root, "tests/istio/both.yaml"),
  "the migration, before": join(root, "docs/migration/1-egress-authorization.yaml"),
  "the migration, between": join(root, "docs/migration/2-both.yaml"),
  "the migration, after": join(root, "docs/migration/3-server-level.yaml"),
  "a large Gateway": large(500, 3),
  "a server with many rules": large(1, 1_500),
};

for (const [name, file] of Object.entries(gateways)) {
  for (const target of ["wasm-plugin", "istio-native"]) {
    test(`${target} of ${name}`, () => {
      const made = compile(file, target);
      assert.ok(made.length > 0);
      for (const object of made) {
        assert.equal(problem(object), undefined, `${object.kind} ${object.metadata.name}`);
      }
    });
  }
}

test("every field that reaches an object", () => {
  const made = compile(join(root, "tests/istio/everything.yaml"), "wasm-plugin");
  assert.deepEqual([...new Set(made.map((it) => it.kind))].sort(), [
    "DestinationRule",
    "ServiceEntry",
    "WasmPlugin",
  ]);
  for (const object of made) assert.equal(problem(object), undefined);
});

test("the shapes that other tests go by", () => {
  assert.equal(readFileSync(shapesFile, "utf8"), shapes(), "node tests/istio/schemas/shapes.mjs");
});

test("the committed examples", () => {
  const examples = join(root, "envoy/istio");
  const found = readdirSync(examples).flatMap((it) => objects(readFileSync(join(examples, it), "utf8")));
  const ofIstio = found.filter((it) => it.apiVersion !== "networking.k8s.io/v1");
  assert.ok(ofIstio.length > 5);
  for (const object of ofIstio) assert.equal(problem(object), undefined);
});

test("what is wrong is found", () => {
  const made = [
    ...compile(join(root, "tests/istio/everything.yaml"), "wasm-plugin"),
    ...compile(join(root, "tests/istio/both.yaml"), "istio-native"),
  ];
  const wrong = [
    ["WasmPlugin", (it) => (it.spec.failStrategy = "FAIL_SOMEHOW"), /failStrategy/],
    ["WasmPlugin", (it) => (it.spec.phase = "AUTH"), /phase/],
    ["WasmPlugin", (it) => (it.spec.priority = "1000"), /priority/],
    ["WasmPlugin", (it) => (it.spec.sha256 = "ABC"), /sha256/],
    ["WasmPlugin", (it) => delete it.spec.url, /url/],
    ["WasmPlugin", (it) => (it.spec.match[0].mode = "OUT"), /mode/],
    ["WasmPlugin", (it) => (it.spec.vmConfig.env = [{ name: "A", value: "x".repeat(2049) }]), /env/],
    ["ServiceEntry", (it) => (it.spec.hosts = []), /hosts/],
    ["ServiceEntry", (it) => (it.spec.resolution = "DNS_SOMETIMES"), /resolution/],
    ["ServiceEntry", (it) => (it.spec.ports[0].number = "443"), /number/],
    ["DestinationRule", (it) => (it.spec.host = ["a.test"]), /host/],
    ["RequestAuthentication", (it) => (it.spec.jwtRules[0].issuer = ""), /issuer/],
    ["RequestAuthentication", (it) => (it.spec.jwtRules[0].audiences = "mesh"), /audiences/],
    ["AuthorizationPolicy", (it) => (it.spec.action = "ALOW"), /action/],
    [
      "AuthorizationPolicy",
      (it) => (it.spec.rules = Array.from({ length: 513 }, () => it.spec.rules[0])),
      /rules/,
    ],
    ["EnvoyFilter", (it) => (it.spec.configPatches[0].applyTo = "HTTP_FILTERS"), /applyTo/],
    ["EnvoyFilter", (it) => (it.spec.configPatches = {}), /configPatches/],
  ];
  for (const [kind, damage, named] of wrong) {
    const object = structuredClone(made.find((it) => it.kind === kind));
    assert.equal(problem(object), undefined);
    damage(object);
    assert.match(String(problem(object)), named, `${kind}: ${damage}`);
  }
});
