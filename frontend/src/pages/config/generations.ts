import { api, body } from "@/api/client"
import { unifiedDiff } from "@/config/lines"
import { patched } from "@/config/patch"

/** The text of a generation, worked out from what going back to it would change; null where that can't be told. */
async function textOf(generation: number, now: string): Promise<string | null> {
  const answer = await body(api.POST("/api/config/rollback", { params: { query: { dry_run: true } }, body: { generation } }))
  return patched(now, answer.diff)
}

/** What one generation changed of another, line by line. Throws a Problem where a text was not kept. */
export async function diffBetween(from: number, to: number): Promise<string | null> {
  const { text } = await body(api.GET("/api/config"))
  const [before, after] = await Promise.all([textOf(from, text), textOf(to, text)])
  return before === null || after === null ? null : unifiedDiff(before, after)
}
