import { latest, sum, type ChartKind, type ChartLine } from "@/charts/chart"
import type { components } from "@/api/schema"
import { compact, count, duration, money } from "@/format"

export type Series = components["schemas"]["Series"]

export interface Chart {
  title: string
  kind: ChartKind
  lines: ChartLine[]
  totals: string[]
  format: (value: number) => string
}

export const RANGES = [
  { name: "1h", words: "1 hour", minutes: 60 },
  { name: "24h", words: "24 hours", minutes: 24 * 60 },
  { name: "7d", words: "7 days", minutes: 7 * 24 * 60 },
] as const

export function timesOf(series: Series): number[] {
  return series.buckets.map((bucket) => Date.parse(bucket) / 1000)
}

/** The series as if nothing but one provider or route were there; `of` is `provider/NAME` or `route/NAME`, and anything else is all. */
export function partOf(series: Series, of: string): Series {
  const [, kind, name = ""] = /^(provider|route)\/(.*)$/.exec(of) ?? []
  if (!kind) return series
  return { ...series, total: (kind === "provider" ? series.by_provider : series.by_route)[name] ?? nothing(series) }
}

function nothing({ buckets }: Series): Series["total"] {
  const [zeros, unknown] = [buckets.map(() => 0), buckets.map(() => null)]
  return { requests: zeros, errors: zeros, p50_ms: unknown, p95_ms: unknown, prompt_tokens: zeros, completion_tokens: zeros, cost: unknown }
}

export function chartsOf({ total }: Series): Chart[] {
  const answered = total.requests.map((many, at) => many - total.errors[at]!)
  return [
    chart("Requests", "bars", count, sum, [
      { label: "answered", colour: "accent", values: answered },
      { label: "errors", colour: "bad", values: total.errors },
    ]),
    chart("Duration, latest", "lines", duration, latest, [
      { label: "half within", colour: "accent", values: total.p50_ms },
      { label: "95 % within", colour: "warn", values: total.p95_ms },
    ]),
    chart("Tokens", "bars", compact, sum, [
      { label: "prompt", colour: "accent", values: total.prompt_tokens },
      { label: "reply", colour: "good", values: total.completion_tokens },
    ]),
    chart("Cost", "bars", money, sum, [{ label: "US dollars", colour: "accent", values: total.cost }]),
  ]
}

function chart(title: string, kind: ChartKind, format: (value: number | null) => string, whole: typeof sum, lines: ChartLine[]): Chart {
  return { title, kind, lines, format, totals: lines.map((line) => format(whole(line.values))) }
}
