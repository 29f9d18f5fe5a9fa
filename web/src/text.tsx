// Small things in words, the same everywhere.

import type { Brief, Operation, Policy, Principal } from "./types";
import type { Verdict } from "./model";

export const STATES = {
  all: { sign: "●", text: "may do everything" },
  some: { sign: "◐", text: "may do something" },
  none: { sign: "○", text: "may do nothing" },
} as const;

/** A verdict in words. */
export function sayVerdict(verdict: Verdict): string {
  const extra = [
    verdict.together ? "together with a token or workload" : "",
    verdict.triedOut ? "only tried out: what would be denied is reported and passes" : "",
  ].filter(Boolean);
  return [STATES[verdict.state].text, ...extra].join(", ");
}

/** Allowed or denied, with status and reason. */
export function Badge({ answer }: { answer: Brief }) {
  const shadow = answer.reason.startsWith("shadow_");
  const kind = answer.decision === "deny" ? "deny" : shadow ? "tried" : "allow";
  return (
    <span class={`badge ${kind}`}>
      <span aria-hidden="true">{kind === "deny" ? "✕" : kind === "tried" ? "△" : "✓"}</span>{" "}
      {answer.decision} {answer.status} {answer.reason}
    </span>
  );
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function sayPrincipal(principal: Principal): string {
  const parts = [
    ...(principal.sub === undefined ? [] : [`sub ${principal.sub}`]),
    ...(principal.iss === undefined ? [] : [`iss ${principal.iss}`]),
    ...Object.entries(principal.other ?? {}).map(([name, pattern]) => `${name} ${pattern}`),
  ];
  return parts.length === 0 ? "any verified token" : parts.join(", ");
}

export function sayOperation(operation: Operation): string {
  const methods = operation.methods?.join(", ") ?? "any method";
  return `${methods} on ${operation.paths?.join(", ") ?? "any path"}`;
}

/** A rule of a server or of egressAuthorization, in words. */
export interface SaidRule {
  name: string;
  from: string[];
  to: string[];
}

export function sayRules(policy: Policy, mechanism: string, indices: number[]): SaidRule[] {
  const operations = (to: number[] | undefined): string[] =>
    to ? to.map((index) => sayOperation(policy.operations![index]!)) : ["anything"];
  if (mechanism === "egress_authorization") {
    return indices.map((index) => {
      const rule = policy.egress_rules![index]!;
      const identity = rule.identity ? ` (${rule.identity.replaceAll("_", " ")})` : "";
      return {
        name: rule.name,
        from: rule.from?.map((it) => `workload ${it}${identity}`) ?? ["any workload"],
        to: operations(rule.to),
      };
    });
  }
  return indices.map((index) => {
    const rule = policy.rules![index]!;
    const from = rule.from?.map((it) => sayPrincipal(policy.principals![it]!)) ?? ["anyone"];
    return { name: rule.name, from, to: operations(rule.to) };
  });
}
