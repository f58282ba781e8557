import { computed, ref, shallowRef } from "vue"
import { api, body, tagged } from "@/api/client"
import { asProblem, type ConfigProblem, type Problem } from "@/api/problem"
import type { Preview } from "@/composables/edit"

/** router.yaml as it was at some moment. */
export interface Version {
  text: string
  etag: string
  serving: string
  digest: string
}

/** The file that is edited: what it was when the editing began, what has become of it here, and there meanwhile. */
export function useConfigFile() {
  const base = shallowRef<Version | null>(null)
  const text = ref("")
  const meanwhile = shallowRef<Version | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const isDirty = computed(() => base.value !== null && text.value !== base.value.text)

  async function take(): Promise<void> {
    const now = await read()
    if (!now) return
    begin(now, now.text)
  }

  function begin(from: Version, as: string): void {
    base.value = from
    text.value = as
    meanwhile.value = null
  }

  /** Something may have happened to the file: take it, unless something is being written here. */
  async function look(): Promise<void> {
    const now = await read()
    if (!now) return
    if (now.etag === base.value?.etag) base.value = { ...base.value, serving: now.serving }
    else if (isDirty.value && now.text !== text.value) meanwhile.value = now
    else begin(now, now.text)
  }

  async function read(): Promise<Version | null> {
    try {
      const { data, etag } = await tagged(api.GET("/api/config"))
      problem.value = null
      return { text: data.text, etag: etag ?? `"${data.digest}"`, serving: data.serving, digest: data.digest }
    } catch (error) {
      problem.value = asProblem(error)
      return null
    }
  }

  async function put(dryRun: boolean): Promise<unknown> {
    const params = { query: { dry_run: dryRun }, header: { "If-Match": base.value?.etag ?? "" } }
    const answer = (await body(api.PUT("/api/config", { params, body: { text: text.value } }))) as Preview
    if (!dryRun || answer.diff || !base.value || !isDirty.value) return answer
    const { unifiedDiff } = await import("@/config/lines") // the server can't compare with a file that has no meaning
    return { ...answer, diff: unifiedDiff(base.value.text, text.value) }
  }

  void take()
  return { base, text, meanwhile, problem, isDirty, take, begin, look, put }
}

/** What the server says of a text, without anything being written. */
export function check(text: string) {
  return body(api.POST("/api/config/check", { body: { text } }))
}

/** The problems of a text alone; none when they can't be asked for. */
export async function problemsOf(text: string): Promise<ConfigProblem[]> {
  return (await check(text).catch(() => null))?.problems ?? []
}
