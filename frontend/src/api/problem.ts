/** One thing wrong with the config, as the API tells it. */
export interface ConfigProblem {
  severity: "error" | "warning"
  line: number
  column: number
  path: string
  message: string
  hint?: string | null
}

/** An `application/problem+json` answer, or what stands in for one when the server can't be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    readonly detail: string,
    readonly problems: ConfigProblem[] = [],
    readonly more: Record<string, unknown> = {},
  ) {
    super(detail)
    this.name = "Problem"
  }

  /** The diff that could not be written, when the file is read-only. */
  get diff(): string | null {
    return typeof this.more.diff === "string" ? this.more.diff : null
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null)
  if (!isRecord(body)) return new Problem(response.status, "internal", response.statusText || `status ${response.status}`)
  const { detail, title, kind, problems, error, ...more } = body
  const told = detail ?? (isRecord(error) ? error.message : null) ?? title
  return new Problem(
    response.status,
    String(kind ?? "internal"),
    String(told ?? response.statusText),
    Array.isArray(problems) ? (problems as ConfigProblem[]) : [],
    more,
  )
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TypeError) return new Problem(0, "unreachable", "routerd can't be reached.")
  return new Problem(0, "internal", error instanceof Error ? error.message : String(error))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
