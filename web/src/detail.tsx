// What opens from the matrix: a cell, a host or a caller.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { collapse, type Line } from "./collapse";
import { FindingItem } from "./findings";
import { hostLabel, query, type Model, type Way } from "./model";
import type { Opened } from "./opened";
import { Badge, count, sayRules, type SaidRule } from "./text";
import type { Answer, Caller, Explanation, Host, JwtRule, Query } from "./types";

interface Props {
  model: Model;
  opened: Opened;
  open(opened: Opened | null): void;
  test(query: Query): void;
}

export function Detail({ model, opened, open, test }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  });
  const host = opened.host === null ? null : model.hosts[opened.host]!;
  const caller = opened.caller === null ? null : model.callers[opened.caller]!;
  const title = [caller?.label, host && hostLabel(host)].filter(Boolean).join(" → ");
  return (
    <dialog
      ref={dialog}
      class="detail"
      aria-labelledby="detail-title"
      onClose={() => open(null)}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div class="inside">
        <header>
          <h2 id="detail-title">{title}</h2>
          <button
            type="button"
            class="close"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            ✕
          </button>
        </header>
        {host && caller && <Cell model={model} host={host} caller={caller} test={test} />}
        {caller && <About caller={caller} />}
        {host && <AboutHost model={model} host={host} />}
        {host && !caller && <Everyone model={model} host={opened.host!} open={open} />}
      </div>
    </dialog>
  );
}

