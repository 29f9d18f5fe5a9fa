// Decides a request that somebody writes down: `explain` in the page.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Model } from "./model";
import { Badge } from "./text";
import type { Explanation, Query } from "./types";

interface Form {
  request: string;
  claims: string;
  typ: string;
  source: string;
  certificate: string;
  headers: string;
}

/** What was decided, or why nothing was. */
type Result = { now: Explanation; before: Explanation | null } | { error: string };

const EMPTY: Form = {
  request: "",
  claims: "",
  typ: "",
  source: "",
  certificate: "",
  headers: "",
};

/** A query as it stands in the form. */
function toForm(query: Query): Form {
  const headers = Object.entries(query.headers ?? {});
  return {
    request: query.request,
    claims: query.claims === undefined ? "" : JSON.stringify(query.claims, null, 2),
    typ: query.typ ?? "",
    source: query.source ?? "",
    certificate: query.certificate ?? "",
    headers: headers
      .flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}`))
      .join("\n"),
  };
}

/** The form as JSON for the engine. Claims stay as they were written: the engine judges them. */
function toJson(form: Form): string {
  const parts = [`"request":${JSON.stringify(form.request.trim())}`];
  const claims = form.claims.trim();
  if (claims) {
    try {
      JSON.parse(claims);
    } catch (error) {
      throw new Error(`the claims are not JSON: ${(error as Error).message}`);
    }
    parts.push(`"claims":${claims}`);
  }
  for (const name of ["typ", "source", "certificate"] as const) {
    const text = form[name].trim();
    // A type without claims is the type of nothing.
    if (text && (name !== "typ" || claims)) parts.push(`"${name}":${JSON.stringify(text)}`);
  }
  const headers = new Map<string, string[]>();
  for (const line of form.headers.split("\n").filter((it) => it.trim())) {
    const at = line.indexOf(":");
    if (at < 1) throw new Error(`header \`${line}\`: write \`name: value\``);
    const name = line.slice(0, at).trim().toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  if (headers.size > 0) parts.push(`"headers":${JSON.stringify(Object.fromEntries(headers))}`);
  return `{${parts.join(",")}}`;
}

interface Props {
  model: Model;
  /** A request that was handed over. */
  given: Query | null;
}

export function Tester({ model, given }: Props) {
  const [form, setForm] = useState<Form>(() =>
    given ? toForm(given) : { ...EMPTY, request: example(model) },
  );
  const [result, setResult] = useState<Result | null>(null);
  const answer = useRef<HTMLDivElement>(null);

  const decide = (form: Form): void => {
    try {
      const json = toJson(form);
      const now = model.engine.explainJson(0, model.now(), json);
      const before =
        model.old === null ? null : model.engine.explainJson(model.old, model.now(), json);
      setResult({ now, before });
    } catch (error) {
      setResult({ error: (error as Error).message });
    }
  };
  useEffect(() => {
    if (!given) return;
    setForm(toForm(given));
    decide(toForm(given));
  }, [given]);

  const field = (name: keyof Form) => ({
    id: `test-${name}`,
    value: form[name],
    spellcheck: false,
    autocapitalize: "off" as const,
    autocomplete: "off" as const,
    onInput: (event: Event) =>
      setForm({
        ...form,
        [name]: (event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value,
      }),
  });
  const as = (index: number): void => {
    const caller = model.callers[index];
    if (!caller) return;
    const { claims, typ, source, certificate } = model.surveyCaller(caller);
    setForm({
      ...form,
      claims: claims ? JSON.stringify(claims, null, 2) : "",
      typ: typ ?? "",
      source: source ?? "",
      certificate: certificate ?? "",
    });
  };
  return (
    <section class="reading">
      <h2>Request tester</h2>
      <p class="quiet">
        The engine of the filter decides, here in the page. Tokens cannot be verified without their
        issuer's keys, so claims stand for a token whose place, form and signature are taken for
        good; issuer, time and audience are still judged.
      </p>
      <form
        class="tester"
        onSubmit={(event) => {
          event.preventDefault();
          decide(form);
          answer.current?.focus();
        }}
      >
        <label for="test-request">Request</label>
        <input
          type="text"
          required
          placeholder="GET https://api.example.com/v1/items"
          {...field("request")}
        />
        <label for="test-caller">Fill in who calls</label>
        <select id="test-caller" onChange={(event) => as(Number(event.currentTarget.value))}>
          <option value="-1">choose …</option>
          {model.callers.slice(0, 1000).map((caller, index) => (
            <option key={index} value={index}>
              {caller.label} ({caller.detail})
            </option>
          ))}
        </select>
        <label for="test-claims">Claims, as JSON; empty: no token</label>
        <textarea rows={6} {...field("claims")} />
        <label for="test-typ">Type of the token, as `typ` of its header; empty: none</label>
        <input type="text" placeholder="at+jwt" {...field("typ")} />
        <label for="test-source">SPIFFE ID of the workload; empty: none</label>
        <input
          type="text"
          placeholder="spiffe://cluster.local/ns/shop/sa/web"
          {...field("source")}
        />
        <label for="test-certificate">SHA-256 of the client certificate; empty: none</label>
        <input type="text" {...field("certificate")} />
        <label for="test-headers">Headers, one a line</label>
        <textarea rows={2} placeholder="name: value" {...field("headers")} />
        <button type="submit" class="main">
          Decide
        </button>
      </form>
      <div ref={answer} tabIndex={-1} role="status" class="answer">
        {result &&
          ("error" in result ? (
            <p class="problem">{result.error}</p>
          ) : (
            <div class="sides">
              <Answered title={result.before ? "This policy" : null} explanation={result.now} />
              {result.before && <Answered title="The policy before" explanation={result.before} />}
            </div>
          ))}
      </div>
    </section>
  );
}

/** A request to begin with. */
function example(model: Model): string {
  const host = model.hosts[0];
  return host ? `GET https://${host.example}/` : "";
}

function Answered({ title, explanation }: { title: string | null; explanation: Explanation }) {
  return (
    <div class="side">
      {title && <h3>{title}</h3>}
      <p>
        <Badge answer={explanation} />
      </p>
      <dl class="facts">
        <dt>mechanism</dt>
        <dd>{explanation.mechanism}</dd>
        <dt>server</dt>
        <dd>{explanation.server ?? "none"}</dd>
        <dt>rule</dt>
        <dd>{explanation.rule ?? "none"}</dd>
      </dl>
      <ol>
        {explanation.steps.map((step, index) => (
          <li key={index}>{step}</li>
        ))}
      </ol>
      <details>
        <summary>
          As <code>egress-auth explain --output json</code> prints it
        </summary>
        <pre tabIndex={0}>{JSON.stringify(explanation)}</pre>
      </details>
    </div>
  );
}
