// Answers to every method and path, said in few lines.

import type { Answer, Probe } from "./types";

/** Requests with one answer, and with one answer by the older policy. */
export interface Line {
  answer: Answer;
  /** What the older policy answers, where that is something else. */
  was: Answer | null;
  methods: string;
  paths: string[];
  /** One of the requests. */
  example: { method: string; path: string };
}

/** Puts requests together that have the same answers. */
export function collapse(probe: Probe, answers: Answer[], older: Answer[] | null): Line[] {
  const lines = new Map<string, { answer: Answer; was: Answer | null; byMethod: number[][] }>();
  probe.methods.forEach((_, method) => {
    probe.paths.forEach((_, path) => {
      const index = method * probe.paths.length + path;
      const answer = answers[index]!;
      const before = older?.[index] ?? null;
      const was = before && said(before) !== said(answer) ? before : null;
      const key = JSON.stringify([answer, was]);
      let line = lines.get(key);
      if (!line) lines.set(key, (line = { answer, was, byMethod: [] }));
      (line.byMethod[method] ??= []).push(path);
    });
  });
  const out: Line[] = [];
  for (const { answer, was, byMethod } of lines.values()) {
    const alike = new Map<string, { methods: number[]; paths: number[] }>();
    byMethod.forEach((paths, method) => {
      const key = paths.join();
      const known = alike.get(key);
      if (known) known.methods.push(method);
      else alike.set(key, { methods: [method], paths });
    });
    for (const { methods, paths } of alike.values()) {
      out.push({
        answer,
        was,
        methods: sayMethods(probe, methods),
        paths: sayPaths(probe, paths),
        example: { method: probe.methods[methods[0]!]!, path: probe.paths[example(probe, paths)]! },
      });
    }
  }
  const rank = (line: Line): number => (line.answer.decision === "allow" ? 0 : 1);
  return out.sort((one, other) => rank(one) - rank(other));
}

function said(answer: Answer): string {
  return `${answer.decision} ${answer.status} ${answer.reason}`;
}

function sayMethods(probe: Probe, methods: number[]): string {
  const names = methods.map((method) => probe.methods[method]!);
  if (!names.includes(probe.other_method)) return names.join(", ");
  const others = probe.methods.filter((method) => !names.includes(method));
  return others.length === 0 ? "any method" : `any method but ${others.join(", ")}`;
}

/** Paths; a pattern where all that were made from it are among them. */
function sayPaths(probe: Probe, paths: number[]): string[] {
  if (paths.length === probe.paths.length) return ["any path"];
  const all = new Set(paths);
  let left = new Set(paths);
  const out: string[] = [];
  const patterns = Object.entries(probe.patterns).sort(
    (one, other) => other[1].length - one[1].length,
  );
  for (const [pattern, made] of patterns) {
    if (made.every((path) => all.has(path)) && made.some((path) => left.has(path))) {
      made.forEach((path) => left.delete(path));
      out.push(pattern);
    }
  }
  // The first path is the one that no pattern matches.
  for (const path of left)
    out.push(path === 0 && out.length + left.size > 0 ? "any other path" : probe.paths[path]!);
  return out;
}

/** A path with something in it rather than one without. */
function example(probe: Probe, paths: number[]): number {
  return paths.find((path) => path > 0 && probe.paths[path]!.endsWith("x")) ?? paths[0]!;
}
