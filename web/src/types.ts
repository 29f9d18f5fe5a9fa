// What the command writes into the page, and what the engine answers.

/** A policy: the JSON that the filter reads, as far as the page shows it. */
export interface Policy {
  gateway: string;
  default_action: "deny" | "allow";
  jwt_rules?: JwtRule[];
  principals?: Principal[];
  operations?: Operation[];
  rules?: { name: string; from?: number[]; to?: number[] }[];
  servers: Server[];
  egress_rules?: { name: string; from?: string[]; to?: number[]; identity?: string }[];
  source_identity?: { propagated?: { header: string } };
  egress?: { hostname: string; rules: number[]; shadow?: boolean }[];
}

export interface JwtRule {
  issuer: string;
  audiences?: string[];
  jwks: { inline?: string; remote?: { uri: string } };
  require_expiration?: boolean;
  max_lifetime_seconds?: number;
  token_types?: string[];
  required_claims?: string[];
  certificate_bound?: "if_present" | "required";
  workload_bound?: "spiffe" | "kubernetes";
}

export interface Principal {
  iss?: string;
  sub?: string;
  other?: Record<string, string>;
}

export interface Operation {
  methods?: string[];
  paths?: string[];
}

export interface Server {
  name: string;
  hostname: string;
  authentication?: { jwt: number[]; required?: boolean };
  authorization?: { rules: number[] };
  passthrough?: boolean;
  shadow_authentication?: boolean;
  shadow_authorization?: boolean;
}

export interface Side {
  policy: Policy;
  silenced: Record<string, number[]>;
}

export interface Host {
  name: string | null;
  example: string;
  server: number | null;
  egress: number | null;
  decides: string;
  tried_out: boolean;
  class: number;
  probe: number;
  with: number[];
}

export interface Caller {
  kind: "principal" | "issuer" | "source" | "other_source" | "nobody";
  label: string;
  detail: string;
  claims?: Record<string, unknown>;
  expires_in_seconds?: number;
  typ?: string;
  source?: string;
  certificate?: string;
}

export interface Probe {
  methods: string[];
  other_method: string;
  paths: string[];
  patterns: Record<string, number[]>;
}

export interface Finding {
  severity: "error" | "warning" | "note";
  message: string;
  file?: string;
  line?: number;
  column?: number;
  field?: string;
  /** Other servers that it holds for, by their paths. */
  also?: string[];
  hint?: string;
}

export interface Brief {
  decision: "allow" | "deny";
  status: number;
  reason: string;
}

export interface Answer extends Brief {
  server: string | null;
  mechanism: string;
  rule: string | null;
}

export interface Explanation extends Answer {
  steps: string[];
}

export type Verdict = "equal" | "narrower" | "wider" | "crossing" | "undecided";

export interface Change {
  change: "allowed" | "denied";
  before: Brief;
  after: Brief;
  callers: string[];
  methods: string[];
  any_method_but: string[] | null;
  patterns: (string | null)[];
  examples: Query[];
}

export interface Undecided {
  change: "allowed" | "denied";
  caller: string;
  method: string | null;
  pattern: string | null;
  why: string;
}

export interface SecurityDifference {
  what: string;
  issuer: string | null;
  before: string;
  after: string;
  effect: "wider" | "narrower" | "other";
  consequence: string;
  hosts: { name: string | null; example: string }[];
}

/** As `prove --output json` prints it. */
export interface GuaranteeReport {
  file: string;
  proved: number;
  refuted: number;
  undecided: number;
  guarantees: Guarantee[];
}

export interface Guarantee {
  name: string;
  verdict: "proved" | "refuted" | "undecided";
  counterexample?: {
    query: Query;
    decision: "allow" | "deny";
    status: number;
    reason: string;
    rule: string | null;
  };
  doubts?: { host: string; method: string | null; why: string }[];
}

export interface Diff {
  verdict: Verdict;
  hosts: number;
  differing_hosts: number;
  rewritten_hosts: number;
  differences: {
    hosts: { name: string | null; example: string }[];
    verdict: Verdict;
    changes: Change[];
    undecided: Undecided[];
    security: SecurityDifference[];
  }[];
  security: SecurityDifference[];
}

export interface Data {
  version: string;
  made_at: number;
  new: Side;
  old?: Side;
  outline: { hosts: Host[]; callers: Caller[]; probes: Probe[] };
  diagnostics: { errors: number; warnings: number; diagnostics: Finding[] };
  diff?: Diff;
  guarantees?: GuaranteeReport;
  samples: { query: Query; expected: Explanation }[];
}

/** A request as `egress-auth explain --requests` reads it. */
export interface Query {
  request: string;
  claims?: unknown;
  typ?: string;
  source?: string;
  certificate?: string;
  headers?: Record<string, string | string[]>;
}
