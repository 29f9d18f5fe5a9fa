// What the page knows: the data, the engine, and what it has been asked so far.

import { Engine, type Survey, type SurveyCaller } from "./engine";
import type { Caller, Data, Finding, Host, Probe, Query } from "./types";

/** What a caller may do at a host. */
export interface Verdict {
  state: "all" | "some" | "none";
  /** Whether a denial is only reported. */
  triedOut: boolean;
  /** Whether it is so only together with a token or a workload beside the caller's own. */
  together: boolean;
}

/** One way of calling: a caller alone, or with what another one has. */
export interface Way {
  caller: SurveyCaller;
  beside: Caller | null;
}

const NONE: Verdict = { state: "none", triedOut: false, together: false };

export class Model {
  readonly hosts: Host[];
  readonly callers: Caller[];
  /** Lower-case texts to search in, host by host and caller by caller. */
  readonly hostTexts: string[];
  readonly callerTexts: string[];
  /** Findings by host. */
  readonly findings = new Map<Host, Finding[]>();
  /** Hosts by finding. */
  readonly places = new Map<Finding, Host[]>();
  /** Names of hosts for which the older policy has other rules. */
  readonly changed = new Set<string | null>();
  /** Number of the older policy in the engine. */
  readonly old: number | null;
  /** What the engine of the command and this one do not agree on. */
  readonly disagreements: string[] = [];
  private readonly verdicts = new Map<number, Verdict>();

  constructor(
    readonly data: Data,
    readonly engine: Engine,
  ) {
    this.hosts = data.outline.hosts;
    this.callers = data.outline.callers;
    engine.load(data.new);
    this.old = data.old ? engine.load(data.old) : null;
    this.hostTexts = this.hosts.map((host) => {
      const server = this.server(host)?.name ?? "";
      return `${hostLabel(host)} ${host.example} ${server}`.toLowerCase();
    });
    this.callerTexts = this.callers.map((it) => `${it.label} ${it.detail}`.toLowerCase());
    this.place();
    for (const group of data.diff?.differences ?? []) {
      for (const host of group.hosts) this.changed.add(host.name);
    }
    this.compare();
  }

  /** Unix seconds. */
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  server(host: Host) {
    return host.server === null ? undefined : this.data.new.policy.servers[host.server];
  }

  probe(host: Host): Probe {
    return this.data.outline.probes[host.probe]!;
  }

  /** A caller as the engine takes it: what needs a time gets it now. */
  surveyCaller(caller: Caller): SurveyCaller {
    const made: SurveyCaller = {};
    if (caller.claims) {
      made.claims =
        caller.expires_in_seconds === undefined
          ? caller.claims
          : { ...caller.claims, exp: this.now() + caller.expires_in_seconds };
    }
    if (caller.typ !== undefined) made.typ = caller.typ;
    if (caller.source !== undefined) made.source = caller.source;
    if (caller.certificate !== undefined) made.certificate = caller.certificate;
    return made;
  }

  /** The ways in which a caller can call a host. */
  ways(host: Host, caller: Caller): Way[] {
    const own = this.surveyCaller(caller);
    const ways: Way[] = [{ caller: own, beside: null }];
    for (const index of host.with) {
      const beside = this.callers[index]!;
      const other = this.surveyCaller(beside);
      if (own.claims === undefined && own.source === undefined) continue;
      if (own.claims !== undefined && other.claims !== undefined) continue;
      if (own.source !== undefined && other.source !== undefined) continue;
      ways.push({ caller: { ...other, ...own }, beside });
    }
    return ways;
  }

  /** What the engine says of every method and path of a host's probe, way by way. */
  survey(policy: number, host: Host, ways: Way[]): Survey {
    const { methods, paths } = this.probe(host);
    const callers = ways.map((way) => way.caller);
    return this.engine.survey(policy, this.now(), { host: host.example, methods, paths, callers });
  }

  /** What some callers may do at a host. Hosts of one class are asked about once. */
  verdictsAt(host: Host, callers: number[]): Verdict[] {
    const key = (caller: number): number => host.class * this.callers.length + caller;
    const asked = callers.filter((caller) => !this.verdicts.has(key(caller)));
    if (asked.length > 0) {
      const ways = asked.map((caller) => this.ways(host, this.callers[caller]!));
      const survey = this.survey(0, host, ways.flat());
      let at = 0;
      asked.forEach((caller, index) => {
        const end = at + ways[index]!.length;
        this.verdicts.set(key(caller), verdict(survey, at, end));
        at = end;
      });
    }
    return callers.map((caller) => this.verdicts.get(key(caller)) ?? NONE);
  }

  /** Puts findings and the hosts that they are about together. */
  private place(): void {
    const { policy } = this.data.new;
    const concerned = new Map<string, Host[]>();
    const add = (field: string, host: Host): void => {
      const hosts = concerned.get(field);
      if (hosts) hosts.push(host);
      else concerned.set(field, [host]);
    };
    for (const host of this.hosts) {
      // A wildcard's findings are not those of every host below it.
      if (this.server(host)?.hostname === (host.name ?? "*")) add(`http[${host.server}]`, host);
      const entries = new Set(
        (this.data.new.silenced[host.example] ?? []).map((it) => `egressAuthorization[${it}]`),
      );
      const rules = host.egress === null ? [] : policy.egress![host.egress]!.rules;
      for (const rule of rules) entries.add(policy.egress_rules![rule]!.name);
      for (const entry of entries) add(entry, host);
    }
    for (const finding of this.data.diagnostics.diagnostics) {
      const fields = [finding.field ?? "", ...(finding.also ?? [])].map(
        (it) => /^spec\.((?:http|egressAuthorization)\[\d+\])/.exec(it)?.[1] ?? "",
      );
      const hosts = [...new Set(fields)].flatMap((field) => concerned.get(field) ?? []);
      this.places.set(finding, hosts);
      for (const host of hosts) {
        const findings = this.findings.get(host);
        if (findings) findings.push(finding);
        else this.findings.set(host, [finding]);
      }
    }
  }

  /** Decides what the command has decided, and notes every difference. */
  private compare(): void {
    for (const { query, expected } of this.data.samples) {
      const answer = this.engine.explain(0, this.data.made_at, query);
      const same = (Object.keys(expected) as (keyof typeof expected)[]).every(
        (field) => JSON.stringify(answer[field]) === JSON.stringify(expected[field]),
      );
      if (!same) this.disagreements.push(query.request);
    }
  }
}

/** What the ways from `start` to `end` of a survey come to: the best of them. */
function verdict(survey: Survey, start: number, end: number): Verdict {
  let best: Verdict = NONE;
  const rank = { none: 0, some: 1, all: 2 };
  survey.callers.slice(start, end).forEach((row, way) => {
    const answers = row.map((index) => survey.answers[index]!);
    const allowed = answers.filter((answer) => answer.decision === "allow");
    const reach = survey.reach[start + way] ?? "unclear";
    // Where only paths are left that servers read in several ways, those that were tried decide.
    const state = reach !== "unclear" ? reach : allowed.length > 0 ? "some" : "none";
    const triedOut = allowed.some((answer) => answer.reason.startsWith("shadow_"));
    if (rank[state] > rank[best.state]) best = { state, triedOut, together: way > 0 };
  });
  return best;
}

/** How a host is called. */
export function hostLabel(host: { name: string | null }): string {
  return host.name ?? "any other host";
}

/** A request of a caller to a host, for the tester. */
export function query(host: Host, method: string, path: string, caller: SurveyCaller): Query {
  return { request: `${method} https://${host.example}${path}`, ...caller };
}
