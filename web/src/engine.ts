// The engine: `decide` of the filter, compiled to wasm.

import type { Answer, Explanation, Query } from "./types";

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  question(length: number): number;
  answer(): number;
  answer_end(): number;
}

/** Why the engine gave no answer. */
export class EngineError extends Error {}

/** What every caller may do at one host; see `survey` in the engine. */
export interface Survey {
  answers: Answer[];
  callers: number[][];
  /** How much each may do there over all requests, as far as that is known. */
  reach: ("all" | "some" | "none" | "unclear" | null)[];
}

export interface SurveyCaller {
  claims?: unknown;
  typ?: string;
  source?: string;
  certificate?: string;
}

export class Engine {
  private constructor(private readonly exports: Exports) {}

  static async start(module: BufferSource): Promise<Engine> {
    const memory = (): DataView<ArrayBuffer> => new DataView(exports.memory.buffer as ArrayBuffer);
    // The few functions of WASI (preview 1) that the standard library asks for.
    const wasi = {
      environ_sizes_get(count: number, size: number): number {
        memory().setUint32(count, 0, true);
        memory().setUint32(size, 0, true);
        return 0;
      },
      environ_get: (): number => 0,
      fd_write(_file: number, parts: number, count: number, written: number): number {
        let length = 0;
        for (let part = 0; part < count; part++) {
          length += memory().getUint32(parts + part * 8 + 4, true);
        }
        memory().setUint32(written, length, true);
        return 0;
      },
      proc_exit(code: number): never {
        throw new EngineError(`the engine stopped (${code})`);
      },
      random_get(address: number, length: number): number {
        crypto.getRandomValues(new Uint8Array(memory().buffer, address, length));
        return 0;
      },
    };
    const { instance } = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi });
    const exports = instance.exports as unknown as Exports;
    exports._initialize();
    return new Engine(exports);
  }

  /** Asks a question written as JSON; the answer as JSON. */
  private ask(question: string): Record<string, unknown> {
    const bytes = new TextEncoder().encode(question);
    const address = this.exports.question(bytes.length);
    new Uint8Array(this.exports.memory.buffer, address, bytes.length).set(bytes);
    const start = this.exports.answer();
    const end = this.exports.answer_end();
    const text = new TextDecoder().decode(
      new Uint8Array(this.exports.memory.buffer, start, end - start),
    );
    const answer = JSON.parse(text) as Record<string, unknown>;
    if (typeof answer["error"] === "string") throw new EngineError(answer["error"]);
    return answer;
  }

  /** Takes a policy, and returns the number by which it is named. */
  load(side: unknown): number {
    return this.ask(JSON.stringify({ load: side }))["loaded"] as number;
  }

  explain(policy: number, now: number, query: Query): Explanation {
    return this.explainJson(policy, now, JSON.stringify(query));
  }

  /** The same for a query that is JSON already: claims reach the engine as they were written. */
  explainJson(policy: number, now: number, query: string): Explanation {
    const question = `{"explain":{"policy":${policy},"now":${now},"query":${query}}}`;
    return this.ask(question)["explained"] as Explanation;
  }

  survey(
    policy: number,
    now: number,
    requests: { host: string; methods: string[]; paths: string[]; callers: SurveyCaller[] },
  ): Survey {
    return this.ask(JSON.stringify({ survey: { policy, now, requests } }))["surveyed"] as Survey;
  }
}
