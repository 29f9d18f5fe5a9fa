// Text of a policy stays text, nothing leaves the page, and a page that lies says so.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { cell, file, gateway, jwt, open, report, stop } from "./support.mjs";

after(stop);

const HOSTILE = [
  '</script><img src=x onerror="window.hacked=1">',
  "<!--<script>",
  '"><svg onload=window.hacked=1>',
  "${window.hacked=1}&lt;b&gt;$&$'@data@@engine@",
  "javascript:window.hacked=1",
];

test("names that are HTML are shown as they are written, and do nothing", async () => {
  const rules = HOSTILE.map((name) => ({
    name,
    from: [{ jwt: { sub: name, other: { [name]: name } } }],
    to: [{ paths: [`/${name}`] }],
  }));
  const policy = (rules) =>
    gateway({
      http: [
        {
          name: HOSTILE[0],
          hostname: "a.test",
          authentication: { jwt: { ...jwt, issuer: HOSTILE[1] } },
          authorization: { local: { rules } },
        },
      ],
    });
  const paths = [
    file("hostile.json", policy(rules)),
    "--old",
    file("tame.json", policy(rules.slice(1))),
  ];
  const { page, problems } = await open(report("hostile.html", paths));
  for (const name of HOSTILE) {
    await page.locator(".caller").filter({ hasText: name }).first().waitFor();
  }
  await cell(page, `${HOSTILE[0]}, ${HOSTILE[0]}=${HOSTILE[0]}`, "a.test").click();
  const dialog = page.getByRole("dialog");
  for (const name of HOSTILE) assert.ok((await dialog.innerText()).includes(name), name);
  await dialog.getByRole("button", { name: "Every step" }).first().click();
  await dialog.getByRole("button", { name: "Test a request like this" }).first().click();
  await page.locator(".side").first().waitFor();
  assert.ok((await page.locator(".side").first().innerText()).includes(HOSTILE[0]));
  for (const view of [/^Findings/, /^Changes/, "Access"])
    await page.getByRole("link", { name: view }).click();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator("img, svg, iframe, object, embed").count(), 0);
  assert.deepEqual(problems, []);
});

test("nothing but the page's own script runs, and nothing is fetched", async () => {
  const path = report("strict.html", [
    file("plain.json", gateway({ http: [{ name: "a", hostname: "a.test" }] })),
  ]);
  let arrived = 0;
  const server = createServer((_, response) => {
    arrived += 1;
    response.end();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const { page, problems } = await open(path);
  const outcome = await page.evaluate(async (url) => {
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.body.append(script);
    const div = document.createElement("div");
    div.innerHTML =
      '<img onerror="window.hacked = 1"><p style="color: red" onclick="window.hacked = 1">x</p>';
    div.querySelector("img").src = url;
    document.body.append(div);
    div.querySelector("p").click();
    const fetched = await fetch(url).then(
      () => "fetched",
      () => "refused",
    );
    return {
      hacked: window.hacked,
      fetched,
      colour: getComputedStyle(div.querySelector("p")).color,
    };
  }, url);
  await new Promise((closed) => server.close(closed));
  assert.equal(arrived, 0);
  assert.equal(outcome.hacked, undefined);
  assert.equal(outcome.fetched, "refused");
  assert.notEqual(outcome.colour, "rgb(255, 0, 0)");
  // The browser says what it has not done.
  const said = problems.filter((problem) => problem.includes("Content Security Policy")).join("\n");
  for (const kind of [
    /inline script/,
    /inline event handler/,
    /inline style/,
    /Connecting to/,
    /Loading the image/,
  ])
    assert.match(said, kind);
});

test("no key that signs is in the page", () => {
  const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
  const jwks = JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid: "a", k: secret }] });
  const { jwksUri: _, ...rule } = jwt;
  const policy = file(
    "secret.json",
    gateway({
      http: [{ name: "a", hostname: "a.test", authentication: { jwt: { ...rule, jwks } } }],
    }),
  );
  const page = readFileSync(report("secret.html", [policy]), "utf8");
  assert.ok(page.includes("left-out.invalid") && !page.includes(secret));
});

test("a page whose engine decides otherwise than the command says so", async () => {
  const path = report("honest.html", [
    file(
      "honest.json",
      gateway({
        http: [
          {
            name: "a",
            hostname: "a.test",
            authorization: { local: { rules: [{ name: "r", to: [{ methods: ["GET"] }] }] } },
          },
        ],
      }),
    ),
  ]);
  const honest = readFileSync(path, "utf8");
  const expected = '"expected":{"decision":"allow"';
  assert.ok(honest.includes(expected));
  const { page } = await open(
    file("lying.html", honest.replace(expected, '"expected":{"decision":"deny"')),
  );
  assert.match(
    await page.getByRole("alert").innerText(),
    /decides 1 request otherwise than the command/,
  );
  const { page: good } = await open(path);
  assert.equal(await good.getByRole("alert").count(), 0);
});
