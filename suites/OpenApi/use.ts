// What a client of the generated types writes: names of operations, required fields, and words that are no others.
import type { components as Administration } from "./administration";
import type { components, operations } from "./agents";

type Answer<T extends keyof operations> = operations[T]["responses"] extends { 200: { content: { "application/json": infer Body } } } ? Body : never;

export function describe(agent: Answer<"getWorkspaceagentsByWorkspaceagent">, lines: Answer<"getWorkspaceagentsByWorkspaceagentLogs">): string {
  const status: "connecting" | "connected" | "disconnected" | "timeout" = agent.status;
  const first: components["schemas"]["LogLine"] | undefined = lines[0];
  const region = agent.latency["1"]?.latency_ms ?? 0;
  return `${agent.name} ${status} ${agent.apps.map(app => app.healthcheck.url)} ${agent.directory?.length} ${first?.level} ${region}`;
}

export const app: Administration["schemas"]["DeclaredApp"] = { slug: "site", sharing_level: "owner", healthcheck_url: "http://localhost", healthcheck_interval: 5 };

// @ts-expect-error There is no such field.
export const nested: Administration["schemas"]["DeclaredApp"] = { slug: "site", healthcheck: { url: "http://localhost" } };

// @ts-expect-error There is no such word.
export const shared: Administration["schemas"]["DeclaredApp"] = { slug: "site", sharing_level: "all" };