/** What a caller may do at a host, and the rule that decides. */
function Cell({
  model,
  host,
  caller,
  test,
}: {
  model: Model;
  host: Host;
  caller: Caller;
  test(query: Query): void;
}) {
  const ways = useMemo(() => {
    const ways = model.ways(host, caller);
    const survey = model.survey(0, host, ways);
    const older = model.old === null ? null : model.survey(model.old, host, ways);
    return ways.map((way, index) => {
      const answers = survey.callers[index]!.map((answer) => survey.answers[answer]!);
      const before = older?.callers[index]!.map((answer) => older.answers[answer]!) ?? null;
      return { way, lines: collapse(model.probe(host), answers, before) };
    });
  }, [model, host, caller]);
  // Alone always; together with something where that opens anything.
  const shown = ways.filter(
    ({ way, lines }) =>
      way.beside === null || lines.some((line) => line.answer.decision === "allow"),
  );
  return (
    <section>
      {shown.map(({ way, lines }) => (
        <div key={way.beside?.label ?? ""}>
          {(way.beside || shown.length > 1) && (
            <h3>{way.beside ? `Together with ${way.beside.label}` : "Alone"}</h3>
          )}
          <ul class="lines">
            {lines.map((line, index) => (
              <LineItem key={index} model={model} host={host} way={way} line={line} test={test} />
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

interface LineProps {
  model: Model;
  host: Host;
  way: Way;
  line: Line;
  test(query: Query): void;
}

function LineItem({ model, host, way, line, test }: LineProps) {
  const [explained, setExplained] = useState<Explanation | null>(null);
  const asked = query(host, line.example.method, line.example.path, way.caller);
  const rule = ruleOf(model, host, line.answer);
  return (
    <li class="line">
      <div class="what">
        <Badge answer={line.answer} />
        <span>
          <strong>{line.methods}</strong> on{" "}
          {line.paths.map((path, index) => (
            <>
              {index > 0 && ", "}
              <code>{path}</code>
            </>
          ))}
        </span>
        {line.was && (
          <span class="was">
            was {line.was.status} {line.was.reason}
          </span>
        )}
      </div>
      {rule && <RuleCard rule={rule} decides />}
      <div class="actions">
        <button
          type="button"
          aria-expanded={explained !== null}
          onClick={() =>
            setExplained(explained ? null : model.engine.explain(0, model.now(), asked))
          }
        >
          Every step
        </button>
        <button type="button" onClick={() => test(asked)}>
          Test a request like this
        </button>
      </div>
      {explained && (
        <div class="steps">
          <code>{asked.request}</code>
          <ol>
            {explained.steps.map((step, index) => (
              <li key={index}>{step}</li>
            ))}
          </ol>
        </div>
      )}
    </li>
  );
}

/** The rule that an answer names. */
function ruleOf(model: Model, host: Host, answer: Answer): SaidRule | undefined {
  return rulesOf(model, host).find((rule) => rule.name === answer.rule);
}

/** The rules that decide for a host. */
function rulesOf(model: Model, host: Host): SaidRule[] {
  const { policy } = model.data.new;
  const indices =
    host.decides === "egress_authorization"
      ? policy.egress![host.egress!]!.rules
      : host.decides === "authorization"
        ? model.server(host)!.authorization!.rules
        : [];
  return sayRules(policy, host.decides, indices);
}

export function RuleCard({ rule, decides = false }: { rule: SaidRule; decides?: boolean }) {
  return (
    <dl class={decides ? "rule decides" : "rule"}>
      <dt>{decides ? "Rule that decides" : "Rule"}</dt>
      <dd>
        <strong>{rule.name}</strong>
      </dd>
      <dt>from</dt>
      <dd>
        {rule.from.map((it, index) => (
          <div key={index}>{it}</div>
        ))}
      </dd>
      <dt>to</dt>
      <dd>
        {rule.to.map((it, index) => (
          <div key={index}>{it}</div>
        ))}
      </dd>
    </dl>
  );
}

const DECIDES: Record<string, string> = {
  authorization: "the rules of the server",
  egress_authorization: "egressAuthorization",
  authentication: "authentication alone: any accepted token passes",
  passthrough: "nothing: everything passes through",
  default_action: "the default action, as nothing governs the host",
};

/** In whose hands tokens count, and which. */
function holder(rule: JwtRule): string {
  const parts = [];
  if (rule.token_types) parts.push(`of type ${rule.token_types.map((it) => it || "none").join(" or ")}`);
  if (rule.required_claims) parts.push(`with ${rule.required_claims.join(", ")}`);
  if (rule.certificate_bound === "required") parts.push("bound to the client's certificate");
  if (rule.certificate_bound === "if_present") parts.push("with the certificate that they name");
  if (rule.workload_bound) parts.push("bound to the workload that sends them");
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

function AboutHost({ model, host }: { model: Model; host: Host }) {
  const { policy } = model.data.new;
  const server = model.server(host);
  const issuers = server?.authentication?.jwt.map((index) => policy.jwt_rules![index]!) ?? [];
  const rules = rulesOf(model, host);
  const findings = model.findings.get(host) ?? [];
  return (
    <section>
      <h3>{hostLabel(host)}</h3>
      <dl class="facts">
        {host.name !== host.example && (
          <>
            <dt>requests are made for</dt>
            <dd>
              <code>{host.example}</code>
            </dd>
          </>
        )}
        <dt>server</dt>
        <dd>
          {server ? (
            <>
              {server.name} <code>{server.hostname}</code>
            </>
          ) : (
            "none"
          )}
        </dd>
        <dt>token</dt>
        <dd>
          {issuers.length === 0 ? (
            "none is looked for"
          ) : (
            <>
              {server?.authentication?.required === false ? "optional" : "required"}
              {server?.shadow_authentication ? ", only tried out" : ""}:{" "}
              {issuers.map((rule) => rule.issuer + holder(rule)).join(", ")}
            </>
          )}
        </dd>
        <dt>what decides</dt>
        <dd>
          {DECIDES[host.decides] ?? host.decides}
          {host.decides === "default_action" ? `: ${policy.default_action}` : ""}
          {host.tried_out ? ", only tried out" : ""}
        </dd>
      </dl>
      {findings.length > 0 && (
        <>
          <h4>Findings</h4>
          <ul class="findings">
            {findings.map((it, index) => (
              <FindingItem key={index} finding={it} />
            ))}
          </ul>
        </>
      )}
      {rules.length > 0 && <h4>{count(rules.length, "rule")}</h4>}
      {rules.slice(0, 50).map((rule, index) => (
        <RuleCard key={index} rule={rule} />
      ))}
      {rules.length > 50 && <p>and {rules.length - 50} more</p>}
      {rules.length === 0 &&
        (host.decides === "authorization" || host.decides === "egress_authorization") && (
          <p>There are no rules, so nothing is admitted.</p>
        )}
    </section>
  );
}

function About({ caller }: { caller: Caller }) {
  return (
    <section>
      <h3>{caller.label}</h3>
      <dl class="facts">
        <dt>stands for</dt>
        <dd>{caller.detail}</dd>
        {caller.claims && (
          <>
            <dt>claims</dt>
            <dd>
              <code>{JSON.stringify(caller.claims)}</code>
            </dd>
          </>
        )}
        {caller.expires_in_seconds !== undefined && (
          <>
            <dt>expires in</dt>
            <dd>{caller.expires_in_seconds} s</dd>
          </>
        )}
        {caller.typ && (
          <>
            <dt>type of the token</dt>
            <dd>
              <code>{caller.typ}</code>
            </dd>
          </>
        )}
        {caller.certificate && (
          <>
            <dt>SHA-256 of the certificate</dt>
            <dd>
              <code>{caller.certificate}</code>
            </dd>
          </>
        )}
        {caller.source && (
          <>
            <dt>SPIFFE ID</dt>
            <dd>
              <code>{caller.source}</code>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

const MOST_LISTED = 200;

/** Who may do anything at a host. */
function Everyone({
  model,
  host,
  open,
}: {
  model: Model;
  host: number;
  open(opened: Opened): void;
}) {
  const listed = useMemo(() => {
    const all = model.callers.map((_, index) => index);
    const verdicts = model.verdictsAt(model.hosts[host]!, all);
    return all
      .filter((caller) => verdicts[caller]!.state !== "none")
      .map((caller) => ({ caller, verdict: verdicts[caller]! }));
  }, [model, host]);
  return (
    <section>
      <h3>Who may reach it</h3>
      {listed.length === 0 && <p>Nobody.</p>}
      <ul class="who">
        {listed.slice(0, MOST_LISTED).map(({ caller, verdict }) => (
          <li key={caller}>
            <button type="button" onClick={() => open({ host, caller })}>
              <span class={`sign ${verdict.triedOut ? "tried" : verdict.state}`} aria-hidden="true">
                {verdict.triedOut ? "△" : verdict.state === "all" ? "●" : "◐"}
              </span>{" "}
              {model.callers[caller]!.label}
            </button>{" "}
            <span class="quiet">{model.callers[caller]!.detail}</span>
          </li>
        ))}
      </ul>
      {listed.length > MOST_LISTED && <p>and {listed.length - MOST_LISTED} more</p>}
    </section>
  );
}
